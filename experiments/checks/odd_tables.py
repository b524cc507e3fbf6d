"""Tables of docs/odd.md, from the code and the parameter table.

``python -m experiments.checks.odd_tables`` writes them. Each table stands between two markers
on the page; what is outside them is written by hand.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from model.agents import philox
from model.agents.build import DOCKED, Switches
from model.agents.cases import Cases, Centres
from model.agents.enforcement import EnforcementBook
from model.agents.market_book import MarketBook
from model.agents.people import Layout, People
from model.agents.schedule import SCHEDULE
from model.agents.terms import OWNER
from model.catalogue import Catalogue, load_catalogue
from model.parameters import ParameterRow

PAGE = Path(__file__).parents[2] / "docs" / "odd.md"

HOLDERS = (
    ("person", People),
    ("place", Layout),
    ("case in care", Cases),
    ("treatment centre", Centres),
    ("market", MarketBook),
    ("police and customs", EnforcementBook),
)
KINDS = {"Int": "int64", "Float": "float64"}
# What comments in the code leave to the name.
TOLD = {
    "person.liability": "class of liability, 0 to 31, equally likely; constant",
    "person.burden": "1 with a mental-health burden; constant",
    "person.nightlife": "other end of the tie, or -1",
    "person.online": "other end of the tie, or -1",
    "place.block_region": "region",
    "place.block_cell": "cell that the block is part of",
    "place.cell_region": "region",
    "case in care.slot": "who",
    "case in care.product": "of which product",
    "case in care.region": "region",
    "case in care.stage": "waiting, ready to start, treated, arriving this month, or outside",
    "case in care.centre": "where, or -1 where the service has no centres",
    "case in care.asked": "when they asked: month since January 2010, with its fraction",
    "case in care.ahead": "who is before in the queue, or -1",
    "case in care.behind": "who is after in the queue, or -1",
    "case in care.size": "how many cases there are",
    "market.capacity": "share of the national volume of January 2010; 0 is a vacant place",
    "treatment centre.service": "what it offers",
    "treatment centre.region": "region",
    "treatment centre.places": "places, in agents",
    "treatment centre.treated": "people in treatment, in agents",
    "treatment centre.length": "people who queue",
    "treatment centre.waited": "ticks that those admitted this year had waited",
    "treatment centre.head": "first of the queue, by rank, or -1",
    "treatment centre.tail": "last of the queue, by rank, or -1",
    "treatment centre.admitted": "people admitted this year",
    "treatment centre.size": "how many centres there are",
}

# What each purpose of random numbers decides, and what its counter words c1 and c2 are.
PURPOSES = {
    "COUNT": ("how many candidates a block has of a product", "block", "month, product"),
    "CANDIDATE": ("where each falls, and its acceptance word", "block", "month, product"),
    "BRANCH": ("when in its part of the month it acts, and which way", "block", "month, product"),
    "WALK": ("next event of a person in care: when, and which way", "place", "month, product"),
    "STAND_IN": (
        "with whom the dead change states, where deaths are shared",
        "place",
        "month, product",
    ),
    "DEATH": ("other deaths, departures, and whom newcomers are like", "block", "month"),
    "START": ("states at the start, and who lives where", "block; place", "product"),
    "LIABILITY": ("liability of a place", "place", ""),
    "NETWORK": ("ties: who has one and with whom", "cell or pool", "part of it"),
    "ENTRY": ("states and burden on reaching the youngest age", "place", "product"),
    "AGEING": ("who moves to the next age band, without birth cohorts", "block", "year"),
    "CENTRE": (
        "which centre; how long those found on a list have waited",
        "place",
        "month, product",
    ),
    "MARKET": ("actors who come, leave, look about", "what for", "month, product"),
    "ENFORCEMENT": ("which actors are stopped", "", "month, product"),
    "OUTREACH": ("how well teams see who is outside care", "", "month"),
    "ROUNDING": ("whole numbers of people and places, right on average", "cell", ""),
    "BURDEN": ("mental-health burden at the start", "place", ""),
}


def table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell or " " for cell in row) + " |" for row in lines)


def number(value: float | None) -> str:
    """A number as it is printed; nothing for None."""
    return "" if value is None else f"{value:g}"


def parameter_line(row: ParameterRow) -> Sequence[str]:
    """One parameter: its range, and whether its value has a source or is assumed."""
    spread = "fixed" if row.distribution == "fixed" else f"{number(row.low)}-{number(row.high)}"
    origin = row.source if row.source == "assumed" else f"assumed, after {row.source}"
    if row.role not in ("assumed", "fixed"):
        origin = row.source
    return (f"`{row.parameter}`", number(row.value), spread, row.unit, origin, row.note or "")


def parameter_table(catalogue: Catalogue) -> str:
    """Rows of the parameter table that the agent engine alone reads."""
    heads = ("parameter", "value", "range", "unit", "source", "what it is")
    own = (row for row in catalogue.parameters if row.product == OWNER)
    return table(heads, (parameter_line(row) for row in own))


def commented_fields(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, type and comment of the fields of a NamedTuple, as its source has them."""
    source = inspect.getsource(kind)
    lines = source.splitlines()
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            written = ast.unparse(node.annotation)
            inner = re.search(r"np\.(\w+)\]", written)
            _, _, comment = lines[node.lineno - 1].partition("  # ")
            yield node.target.id, inner.group(1) if inner else KINDS[written], comment.strip()


