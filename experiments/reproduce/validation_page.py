"""The page about how far the model can be trusted, from what the fitting commands wrote.

``drugfutures calibrate``, ``backtest`` and ``coverage`` take hours and keep their results beside
the posterior; this page puts the numbers that matter side by side and works out shares alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from calibration.coverage import LEVELS, POORLY_MIXED, TRUTHS, Quantity, covered, read_quantities
from calibration.holdout import ALL_BARS, FAMILY_BAR
from calibration.posterior import SHIPPED
from experiments.fits.coverage import KINDS, verdicts
from experiments.fits.coverage import SHIPPED as COVERAGE
from experiments.reproduce.pages import Block, Cells, put_page
from model.errors import InputError

REPORT, CHECKS = SHIPPED.with_name("report.md"), SHIPPED.with_name("checks.md")
SHARES = ("50%", "80%", "95%")
CHANCE = "chance in 95%"
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
    words = (
        "Share of observed figures inside the intervals that the model gives them, errors of "
        "surveys and registers included. All years to 2023 were seen while the model was built: "
        "the hold-outs show that the fit does not lean on what it forecasts, and prove nothing "
        "about years to come.",
        "The last column says how far chance alone could move the share of the 95% intervals: "
        "its 95% Wilson interval were all figures independent, which those of one wave are not. "
        "Waves left out rest on importance weights; those of about a dozen waves are not to be "
        "trusted (report.md).",
        f"Asked of a hold-out (below): between {ALL_BARS[0]:.0%} and {ALL_BARS[1]:.0%} of all rows "
        f"inside 95%, at least {FAMILY_BAR:.0%} of each family, forecasts no wider than those of "
        "the last value, and a mean CRPS below it (a distance on the scale of the figure's logit "
        "or log: smaller is better). Nothing is asked of 50% and 80%: read them in the table.",
        "The reports that these numbers come from stand beside the posterior: report.md and "
        "checks.md.",
    )
    blocks = [
        Block("", words, ("test", "figures of", "figures", *SHARES, CHANCE), inside),
        *(_forecast(title) for title in FORECASTS),
        _coverage(),
    ]
    put_page(folder, "validation", "Validation in short", blocks)


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
        "Truths were drawn from the priors, figures made of them, and blocks refitted: how often "
        "do the intervals hold the truth? This tests sampler, surrogate and code; with truths "
        "that break the assumptions, it tests what happens when the world is not as assumed.",
        *(f"{line}." for line in verdicts(rows)),
    )
    columns = ("truth", "quantities", "sets", "poorly mixed", "numbers", *SHARES)
    return Block("Known truths", words, columns, tuple(_cells(rows)))


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
