"""Adaptive pathways: how long packages of levers meet an aim, under which trends, and what follows.

A package is a scenario of a batch, a future a point with a draw (and a seed). A package reaches its
tipping point in the first year in which it misses the aim. Runs of packages start in the same month
and never switch: what follows a package is read from the same future of another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from experiments.robustness.futures import check_futures_design
from experiments.robustness.measures import crossed, resamples
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Relative = Literal["absolute", "today", "baseline"]

RESAMPLES, LEAST = 1000, 200
MOST_WEIGHTS = 20_000_000  # resamples x futures: 160 MB
ENDS = (0.05, 0.95)
NAMES = ("scenario", "indicator", "product", "group", "factor", "factor_kind", "factor_label")
REFERENCE = "current-policy"


@dataclass(frozen=True)
class Aim:
    """What a package is to keep to: the outcome at most ``threshold`` (at least, with better up).

    ``relative``: today, a share of what current policy has in the first year kept; baseline, a
    share of what it has in the same year; each in the same future. ``first``: the year from which
    the aim holds (none: the second year kept); before it nothing is missed.
    """

    indicator: str
    product: str
    threshold: float
    better: Literal["up", "down"] = "down"
    group: str = "Belgium"
    relative: Relative = "absolute"
    baseline: str = REFERENCE
    first: int | None = None

    def words(self, years: Int) -> str:
        """The aim in one line; ``years`` (Y,) are those kept. Raises InputError as ``start``."""
        most = "at most" if self.better == "down" else "at least"
        of = {
            "absolute": f"{self.threshold:g}",
            "today": f"{self.threshold:g} times that of {self.baseline} in {years[0]}",
            "baseline": f"{self.threshold:g} times that of {self.baseline} in the same year",
        }[self.relative]
        where = f"{self.indicator} of {self.product}, {self.group}"
        return f"{where}: {most} {of}, from {self.start(years)} on"

    def start(self, years: Int) -> int:
        """The first year, of ``years`` (Y,), in which it can be missed.

        Raises InputError for a year that is not kept.
        """
        if self.first is None:
            return int(years[min(1, len(years) - 1)])
        if self.first not in years:
            allowed = f"a year that is kept: {', '.join(map(str, years))}"
            raise InputError("no such year", key="--from", given=self.first, allowed=allowed)
        return self.first


@dataclass(frozen=True)
class World:
    """Outcomes of packages in futures, by year, and what the futures are.

    ``values`` (packages, futures, years); ``points`` (futures,): the point of each future, those of
    one point share all factors; ``draws`` (futures,): the draw of each, shared by points (the seed,
    where there is one draw); ``sample`` (futures, factors). ``dropped``: futures left out, as a
    package failed there or has no value; ``rows`` (packages, futures): their numbers in the store.
    """

    packages: tuple[str, ...]
    years: Int
    values: Float
    points: Int
    draws: Int
    factors: tuple[str, ...]
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    ends: Float  # (factors, 2)
    sample: Float
    rows: Int
    dropped: int = 0

    @property
    def futures(self) -> int:
        """How many futures all packages share."""
        return len(self.points)


def read_world(store: xr.Dataset, aim: Aim) -> World:
    """The aim's outcome in all packages, futures and years of a store. Raises InputError."""
    check_futures_design(store.attrs, str(store.encoding.get("source", "")))
    columns, years = _columns(store, aim)
    names, futures, rows = _rows(store)
    values = np.asarray(store["values"][:, columns].values, dtype=np.float64)
    there = (rows >= 0).all(axis=0)
    found = np.where(rows[:, :, None] >= 0, values[rows], np.nan)
    there &= np.isfinite(found).all(axis=(0, 2))
    if not there.any():
        allowed = "a store in which all packages are done: drugfutures status STORE"
        raise InputError("no future has a value in every package and year", allowed=allowed)
    points = futures[there, 0]
    texts = {name: tuple(map(str, store[name].values)) for name in NAMES[4:]}
    sample = np.asarray(store["sample"].values, dtype=np.float64)  # (points, factors)
    ends = np.stack([store["factor_low"].values, store["factor_high"].values], axis=1)
    return World(
        packages=names,
        years=years,
        values=found[:, there],
        points=points,
        draws=futures[there, 2 if np.ptp(futures[there, 1]) == 0 else 1],
        factors=texts["factor"],
        labels=texts["factor_label"],
        kinds=texts["factor_kind"],
        ends=np.asarray(ends, dtype=np.float64),
        sample=sample[points],
        rows=rows[:, there],
        dropped=int((~there).sum()),
    )


