"""``drugfutures backtest``: hold-outs, both readings of 2013, three structures, what is assumed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from calibration.calibrate import POOLED, Fitted, Plan, calibrate
from calibration.checks import cells
from calibration.figures import load_figures
from calibration.fit import Settings
from calibration.holdout import holdout
from calibration.posterior import SHIPPED
from calibration.readings import breaks, compare
from calibration.series import names_of
from calibration.structures import SHIPPED as SHIPPED_STRUCTURE
from calibration.structures import (
    STRUCTURES,
    Share,
    StructureRow,
    assumed_share,
    structure_rows,
    structures,
)
from experiments.figures.score import write_scores
from experiments.fits.calibrate import FITS, Advance
from experiments.fits.calibration_table import (
    Section,
    as_markdown,
    holdout_sections,
    print_sections,
)
from model.catalogue import load_catalogue
from model.errors import InputError
from model.parameters import Draws

SHORT = Settings(first=500, later=400, rounds=3, proposals=300, warmup=300)
"""Shorter fits than the shipped one: these compare, they are not shipped."""
SHORTEST = replace(SHORT, draws=150, first=400, later=300, rounds=2, proposals=200, warmup=250)
"""For fits that are only set beside another: structures, readings, known history."""
HOLDOUTS = {
    "holdout-2015": (2015, False),
    "holdout-2018": (2018, False),
    "known-2015": (2015, True),
}
"""Last year of the figures, and whether history after it is known."""
PARTS = (*HOLDOUTS, "readings", "structures")
COMPARED = ("e_cigarettes", *POOLED, "amphetamine")
"""Blocks in which structures are fitted: figures enough, and no long chain of upstream products."""
WITH_BREAK = ("cannabis", "cocaine", "mdma", "amphetamine")
CHECKS = "checks"
REPORT = "checks.md"


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    out: Path = Path("results/calibration")
    parts: tuple[str, ...] = ()
    threads: int = 1
    ship: bool = False

    @property
    def chosen(self) -> tuple[str, ...]:
        """The parts in their order; all when none is named."""
        return tuple(part for part in PARTS if not self.parts or part in self.parts)


def run_validation(asked: Asked, advance: Advance) -> list[Section]:
    """Every part asked for, its rows as CSV in the folder. Raises InputError."""
    for part in asked.parts:
        if part not in PARTS:
            raise InputError("unknown part", key="--part", given=part, allowed=PARTS)
    if asked.ship and asked.parts:
        raise InputError("only the whole is shipped", key="--ship", given="--part", allowed="all")
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = tuple(load_figures(products=names_of(catalogue), sources=sources))
    plan = Plan(catalogue, figures, SHORT, threads=asked.threads)
    folder = asked.out / CHECKS
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Section] = []
    for number, part in enumerate(asked.chosen):

        def tell(block: str, what: str, part: str = part, number: int = number) -> None:
            advance(f"{part}: {block}: {what}", number / len(asked.chosen))

        if part in HOLDOUTS:
            found += _holdout(plan, part, asked.out, folder, tell)
        elif part == "readings":
            found += _readings(plan, asked.out, folder, tell)
        else:
            found += _structures(plan, asked.out, folder, tell)
    text = as_markdown("Validation", found)
    (folder / REPORT).write_text(text, encoding="utf-8")
    if asked.ship:
        SHIPPED.with_name(REPORT).write_text(text, encoding="utf-8")
    return found


Tell = Callable[[str, str], None]


def _holdout(plan: Plan, part: str, out: Path, folder: Path, tell: Tell) -> list[Section]:
    until, known = HOLDOUTS[part]
    settings = SHORTEST if known else SHORT
    cut = replace(plan, until=until, history_known=known, settings=settings)
    found = holdout(cut, out / FITS, tell)
    write_scores(found.scored, folder / f"{part}.csv")
    words = ", history after it known" if known else ""
    return [
        replace(section, title=section.title.replace("Hold-out", f"Hold-out {until}{words}"))
        for section in holdout_sections(found)
    ]


def _shipped(plan: Plan, out: Path, tell: Tell) -> tuple[Draws, list[Fitted]]:
    """The calibration itself: fits on disk where they are, else made."""
    return calibrate(replace(plan, settings=Settings()), None, out / FITS, tell)


def _readings(plan: Plan, out: Path, folder: Path, tell: Tell) -> list[Section]:
    _, base = _shipped(plan, out, tell)
    jump = replace(plan, variant="real jump", settings=SHORTEST)
    blocks = ["e_cigarettes", *POOLED, *WITH_BREAK]
    _, other = calibrate(jump, blocks, out / FITS / "real_jump", tell)
    told = [row for row in breaks(base, plan.catalogue) if row.block in WITH_BREAK]
    changes = [row for row in compare(base, other) if row.block in WITH_BREAK]
    _csv(folder / "breaks.csv", cells(told))
    _csv(folder / "readings.csv", cells(changes))
    anchors = {one.errors.ids[i] for one in base for i in np.flatnonzero(one.errors.anchor)}
    shown = [row for row in changes if row.name in anchors]
    return [
        Section(
            "The health survey of 2013: low by a break",
            (
                "Factor on the odds of all illegal-drug answers of the wave, and on those of 2013 "
                "and later, as the fit leaves them; below 1 the survey reads low.",
            ),
            ("product", "break", "figures", "prior sd", "factor", "90%"),
            tuple(
                (
                    row.product,
                    row.label,
                    str(row.rows),
                    f"{row.prior_sd:.2f}",
                    f"{row.factor:.2f}",
                    f"{row.low:.2f}-{row.high:.2f}",
                )
                for row in told
            ),
        ),
        Section(
            "The other reading: 2013 is right and use jumped",
            (
                "The same fit with errors that know no break; model values of the anchor rows of "
                "2018, odds ratio of this reading to the first.",
            ),
            ("anchor row", "with a break, logit", "a real jump, logit", "odds ratio"),
            tuple(
                (
                    row.name,
                    f"{row.median:.2f} ({row.low:.2f} to {row.high:.2f})",
                    f"{row.median_jump:.2f} ({row.low_jump:.2f} to {row.high_jump:.2f})",
                    f"{np.exp(row.change):.2f}",
                )
                for row in shown
            ),
        ),
    ]


def _structures(plan: Plan, out: Path, folder: Path, tell: Tell) -> list[Section]:
    whole = replace(plan, settings=Settings())
    fits = structures(whole, out / FITS, tell, COMPARED, SHORTEST)
    rows = [row for row in structure_rows(fits) if row.product in COMPARED]
    shipped = next(fit for fit in fits if fit.name == SHIPPED_STRUCTURE)
    shares = assumed_share(shipped.draws, shipped.fitted, plan.catalogue, shipped.outcomes)
    _csv(folder / "structures.csv", cells(rows))
    _csv(folder / "shares.csv", cells(shares))
    return [_structure_section(rows), _share_section(shares)]


def _structure_section(rows: Sequence[StructureRow]) -> Section:
    by = {(row.structure, row.product, row.indicator): row for row in rows}
    names = tuple(STRUCTURES)
    lines = []
    for product, indicator in dict.fromkeys((row.product, row.indicator) for row in rows):
        told = [by[name, product, indicator] for name in names]
        cell = [f"{row.median:.3%} ({row.low:.3%}-{row.high:.3%})" for row in told]
        lines.append((f"{product}: {indicator.replace('_', ' ')}", *cell))
    words = (
        "Prevalence in 2030, ages 15-64, Belgium, current policy: median (90%). Each structure is "
        "fitted to the same figures; the last is shipped. The first two by shorter fits of 150 "
        "draws: differences within a tenth of the interval are theirs.",
    )
    return Section("Three structures", words, ("outcome", *names), tuple(lines))


def _share_section(shares: Iterable[Share]) -> Section:
    words = (
        "Share of the variance of the logarithm of each outcome of 2030 over the joined draws: "
        "assumed (contraction below 0.2, or in no fit), innovations after 2023, learnt. By "
        "regression on normal scores and squares; what it does not explain stands apart.",
    )
    lines = tuple(
        (
            f"{row.product}: {row.indicator.replace('_', ' ')}",
            f"{row.sd:.2f}",
            *(f"{x:.0%}" for x in (row.assumed, row.innovations, row.learnt, row.unexplained)),
        )
        for row in shares
    )
    columns = ("outcome", "log sd", "assumed", "innovations after 2023", "learnt", "unexplained")
    return Section("Where the variance of 2030 comes from", words, columns, lines)


def _csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows(rows)


def print_validation(sections: Sequence[Section], out: Path, console: Console) -> None:
    """Print every section and where the rows are."""
    print_sections(sections, console)
    console.print(f"\nRows: {out / CHECKS}", soft_wrap=True)