def variable_table() -> str:
    """State variables of people, places, cases, centres, markets and units."""
    rows = (
        (holder, f"`{name}`", kind, described(f"{holder}.{name}", comment))
        for holder, named in HOLDERS
        for name, kind, comment in commented_fields(named)
    )
    return table(("of", "variable", "type", "what it holds"), rows)


def described(name: str, comment: str) -> str:
    """What a variable holds, its shape first where the comment has one."""
    if name not in TOLD:
        return comment
    shape = re.match(r"\([^)]*\)", comment)
    return f"{shape.group()} {TOLD[name]}" if shape else TOLD[name]


def schedule_table() -> str:
    """The steps of a month in order."""
    rows = (
        (str(i), f"`{step}`", what, module) for i, (step, what, module) in enumerate(SCHEDULE, 1)
    )
    return table(("order", "step", "what happens", "module"), rows)


def switch_texts() -> dict[str, str]:
    """What the docstring of Switches says of each."""
    text = " ".join((Switches.__doc__ or "").split()).partition(" Raises ")[0]
    found = re.findall(r"``(\w+)``: (.*?)(?= ``\w+``: |$)", text)
    return {name: said.rstrip(". ") for name, said in found}


def switch_table() -> str:
    """Refinements that can be switched, what is usual and what docking has."""
    texts, usual = switch_texts(), Switches()

    def told(value: object) -> str:
        return ("on" if value else "off") if isinstance(value, bool) else str(value)

    rows = (
        (
            f"`{field.name}`",
            told(getattr(usual, field.name)),
            told(getattr(DOCKED, field.name)),
            texts[field.name],
        )
        for field in fields(Switches)
    )
    return table(("switch", "usual", "docking", "what it stands for"), rows)


def purpose_numbers() -> dict[str, int]:
    """The purposes of model.agents.philox, by name."""
    found = {name: n for name, n in vars(philox).items() if name.isupper() and type(n) is int}
    return {name: n for name, n in found.items() if not name.startswith("_")}


def purpose_table() -> str:
    """What random numbers are drawn for, and what keys them."""
    rows = (
        (f"`{name}`", str(n), *PURPOSES[name])
        for name, n in sorted(purpose_numbers().items(), key=lambda item: item[1])
    )
    return table(("purpose", "c3", "what it decides", "c1", "c2"), rows)


def tables() -> dict[str, str]:
    """All tables by the name of their marker."""
    return {
        "variables": variable_table(),
        "schedule": schedule_table(),
        "switches": switch_table(),
        "purposes": purpose_table(),
        "parameters": parameter_table(load_catalogue()),
    }


def filled(page: str, found: dict[str, str]) -> str:
    """The page with its tables made anew. Raises ValueError where a marker is missing."""
    for name, text in found.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if page.count(start) != 1 or page.count(end) != 1:
            raise ValueError(f"the page lacks the markers of {name}")
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