def _columns(store: xr.Dataset, aim: Aim) -> tuple[Int, Int]:
    """Columns of the aim's outcome, and their years in order."""
    found = np.ones(store.sizes["output"], dtype=np.bool_)
    for name in NAMES[1:4]:
        given = getattr(aim, name)
        own = store[name].values.astype(str)
        if given not in own[found]:
            allowed = sorted(set(own[found]))
            raise InputError("the store lacks this", key=f"--{name}", given=given, allowed=allowed)
        found &= own == given
    columns = np.flatnonzero(found)
    years = store["year"].values[columns].astype(np.int64)
    if len(years) < 2:
        raise InputError(
            "pathways need years in a row",
            given=f"{len(years)} year of {aim.indicator}",
            allowed="a batch that keeps `years: {from: 2024, to: 2030}`",
        )
    order = np.argsort(years)
    return columns[order], years[order]


def _rows(store: xr.Dataset) -> tuple[tuple[str, ...], Int, Int]:
    """Packages in their order, futures (F, 3) as point, draw and seed, rows (packages, F)."""
    if "statistic" in store.coords:
        raise InputError(
            "the store holds quantiles over draws: its futures cannot be told apart",
            allowed="a batch without `quantiles` under `keep`",
        )
    scenario = store["scenario"].values.astype(str)
    names = tuple(dict.fromkeys(scenario))
    parts = [store[name].values if name in store.coords else 0 * store["point"].values
             for name in ("point", "draw", "seed")]  # fmt: skip
    futures, number = np.unique(np.stack(parts, axis=1), axis=0, return_inverse=True)
    rows = np.full((len(names), len(futures)), -1, dtype=np.int64)
    package = np.array([names.index(one) for one in scenario])
    rows[package, number.reshape(-1)] = np.arange(len(scenario))
    if "state" in store.coords:
        done = store["state"].values.astype(str) == "done"
        rows = np.where(done[rows] & (rows >= 0), rows, -1)
    return names, futures.astype(np.int64), rows


# Tipping points


@dataclass(frozen=True)
class Tipping:
    """When packages miss their aim: ``year`` (packages, futures), infinite where one lasts."""

    world: World
    aim: Aim
    start: int
    year: Float

    @property
    def last(self) -> int:
        """The last year that is looked at."""
        return int(self.world.years[-1])

    @property
    def lasts(self) -> Bool:
        """Where a package meets its aim to the end, (packages, futures)."""
        return np.isinf(self.year)

    @property
    def held(self) -> Float:
        """Years in which the aim is met before it is missed, (packages, futures)."""
        return np.asarray(np.minimum(self.year, self.last + 1) - self.start)


def tipping_points(world: World, aim: Aim) -> Tipping:
    """The first year in which each package misses the aim, by future. Raises InputError."""
    start = aim.start(world.years)
    bound = np.full_like(world.values[0], aim.threshold)
    if aim.relative != "absolute":
        if aim.baseline not in world.packages:
            allowed = world.packages
            raise InputError(
                "the store lacks this", key="--baseline", given=aim.baseline, allowed=allowed
            )
        base = world.values[world.packages.index(aim.baseline)]
        bound = aim.threshold * (base if aim.relative == "baseline" else base[:, :1] + 0.0 * base)
    sign = 1.0 if aim.better == "down" else -1.0
    missed = (sign * (world.values - bound) > 0.0) & (world.years >= start)
    year = np.where(missed.any(axis=2), world.years[missed.argmax(axis=2)], np.inf)
    return Tipping(world, aim, start, year)


def tipping_table(tipping: Tipping) -> pd.DataFrame:
    """By package: share of futures in which it lasts, its tipping year, and years the aim is met.

    The tipping year is a median over all futures with 90% of them; infinite: after the last year.
    Shares and means have 90% intervals from resampled points and draws. One row a package.
    """
    import pandas as pd

    world, found = tipping.world, []
    weights = resampled(world.points, world.draws)
    shares = intervals(tipping.lasts[:, :, None].astype(np.float64), weights)[:, 0]
    held = intervals(tipping.held[:, :, None], weights, shares=False)[:, 0]
    for k, name in enumerate(world.packages):
        year = np.quantile(tipping.year[k], (0.5, *ENDS), method="inverted_cdf")
        row: dict[str, str | float] = {"package": name, "futures": world.futures}
        row |= dict(zip(("lasts", "lasts_low90", "lasts_high90"), shares[k], strict=True))
        row |= dict(zip(("year", "year_low90", "year_high90"), year, strict=True))
        row |= dict(zip(("held", "held_low90", "held_high90"), held[k], strict=True))
        found.append(row)
    return pd.DataFrame(found)


