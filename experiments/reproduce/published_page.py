"""The page of published cases: each published number, ours and the bound, as tests record them."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

from experiments.reproduce.pages import Block, Cells, put_page, put_rows
from model.errors import InputError

WORDS = (
    "Published parameters in, published numbers out, through the model's own flows and engine. "
    "None of these numbers is a figure that the model is fitted to. Each row is asserted by a "
    "test of tests/published, with the bound that stands here (where it says no, the test expects "
    "that miss); a bound without a published interval is ours. README.md there says what each case "
    "is, and which cases cannot be expressed.",
    "**Count cases, not numbers**: numbers of one case hang together, and one case is run in many "
    "settings (positions of a measure, seeds, both engines).",
)
KNOWN, PUT_IN = "known answer", "published rates in, published course out"
PATTERN, STUDIED = "pattern of another model", "measures as studied"
METHOD = "test function of a method"
KINDS = {
    "C1": KNOWN,
    "C4": KNOWN,
    "C5": KNOWN,
    "C6": PUT_IN,
    "C7": PUT_IN,
    "C9": PUT_IN,
    "C11": PATTERN,
    "C12": PATTERN,
    "Effects of measures": STUDIED,
    "Ishigami": METHOD,
    "Sobol G": METHOD,
    "Shallow lake": METHOD,
}
"""What a case can show, by its name: a case that is not here is refused."""
MEANT = (
    f"*{KNOWN}*: a formula or another model's equations, to its printed digits: right or wrong.",
    f"*{PUT_IN}*: rates of a study go in, and its course over years must come out: tests states "
    "and time, not the rates.",
    f"*{PATTERN}*: order and size of what another model, or an event, showed.",
    f"*{STUDIED}*: of these only some test the model, others hand on what was put in: "
    "levers-effects.md keeps them apart.",
    f"*{METHOD}*: sensitivity and robustness methods on functions whose answer is known; says "
    "nothing of drugs.",
)


def write(folder: Path, cases: Path) -> None:
    """Write the page and its CSV from the rows that ``pytest --cases`` wrote. Raises InputError."""
    with cases.open(encoding="utf-8", newline="") as file:
        columns, *rows = [tuple(row) for row in csv.reader(file)]
    by_case = {name: list(found) for name, found in groupby(rows, key=lambda row: row[0])}
    grouped: dict[str, list[Cells]] = {}
    for row in rows:
        grouped.setdefault(_of(row[0]), []).append(row)
    missed = [row for row in rows if row[-1] != "yes"]
    models = sum(KINDS[name] not in (STUDIED, METHOD) for name in grouped)
    told = (
        f"{models} published cases of the model, {len(grouped) - models} others, in "
        f"{len(rows)} numbers; {len(missed)} outside their bound"
        + (f": {'; '.join(row[1] for row in missed)}." if missed else "."),
    )
    overview = tuple(_short(name, found) for name, found in grouped.items())
    blocks = [
        Block("", (*WORDS, *told), ("case", "shows", "settings", "numbers", "inside"), overview),
        Block("What each kind shows", MEANT, (), ()),
        *(
            Block(name, (), columns[1:], tuple(row[1:] for row in by_case[name]))
            for name in by_case
        ),
    ]
    put_page(folder, "published-cases", "Published cases", blocks)
    put_rows(folder, "published-cases", columns, rows)


def _of(setting: str) -> str:
    """The case of a setting, such as C4 of "C4 spending at 25%". Raises InputError."""
    first = setting.split(" ", maxsplit=1)[0]
    name = first if first in KINDS else setting.partition(",")[0]
    if name not in KINDS:
        raise InputError("no kind is known of this case", given=name, allowed=tuple(KINDS))
    return name


def _short(name: str, rows: list[Cells]) -> Cells:
    settings = len({row[0] for row in rows})
    inside = sum(row[-1] == "yes" for row in rows)
    return name, KINDS[name], str(settings), str(len(rows)), str(inside)
