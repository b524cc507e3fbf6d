"""``drugfutures effects``: effects of measures beside published ones, as a table, CSV or page."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.checks.lever_effects import Asked, Found, all_effects

COLUMNS = (
    *("measure", "objective", "grade", "source", "statistic", "of", "product", "ages", "months"),
    *("position", "taken", "published", "published_low", "published_high", "model", "model_low"),
    *("model_high", "inside", "shows", "note"),
)
HEADING = """\
# Effects of measures beside published ones

This page is written by `drugfutures effects --format md --draws {draws}`.

Each measure is run alone as its study had it: from January 2024, at the position that the study
compares with, for everyone whom it means, at once and in full, with the middle of each range. What
a measure loses each year stays on. Levers as shipped do less than this, for they reach few people
and come late. What the model then gives stands beside the published effect: the middle of {draws}
draws of {origin} and 90% of them. "Inside" is about the middle alone.

A ratio of odds is taken of the people of the last month; all else over all months. Rates and risks
are those of a transition per person at risk.

{counts}

- **tested**: it acts on one thing and the study counted another, so the model can be wrong.
- **in view**: it acts through elasticities of prices whose sizes were set with this study in view.
- **handed on**: its size is put on the very rate that the study counted. Agreement says that the
  machinery hands on what it is given, no more.

| measure | shows | published | model | inside | what is compared |
|---|---|---|---|---|---|
"""
EASY = """
Some ranges hold no effect at all, so that a measure that did nothing would lie inside too: {easy}.
**Without these, {inside} of {all} tested lie inside.**
"""
TESTED, IN_VIEW, HANDED_ON = "tested", "in view", "handed on"
VERY_RATE = {
    "cessation": ("transition:stop", "transition:medical_stop"),
    "moderation": ("transition:moderation",),
    "completion": ("transition:completion",),
    "overdose_fatality": ("overdose_deaths",),
    "foi_hcv": ("hcv_infections",),
    "driving": ("drivers_over_limit",),
    "reoffending": ("economic_offences",),
}
"""Handles whose size is handed on to what a study counts."""
ELASTIC = {"price": ("alcohol_per_capita", "transition:initiation")}
"""The same through an elasticity that was set with the study in view."""
OUTSIDE = {
    "minimum-unit-price": (
        "The model's floor lifts the mean price that all buyers meet, by little, for few units are "
        "below it on the whole. In Scotland cheap units were bought by those who drink most, so "
        "that deaths fell more than sales. The model knows one price and one amount a group. "
        "Nothing is set on deaths to make up for it: read this lever as too weak."
    ),
}
HORIZON = {
    "regulated-cannabis-sale": (
        "How long after the change the studies looked is not known. The odds ratio grows with the "
        "years, here to the end of the run; as a mean over these years it would be below the "
        "published range, at 1.08."
    ),
    "drug-treatment-court": (
        "The study counts people who offend again, the model offences. At one rate for all, 0.76 "
        "of the people is 0.69 of the rate, and that is what offences follow."
    ),
}


def print_effects(asked: Asked, form: str, console: Console) -> None:
    """Print the comparison as asked. Raises InputError."""
    found = all_effects(asked)
    if form == "csv":
        print(csv_text(found), end="")
    elif form == "md":
        print(page(found, origin(asked)), end="")
    else:
        console.print(_table(found, asked))


def origin(asked: Asked) -> str:
    """Where the draws come from, in words."""
    return "the priors" if asked.prior else "the posterior"


def shows(one: Found) -> str:
    """What agreement with the study would show: of the model, or of what was put in."""
    handles = {effect.handle for effect in one.measure.entry.effects}
    for kind, known in ((HANDED_ON, VERY_RATE), (IN_VIEW, ELASTIC)):
        if any(one.published.of in known.get(handle, ()) for handle in handles):
            return kind
    return TESTED


def counts(found: Sequence[Found]) -> str:
    """How many middles lie inside, by what that shows."""
    told = []
    for kind in (TESTED, IN_VIEW, HANDED_ON):
        mine = [one.inside for one in found if shows(one) == kind]
        if mine:
            told.append(f"{kind}: {sum(mine)} of {len(mine)} inside")
    return "; ".join(told)


def still(one: Found) -> float:
    """The statistic of a measure that does nothing: a ratio of 1, a difference of 0 in its unit."""
    return 0.0 if one.published.statistic == "difference" else 1.0


def ends(one: Found) -> tuple[float, float]:
    """What holds 90% of the draws, in the unit of the published effect."""
    low, high = np.quantile(one.model, [0.05, 0.95])
    return float(low), float(high)


def csv_text(found: Sequence[Found]) -> str:
    """A line for each measure; every digit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        entry, p = one.measure.entry, one.published
        low, high = ends(one)
        writer.writerow(
            [
                *(one.measure.id, one.measure.objective, entry.grade, entry.source, p.statistic),
                *(p.of, p.product, ages(one), p.months, p.position, one.span),
                *(p.value, p.low, p.high, one.median, low, high),
                *("yes" if one.inside else "no", shows(one), p.note),
            ]
        )
    return text.getvalue()