def use_by_table(tipping: Tipping) -> pd.DataFrame:
    """By package and year: share of futures that tip in it, and that have tipped by its end.

    One row for each.
    """
    import pandas as pd

    world, found = tipping.world, []
    years = world.years[world.years >= tipping.start]
    now = np.stack([tipping.year == year for year in years], axis=2).astype(np.float64)
    by = intervals(np.cumsum(now, axis=2), resampled(world.points, world.draws))
    for k, name in enumerate(world.packages):
        for j, year in enumerate(years):
            row = {"package": name, "year": int(year), "tips": float(now[k, :, j].mean())}
            row |= dict(zip(("tipped", "tipped_low90", "tipped_high90"), by[k, j], strict=True))
            found.append(row)
    return pd.DataFrame(found)


@dataclass(frozen=True)
class Resampled:
    """Futures whose points and draws are drawn again. ``weights`` (resamples, futures).

    ``units``: how many points, or draws where these are fewer, there are to draw from.
    """

    weights: Float
    units: int


def resampled(points: Int, draws: Int | None = None, seed: int = 1) -> Resampled:
    """Points and draws of futures drawn again, apart: see ``measures.resamples``.

    Every draw meets all points, so that points alone would make intervals far too narrow. All
    (futures,).
    """
    draws = np.zeros_like(points) if draws is None else draws
    size = min(RESAMPLES, max(LEAST, MOST_WEIGHTS // len(points)))
    units = [len(one) for one in crossed(points, draws)[::2] if len(one) > 1]
    found = np.stack(list(resamples(points, draws, size, seed)))
    return Resampled(found, min(units, default=1))


def intervals(values: Float, again: Resampled, shares: bool = True) -> Float:
    """Means over futures with 90% intervals: (packages, futures, columns) to (.., columns, 3).

    ``shares``: flags of 0 and 1. Where all are alike resampling shows no spread, so the open end is
    the bound that a share of so many points (or draws, if fewer) keeps to with 95%.
    """
    total = again.weights.sum(axis=1)[:, None]
    reach = 0.05 ** (1.0 / again.units)
    found = np.empty((len(values), values.shape[2], 3))
    for k, one in enumerate(values):
        found[k, :, 0] = one.mean(axis=0)
        found[k, :, 1:] = np.quantile(again.weights @ one / total, ENDS, axis=0).T
        if shares:
            found[k, found[k, :, 0] == 1.0, 1] = reach
            found[k, found[k, :, 0] == 0.0, 2] = 1.0 - reach
    return found


# Which package lasts under which trends


def edges_of(world: World, factor: int, bins: int) -> Float:
    """Ends of the bins of a factor, (bins + 1,): its range in equal parts, in its unit."""
    low, high = (float(end) for end in world.ends[factor])
    return np.linspace(low, high, bins + 1)


def bin_of(world: World, factor: int, bins: int) -> Int:
    """Bin of each future, (futures,)."""
    inner = edges_of(world, factor, bins)[1:-1]
    return np.searchsorted(inner, world.sample[:, factor], side="right").astype(np.int64)


def trends_of(world: World) -> tuple[int, ...]:
    """Numbers of the trends among the factors; where none vary, of all that lie in a range."""
    trends = tuple(i for i, kind in enumerate(world.kinds) if kind == "trend")
    others = ("posterior", "sizes", "seed")
    return trends or tuple(i for i, kind in enumerate(world.kinds) if kind not in others)


def lasting_map(tipping: Tipping, factors: Sequence[int], bins: int = 3) -> pd.DataFrame:
    """By cell of one factor or two, and package: share of futures in which it lasts.

    ``longest``: it meets the aim for most years on average, or differs from the one that does by
    so little that a 90% interval of the paired difference holds 0 (``tie``). One that never
    meets the aim is not among them. One row for each.
    """
    import pandas as pd

    world, found = tipping.world, []
    edges = [edges_of(world, one, bins) for one in factors]
    within = np.stack([bin_of(world, one, bins) for one in factors], axis=1)
    for cell in np.ndindex(*[bins] * len(factors)):
        inside = (within == cell).all(axis=1)
        where: dict[str, str | float] = {}
        for n, (one, j) in enumerate(zip(factors, cell, strict=True), start=1):
            where |= {f"factor{n}": world.factors[one], f"low{n}": edges[n - 1][j]}
            where |= {f"high{n}": edges[n - 1][j + 1]}
        found += _cell_rows(tipping, inside, where)
    return pd.DataFrame(found)


def _cell_rows(
    tipping: Tipping, inside: Bool, where: dict[str, str | float]
) -> list[dict[str, str | float | bool]]:
    world, count = tipping.world, int(inside.sum())
    rows: list[dict[str, str | float | bool]] = []
    if not count:
        empty = {"futures": 0, "lasts": np.nan, "lasts_low90": np.nan, "lasts_high90": np.nan}
        empty |= {"held": np.nan, "longest": False, "tie": False}
        return [{**where, "package": name, **empty} for name in world.packages]
    again, held = resampled(world.points[inside], world.draws[inside]), tipping.held[:, inside]
    shares = intervals(tipping.lasts[:, inside, None].astype(np.float64), again)
    best = int(held.mean(axis=1).argmax())
    gaps = intervals((held[best] - held)[:, :, None], again, shares=False)[:, 0]
    equal = (gaps[:, 1] <= 0.0) & (gaps[:, 2] >= 0.0) & (held.mean(axis=1) > 0.0)
    for k, name in enumerate(world.packages):
        share = dict(zip(("lasts", "lasts_low90", "lasts_high90"), shares[k, 0], strict=True))
        told = {"held": float(held[k].mean()), "longest": bool(equal[k])}
        told |= {"tie": bool(equal[k] and equal.sum() > 1)}
        rows.append({**where, "package": name, "futures": count, **share, **told})
    return rows


def most_telling(tipping: Tipping, bins: int = 3) -> tuple[int, ...]:
    """The two trends over whose bins the years held differ most, the first most; or one, or none.

    Measured by the variance between the bins' means, summed over packages.
    """
    world = tipping.world
    spread = {
        one: sum(
            _between(tipping.held[k], bin_of(world, one, bins)) for k in range(len(world.packages))
        )
        for one in trends_of(world)
    }
    return tuple(sorted(spread, key=lambda one: -spread[one])[:2])


def _between(values: Float, group: Int) -> float:
    whole = values.mean()
    parts = [values[group == j] for j in np.unique(group)]
    return float(sum(len(part) * (part.mean() - whole) ** 2 for part in parts) / len(values))


# What follows


def transfers(tipping: Tipping) -> pd.DataFrame:
    """By package that tips and package that lasts longer in the same future: how often and long.

    ``share``: of the futures in which the first one tips, with a 90% interval; ``to_the_end``:
    share in which the second lasts to the end; ``more_years``: median and 90% of those futures.
    A row with an empty ``then`` says how often no package lasts longer. One row for each.
    """
    import pandas as pd

    world, found = tipping.world, []
    columns = ("more_years", "more_years_low90", "more_years_high90")
    for a, name in enumerate(world.packages):
        tipped = ~tipping.lasts[a]
        if not tipped.any():
            continue
        again, count = resampled(world.points[tipped], world.draws[tipped]), int(tipped.sum())
        more = tipping.held[:, tipped] - tipping.held[a, tipped]
        flags = np.vstack([more > 0.0, (more <= 0.0).all(axis=0)]).astype(np.float64)
        shares = intervals(flags[:, :, None], again)[:, 0]
        for b, other in enumerate((*world.packages, "")):
            longer = flags[b] > 0.0
            if b == a or not longer.any():
                continue
            row: dict[str, str | float] = {"package": name, "then": other, "tipped": count}
            row |= dict(zip(("share", "share_low90", "share_high90"), shares[b], strict=True))
            if other:
                years = np.quantile(more[b, longer], (0.5, *ENDS), method="inverted_cdf")
                row["to_the_end"] = float((tipping.lasts[b, tipped] & longer).mean())
                row |= dict(zip(columns, years, strict=True))
            found.append(row)
    names = ["package", "then", "tipped", "share", "share_low90", "share_high90", "to_the_end"]
    table = pd.DataFrame(found, columns=[*names, *columns])
    order = table.assign(none=table["then"] == "").sort_values(
        ["package", "none", "to_the_end", "share"],
        ascending=[True, True, False, False],
        kind="stable",
    )
    return order.drop(columns="none").reset_index(drop=True)
