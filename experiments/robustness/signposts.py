"""Signposts: which indicator tells early that a package will miss its aim later.

For each package and year, among futures in which the aim is still met, each indicator of that year
is ranked against what happens later: the area under the ROC curve (AUC; 0.5 tells nothing, 1 all).
The indicator is chosen on half of the points and of the draws and judged on the other points with
the other draws, so that the best of many is not taken for a signpost by luck: every draw meets all
points, and what varies by draw alone would else be seen in both halves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.robustness.measures import crossed
from experiments.robustness.pathways import ENDS, Bool, Float, Int, Tipping, resampled
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

PREDICTS = 0.6  # the lower end of the 90% interval of the AUC; assumed
FEWEST = 10  # futures that miss, and that meet, in each half
FEWEST_DRAWS = 20  # with fewer, half of them tell nothing of draws; assumed
YES, LATE = "predicts", "warns too late"
NO, FEW, UNJUDGED = "nothing predicts", "too few futures", "not judged"
COLUMNS = (
    *("package", "year", "indicator", "product", "unit", "verdict", "auc", "auc_low90"),
    *("auc_high90", "side", "trigger", "caught", "false_alarms", "lead", "lead_low90"),
    *("lead_high90", "own_auc", "at_risk", "later_missed", "candidates"),
)


@dataclass(frozen=True)
class Candidates:
    """Indicators of one year, ``values`` (rows or futures, candidates)."""

    indicator: tuple[str, ...]
    product: tuple[str, ...]
    unit: tuple[str, ...]
    values: Float


def signposts(tipping: Tipping, store: xr.Dataset, delay: int = 1) -> pd.DataFrame:
    """The best signpost of each package and year, with what it is worth; rows of ``COLUMNS``.

    ``delay``: years until the figure of a year is known. ``side``: whether high or low values warn.
    ``trigger``: the value that parts best; ``caught`` and ``false_alarms``: shares of the futures
    that will miss, and will not, beyond it. ``lead``: years from knowing to missing, median and 90%
    of futures; where none is above 0 nothing predicts. ``own_auc``: that of the outcome of the aim
    itself. All are of the half that did not choose. With fewer than ``FEWEST_DRAWS`` draws nothing
    is judged. Raises InputError.
    """
    import pandas as pd

    if delay < 0:
        raise InputError("a figure is not known early", key="--delay", given=delay, allowed="0 on")
    world = tipping.world
    halves = _halves(world.points, world.draws)
    few = len(np.unique(world.draws)) < FEWEST_DRAWS
    rows = []
    for year in map(int, world.years[:-1]):  # each year is read once: a store may be large
        known = _known(tipping, store, year)
        for k, name in enumerate(world.packages):
            later = tipping.year[k] > year
            missed = later & ~tipping.lasts[k]
            found = _candidates(known, world.rows[k])
            row: dict[str, object] = {"package": name, "year": year, "at_risk": int(later.sum())}
            row |= {"later_missed": int(missed.sum()), "candidates": len(found.indicator)}
            flags = (later & halves[0], later & halves[1], missed)
            told = {"verdict": UNJUDGED} if few else _best(tipping, k, found, flags, year + delay)
            rows.append(row | told)
    rows.sort(key=lambda row: world.packages.index(str(row["package"])))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _halves(points: Int, draws: Int) -> tuple[Bool, Bool]:
    """Which futures choose and which judge, (futures,) each: no point and no draw is in both.

    What there is but one of is not halved; where each point has its own draw, draws are halved.
    """
    random = np.random.default_rng(1)
    units, at, numbers, of = crossed(points, draws)
    choose, judge = np.ones((2, len(points)), dtype=np.bool_)
    for count, which in ((len(units), at), (len(numbers), of)):
        if count > 1:
            first = (random.permutation(count) < count / 2)[which]
            choose, judge = choose & first, judge & ~first
    return choose, judge


def _known(tipping: Tipping, store: xr.Dataset, year: int) -> Candidates:
    """All indicators of the aim's group in a year, of all rows of the store, (rows, outputs)."""
    there = (store["year"].values == year) & (store["group"].values == tipping.aim.group)
    columns = np.flatnonzero(there)
    indicator, product, unit = (
        tuple(map(str, store[name].values[columns])) for name in ("indicator", "product", "unit")
    )
    return Candidates(indicator, product, unit, store["values"][:, columns].values)