def ages(one: Found) -> str:
    """Ages of the people compared, such as 11-20; nothing for all."""
    low, high = one.published.ages or (None, None)
    if low is None and high is None:
        return ""
    return f"{low}+" if high is None else f"{low or 0}-{high}"


def compared(one: Found) -> str:
    """What is compared, in words."""
    p = one.published
    what = p.of.removeprefix("transition:").replace("_", " ")
    who = f" at {ages(one)}" if ages(one) else ""
    kind = p.statistic.replace("_", " ")
    at = "" if p.position == 100.0 else f", position {p.position:g}"
    return f"{kind}: {what}, {p.product.replace('_', ' ')}{who}; {one.span}{at}"


def range_text(middle: float, low: float, high: float) -> str:
    """A number with its range, three digits."""
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def page(found: Sequence[Found], drawn: str) -> str:
    """The page of docs."""
    draws = len(found[0].model)
    said = f"**{counts(found).capitalize()}.**"
    text = HEADING.format(draws=draws, origin=drawn, counts=said)
    for one in found:
        p = one.published
        cells = (
            *(one.measure.id, shows(one), range_text(p.value, p.low, p.high)),
            *(range_text(one.median, *ends(one)), "yes" if one.inside else "**no**"),
            compared(one),
        )
        text += f"| {' | '.join(cells)} |\n"
    easy = [
        one.measure.id for one in found if one.published.low <= still(one) <= one.published.high
    ]
    hard = [one for one in found if shows(one) == TESTED and one.measure.id not in easy]
    text += EASY.format(
        easy=", ".join(easy) or "none",
        inside=sum(one.inside for one in hard),
        all=len(hard),
    )
    there = {one.measure.id: one for one in found}
    outside = [name for name, one in there.items() if not one.inside]
    text += "\n## Outside, and why\n\n"
    text += "".join(
        f"- **{name}**: {OUTSIDE.get(name, 'not explained yet.')}\n" for name in outside
    )
    text += "\n## How to read some of them\n\n"
    text += "".join(f"- **{name}**: {told}\n" for name, told in HORIZON.items() if name in there)
    text += "\n## What each study measured\n\n"
    text += "".join(
        f"- **{name}** ({one.measure.entry.source}): {one.published.note}\n"
        for name, one in there.items()
    )
    return text


def _table(found: Sequence[Found], asked: Asked) -> Table:
    table = Table(
        title=f"Effects of measures beside published ones ({len(found)})",
        title_justify="left",
        caption=f"{counts(found)}; middle and 90% of "
        f"{len(found[0].model)} draws of {origin(asked)}. Each measure alone, in full, for "
        "everyone whom it means, as in its study.",
        caption_justify="left",
        box=box.SIMPLE,
        pad_edge=False,
    )
    for heading in ("measure", "shows", "published", "model", "inside", "what is compared"):
        table.add_column(heading, overflow="fold")
    for one in found:
        p = one.published
        inside_text = Text("yes") if one.inside else Text("no", style="bold yellow")
        table.add_row(
            one.measure.id,
            shows(one),
            range_text(p.value, p.low, p.high),
            range_text(one.median, *ends(one)),
            inside_text,
            compared(one),
        )
    return table
