"""A few draws for many: current policy moved as the draws that were run have moved.

Every draw of current policy is known. Where a scenario was run with some of them only, each other
draw takes the relative change of one that was run: of the odds for shares, of the size for other
positive numbers, else the difference. With all draws run nothing is left to estimate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.workshop.answers import LEVELS, Change

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

SHARE = "proportion"
HIDDEN, NOTABLE, AGREED = 2.0, 0.02, 0.8  # times the last change; share of the level; of draws
LARGEST = 100.0  # ratio that is carried over to other draws


def filled(reference: Float, ran: Int, found: Float, unit: str) -> Float:
    """Values of all draws (N, years): those of ``ran`` (k,) are ``found`` (k, years)."""
    like = ran[np.arange(len(reference)) % len(ran)]
    of = np.arange(len(reference)) % len(ran)
    values = _moved(reference, reference[like], found[of], share=unit == SHARE)
    values[ran] = found
    return values


def _moved(values: Float, before: Float, after: Float, *, share: bool) -> Float:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = after / before
        if share:
            ratio *= (1.0 - before) / (1.0 - after)
        relative = values * ratio
        if share:
            relative /= 1.0 - values + relative
    # From nearly none, or nearly all, a ratio says nothing of other draws.
    known = (ratio > 1.0 / LARGEST) & (ratio < LARGEST) & (values > 0.0)
    if share:
        known &= values < 1.0
    plain = values + after - before
    return np.where(after == before, values, np.where(known, relative, plain))


def bands(values: Float) -> Float:
    """Quantiles (LEVELS, years) over draws (N, years); NaN where no draw has a value."""
    there = np.isfinite(values).all(axis=1)
    if there.all():
        return np.asarray(np.quantile(values, LEVELS, axis=0))
    found = np.full((len(LEVELS), values.shape[1]), np.nan)
    for year, column in enumerate(values.T):
        some = column[np.isfinite(column)]
        if some.size:
            found[:, year] = np.quantile(some, LEVELS)
    return found


def change_of(values: Float, reference: Float) -> Change:
    """The paired change (N,) in one year."""
    differences = values - reference
    some = differences[np.isfinite(differences)]
    if not some.size:
        return Change(np.nan, np.nan, np.nan, np.nan)
    low, median, high = np.quantile(some, (LEVELS[0], 0.5, LEVELS[-1]))
    agree = float(np.mean(np.sign(some) == np.sign(median)))
    return Change(float(median), float(low), float(high), agree)


def peak_of(values: Float, reference: Float, first: int) -> tuple[int, Change] | None:
    """The year of the largest paired change, and it, where that of the last year hides it.

    ``values`` and ``reference`` (N, years) from year ``first`` on. Draws must agree on it.
    """
    changes = [change_of(values[:, y], reference[:, y]) for y in range(values.shape[1])]
    sizes = [abs(one.median) if np.isfinite(one.median) else 0.0 for one in changes]
    y = int(np.argmax(sizes))
    level = abs(float(np.nanmedian(reference[:, y]))) if np.isfinite(reference[:, y]).any() else 0.0
    passing = sizes[y] > HIDDEN * sizes[-1] and sizes[y] > NOTABLE * level
    return (first + y, changes[y]) if passing and changes[y].agree >= AGREED else None