def _candidates(known: Candidates, rows: Int) -> Candidates:
    """Those that vary over the futures of a package and have values in all of them."""
    part = known.values[rows].astype(np.float64)
    good = np.isfinite(part).all(axis=0)
    good &= np.ptp(np.where(good, part, 0.0), axis=0) > 0.0
    indicator, product, unit = (
        tuple(one for one, there in zip(names, good, strict=True) if there)
        for names in (known.indicator, known.product, known.unit)
    )
    return Candidates(indicator, product, unit, part[:, good])


def _best(
    tipping: Tipping, package: int, found: Candidates, flags: tuple[Bool, Bool, Bool], known: int
) -> dict[str, object]:
    """What is told of the candidate that the choosing half finds best.

    ``flags`` (futures,) each: those that choose, those that judge, those that miss later.
    """
    choose, judge, missed = flags
    enough = all(
        min(int(missed[one].sum()), int((~missed[one]).sum())) >= FEWEST for one in (choose, judge)
    )
    if not enough:
        return {"verdict": FEW}
    aim = tipping.aim
    own = np.array(
        [
            (i, p) == (aim.indicator, aim.product)
            for i, p in zip(found.indicator, found.product, strict=True)
        ],
        dtype=np.bool_,
    )
    seen = areas(found.values[choose], missed[choose])
    worth = np.where(own, -1.0, np.abs(seen - 0.5))
    told: dict[str, object] = {"verdict": NO}
    if own.any():
        told["own_auc"] = _sided(areas(found.values[judge][:, own], missed[judge]))[0]
    if not (worth > 0.0).any():
        return told
    at = int(worth.argmax())
    sign = 1.0 if seen[at] > 0.5 else -1.0
    values, bad = sign * found.values[:, at], missed[judge]
    world = tipping.world
    low, high = _interval(values[judge], bad, world.points[judge], world.draws[judge])
    lead = tipping.year[package][judge & missed] - known
    years = np.quantile(lead, (0.5, *ENDS), method="inverted_cdf")
    trigger = _trigger(values[choose], missed[choose])
    beyond = values[judge] >= trigger
    verdict = NO if low <= PREDICTS else YES if years[0] > 0 else LATE
    return told | {
        "verdict": verdict,
        "indicator": found.indicator[at],
        "product": found.product[at],
        "unit": found.unit[at],
        "auc": float(areas(values[judge][:, None], bad)[0]),
        "auc_low90": low,
        "auc_high90": high,
        "side": "high" if sign > 0.0 else "low",
        "trigger": sign * trigger,
        "caught": float(beyond[bad].mean()),
        "false_alarms": float(beyond[~bad].mean()),
        **dict(zip(("lead", "lead_low90", "lead_high90"), map(float, years), strict=True)),
    }


def _sided(areas_found: Float) -> Float:
    return np.asarray(np.maximum(areas_found, 1.0 - areas_found))


def areas(values: Float, missed: Bool) -> Float:
    """AUC of each column of ``values`` (futures, candidates) for ``missed`` (futures,).

    From ranks, ties shared: equal to sklearn's ``roc_auc_score``, for all columns at once.
    """
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0)
    bad = int(missed.sum())
    good = len(missed) - bad
    return np.asarray((ranks[missed].sum(axis=0) - bad * (bad + 1) / 2.0) / (bad * good))


def _interval(values: Float, missed: Bool, points: Int, draws: Int) -> tuple[float, float]:
    """90% interval of an AUC from resampled points and draws: weighted pairs, one column."""
    weights = resampled(points, draws).weights
    order = np.argsort(values, kind="stable")
    ranked, bad = values[order], missed[order]
    weights = weights[:, order]
    above, below = weights * bad, weights * ~bad
    # Weight of the good below each bad one, and half of those level with it.
    _, first, level = np.unique(ranked, return_index=True, return_inverse=True)
    sums = np.add.reduceat(below, first, axis=1)
    under = np.cumsum(sums, axis=1) - 0.5 * sums
    pairs = (above * under[:, level]).sum(axis=1)
    whole = above.sum(axis=1) * below.sum(axis=1)
    found = pairs[whole > 0.0] / whole[whole > 0.0]
    low, high = np.quantile(found, ENDS)
    return float(low), float(high)


def _trigger(values: Float, missed: Bool) -> float:
    """The value from which on futures are warned of: most caught less false alarms (Youden)."""
    from sklearn.metrics import roc_curve

    false, caught, cuts = roc_curve(missed, values)
    best = int((caught - false)[1:].argmax()) + 1  # the first cut warns of nothing
    return float(cuts[best])
