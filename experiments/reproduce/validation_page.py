"""The page about how far the model can be trusted, from what the fitting commands wrote.

``drugfutures calibrate``, ``backtest`` and ``coverage`` take hours and keep their results beside
the posterior; this page puts the numbers that matter side by side and works out shares alone.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from calibration.coverage import (
    CUT,
    DRIFT,
    JUMP_YEAR,
    LATENT_YEARS,
    LEVELS,
    NOISIER,
    POORLY_MIXED,
    TRUTHS,
    UNKNOWN_BREAK,
    Quantity,
    covered,
    read_quantities,
)
from calibration.holdout import ALL_BARS, FAMILY_BAR
from calibration.posterior import SHIPPED
from experiments.fits.coverage import KINDS, verdicts
from experiments.fits.coverage import SHIPPED as COVERAGE
from experiments.reproduce.pages import Block, Cells, put_page, put_rows
from model.errors import InputError

REPORT, CHECKS = SHIPPED.with_name("report.md"), SHIPPED.with_name("checks.md")
SHARES = ("50%", "80%", "95%")
CHANCE = "chance in 95%"
MANY = 10  # figures of which a share is worth naming
# What is taken over from the reports: file, heading there, what the rows are here.
TAKEN = (
    (REPORT, "Leave-one-out: share of figures inside their interval", "each figure left out"),
    (REPORT, "Leave-one-wave-out: share of figures inside", "each wave left out"),
    (CHECKS, "Hold-out 2015: share of all rows inside", "after 2015, from data until 2015"),
    (CHECKS, "Hold-out 2018: share of all rows inside", "after 2018, from data until 2018"),
)
FORECASTS = (
    "Hold-out 2015: forecasts from 2015",
    "Hold-out 2018: forecasts from 2018",
    "Hold-out 2015, history after it known: forecasts from 2015",
)


def write(folder: Path) -> None:
    """Write the page and its CSV. Raises InputError where a report lacks what it should hold."""
    inside = tuple(row for taken in TAKEN for row in _inside(*taken))
    columns = ("test", "figures of", "figures", *SHARES, CHANCE)
    whole = tuple(row for row in inside if row[1] == "all")
    blocks = [
        Block("", _said(), columns, whole),
        *(_forecast(title) for title in FORECASTS),
        _coverage(),
        Block("By product and by source", (_least(inside),), columns, inside),
    ]
    put_page(folder, "validation", "Validation in short", blocks)
    put_rows(folder, "validation", columns, inside)


def _said() -> tuple[str, ...]:
    """What stands above the tables."""
    counts, _ = section(REPORT, "Figures")
    left_out, _ = section(REPORT, TAKEN[0][1])
    fitted = counts[0].rpartition("fitted to ")[2].rstrip(".")
    untestable = next(line for line in left_out if line.startswith("Not testable"))
    return (
        "Share of observed figures inside the intervals that the model gives them, errors of "
        "surveys and registers included. All years to 2023 were seen while the model was built: "
        "the hold-outs show that the fit does not lean on what it forecasts, and prove nothing "
        "about years to come.",
        f"{fitted} figures are fitted. {untestable} The rest can be left out one by one; fewer "
        "can be with their whole wave, since a wave that alone tells how far its survey errs "
        "leaves nothing to test it by.",
        "The last column says how far chance alone could move the share of the 95% intervals: "
        "its 95% Wilson interval were all figures independent, which those of one wave are not. "
        "Waves left out rest on importance weights; those of about a dozen waves are not to be "
        "trusted (report.md).",
        f"Asked of a hold-out: between {ALL_BARS[0]:.0%} and {ALL_BARS[1]:.0%} of all rows "
        f"inside 95%, at least {FAMILY_BAR:.0%} of each family, forecasts no wider than those of "
        "the last value, and a mean CRPS below it (a distance on the scale of the figure's logit "
        "or log: smaller is better). Nothing is asked of 50% and 80%: read them in the table.",
        "The reports that these numbers come from stand beside the posterior: report.md and "
        "checks.md.",
    )


def _least(rows: Sequence[Cells]) -> str:
    """Where intervals hold least, in words, so that nobody has to look for it."""
    told = []
    for at, level in zip((3, 4, 5), LEVELS, strict=True):
        many = [row for row in rows if int(row[2]) >= MANY]
        worst = min(many, key=lambda row: float(row[at].rstrip("%")))
        told.append(f"{level:.0%} intervals {worst[at]} ({worst[1]}, {worst[0]})")
    return f"Where {MANY} figures or more can be counted, intervals hold least: {', '.join(told)}."


def section(path: Path, title: str) -> tuple[list[str], list[Cells]]:
    """Paragraphs and rows of the table (the head first) under a heading. Raises InputError."""
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n+(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise InputError("a section is missing", file=str(path), key=title, allowed="this heading")
    parts = [part.strip() for part in found.group(1).split("\n\n") if part.strip()]
    said = [" ".join(part.split()) for part in parts if not part.startswith("|")]
    lines = [line for part in parts if part.startswith("|") for line in part.splitlines()]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return said, [row for row in rows if set(row[0]) != {"-"}]


def _inside(path: Path, title: str, told: str) -> list[Cells]:
    _, rows = section(path, title)
    return [(told, *row, _chance(row[1], row[-1])) for row in rows[1:]]


def _chance(count: str, share: str) -> str:
    """What chance leaves open of a share of so many figures."""
    number = int(count)
    inside = round(number * float(share.rstrip("%")) / 100)
    found = binomtest(inside, number).proportion_ci(0.95, "wilson")
    return f"{found.low:.0%} to {found.high:.0%}"


def _forecast(title: str) -> Block:
    said, (columns, *rows) = section(CHECKS, title)
    return Block(title, tuple(said), tuple(columns), tuple(rows))


def _coverage() -> Block:
    rows = read_quantities(COVERAGE)
    if not rows:
        raise InputError("there are no sets", file=str(COVERAGE), allowed="a study's rows")
    words = (
        "Truths were drawn from the priors, figures made of them, and blocks refitted to those up "
        f"to {CUT}: how often do the intervals hold the truth? This tests sampler, surrogate and "
        "code; the bars allow for the number of sets, which are few.",
        *(f"{line}." for line in verdicts(rows)),
        f"**Latent outputs where the world is not as assumed.** {' '.join(broken(rows))}",
        "*Inputs* are parameters; *latent outputs* are what no survey sees, such as use without "
        f"the error of surveys, in {', '.join(map(str, LATENT_YEARS))}; *figures after the cut* "
        f"are forecasts. *Noisier waves*: surveys err {NOISIER:g} times as much as assumed, and "
        f"that of 2013 reads lower for every product, by {-UNKNOWN_BREAK:g} on its logit or log; "
        f"*initiation jump*: starting doubles in {JUMP_YEAR}; *purity drift*: loads in wastewater "
        f"rise by {DRIFT:.0%} a year besides. *Poorly mixed*: share of refits whose chains "
        f"disagree (R-hat {POORLY_MIXED:g} or more); they are counted with the others.",
    )
    columns = ("truth", "quantities", "sets", "poorly mixed", "numbers", *SHARES)
    return Block("Known truths", words, columns, tuple(_cells(rows)))


def broken(rows: Sequence[Quantity]) -> list[str]:
    """What intervals hold of latent outputs under each truth that breaks the assumptions."""
    told = []
    for truth in TRUTHS[1:]:
        masses = np.array([row.mass for row in rows if (row.truth, row.kind) == (truth, "latent")])
        if len(masses):
            held = [covered(masses, level) for level in LEVELS]
            word = "too sure" if all(map(operator.lt, held, LEVELS)) else "not too sure"
            shares = " / ".join(f"{share:.0%}" for share in held)
            told.append(f"Under {truth} {' / '.join(SHARES)} intervals hold {shares}: {word}.")
    return told


def _cells(rows: Sequence[Quantity]) -> list[Cells]:
    found: list[Cells] = []
    for truth in TRUTHS:
        mine = [row for row in rows if row.truth == truth]
        rhat = {(row.block, row.number): row.rhat for row in mine}
        poor = np.mean([not value < POORLY_MIXED for value in rhat.values()]) if rhat else 0.0
        for kind, words in (("", "all"), *KINDS.items()):
            masses = np.array([row.mass for row in mine if kind in ("", row.kind)])
            if not len(masses):
                continue
            shares = [f"{covered(masses, level):.0%}" for level in LEVELS]
            found.append((truth, words, str(len(rhat)), f"{poor:.0%}", str(len(masses)), *shares))
    return found
