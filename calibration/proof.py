"""The proof of a posterior: what the model predicted with some of its draws when it was made.

A posterior is stale when the model's code changed, for the formulas may have. Where the new code
predicts the same from the same draws, the likelihood is the same too and the draws stay good: the
file is stamped with the new code. Where it does not, a new fit is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.blocks import PAST_FROM, load_blocks
from calibration.calibrate import block_figures
from calibration.figures import load_figures
from calibration.fingerprint import code_hash
from calibration.posterior import (
    MEND,
    Posterior,
    Proof,
    check_data,
    joined_draws,
    load,
    save,
)
from calibration.predict import survey
from calibration.series import Series, names_of
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.parameters import Draws

Float = npt.NDArray[np.float64]

DRAWS = 4  # of the posterior, spread over its indices
UNTIL = 2030
BOUND = 1e-9
"""Largest difference, relative to the greater of two predictions, that counts as none: rounding in
another order moves the 13th digit, a formula far more."""


@dataclass(frozen=True)
class Gap:
    """Where two proofs differ most; ``relative`` is infinite where one of them has no number."""

    relative: float
    series: str
    year: int
    draw: int
    before: float
    now: float

    def __str__(self) -> str:
        where = f"{self.series}, {self.year}, draw {self.draw}"
        return f"{self.relative:.2g} ({where}: {self.before:.12g} before, {self.now:.12g} now)"


def fitted_series(catalogue: Catalogue) -> tuple[Series, ...]:
    """Each series that a fitted figure of some block is a point of, once."""
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    pairs = [pair for row in load_blocks() for pair in block_figures(figures, row, catalogue)]
    return tuple(dict.fromkeys(target.series for _, target in pairs))


def predicted(catalogue: Catalogue, posterior: Posterior) -> Proof:
    """What the present code predicts with the draws as the file holds them.

    Raises FloatingPointError when the model breaks down.
    """
    chosen = np.unique(np.linspace(0, posterior.draws - 1, DRAWS).round().astype(np.int64))
    single = {
        name: getattr(posterior, name).astype(np.float32).astype(np.float64)
        for name in ("values", "innovations")
    }
    whole, _ = joined_draws(catalogue, posterior.draws, replace(posterior, **single))
    values = {key: value[chosen] for key, value in whole.values.items()}
    draws = Draws(whole.rows, values, whole.innovations[chosen], whole.seed)
    series = fitted_series(catalogue)
    found = survey(catalogue, draws, series, UNTIL, first=PAST_FROM)
    years = tuple(range(PAST_FROM, UNTIL + 1))
    return Proof(tuple(chosen.tolist()), tuple(one.id for one in series), years, found)


def proved(catalogue: Catalogue, posterior: Posterior) -> Posterior:
    """The posterior with its proof."""
    return replace(posterior, proof=predicted(catalogue, posterior))


def widest(before: Proof, now: Proof) -> Gap:
    """The largest difference. Raises InputError when the proofs are not of the same things."""
    for name in ("draws", "series", "years"):
        one, two = getattr(before, name), getattr(now, name)
        if one != two:
            other = sorted(set(one) ^ set(two)) or "their order"
            raise InputError(
                f"the proof is of other {name}", key="proof", given=other, allowed=MEND
            )
    one, two = before.values, now.values
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(two - one) / np.fmax(np.abs(one), np.abs(two))
    relative = np.where(np.isnan(one) == np.isnan(two), relative, np.inf)
    relative = np.where((one == two) | (np.isnan(one) & np.isnan(two)), 0.0, relative)
    at = np.unravel_index(int(np.argmax(relative)), relative.shape)
    draw, series, year = (int(i) for i in at)
    return Gap(
        float(relative[at]),
        before.series[series],
        before.years[year],
        before.draws[draw],
        float(one[at]),
        float(two[at]),
    )


def restamp(path: Path | None = None) -> tuple[Posterior, Gap]:
    """Write the hash of the present code into the posterior (default: the one shipped).

    The posterior as it was and the largest difference, at most BOUND. Draws and proof stay as they
    are, so that small differences do not add up over many changes. Raises InputError when tables
    or figures changed, the file has no proof, or the predictions differ.
    """
    posterior = load(path)
    check_data(posterior)
    if posterior.proof is None:
        raise InputError(
            "the posterior has no proof to compare with",
            file=posterior.file,
            key="proof",
            given=None,
            allowed=MEND,
        )
    gap = widest(posterior.proof, predicted(load_catalogue(), posterior))
    if not gap.relative <= BOUND:
        raise InputError(
            f"the model predicts other numbers than when the posterior was made ({posterior.made})",
            file=posterior.file,
            key="largest relative difference",
            given=str(gap),
            allowed=f"{BOUND:g} or less; mend it with: {MEND}",
        )
    if posterior.code_hash != code_hash():
        save(replace(posterior, code_hash=code_hash()), Path(posterior.file))
    return posterior, gap
