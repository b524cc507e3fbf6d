"""Cases of scenario discovery: futures in which a policy misses its aim, and those in which not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from experiments.batch.factors import Factor
from experiments.robustness.futures import Bool, Float, Futures, Int, Outcome
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Better = Literal["up", "down"]
Kind = Literal["above", "below", "worse", "worst"]

FEWEST = 10
"""Fewer cases of interest, or other cases, are refused: no box of them can be told from chance."""
FEW = 30
"""Fewer are cautioned of."""
DRAW = "draw"


@dataclass(frozen=True)
class Miss:
    """When a policy misses its aim.

    ``above`` and ``below`` a value; ``worse`` than the baseline in the same future by more than
    ``value`` percent; among the ``worst`` share ``value`` of the futures.
    """

    kind: Kind
    value: float
    better: Better | None = None
    baseline: str | None = None

    def told(self, unit: str) -> str:
        """The rule in words."""
        number = f"{self.value:g}"
        if self.kind in ("above", "below"):
            return f"it is {self.kind} {number} {unit}"
        side = "low" if self.better == "up" else "high"
        if self.kind == "worst":
            share = f"{100.0 * self.value:g}%"
            return f"it is among the {share} of sampled futures where it is {side}est"
        by = f" by more than {number}%" if self.value else ""
        return f"it is {'lower' if self.better == 'up' else 'higher'} than in {self.baseline}{by}"


@dataclass(frozen=True)
class Cases:
    """Each (point, draw) with a value is a case.

    ``x``: a column for each factor that differs (N rows): float64, or text where values have no
    order; ``y`` (N): whether the case is of interest; ``point`` (N): its point; ``left_out``:
    cases without a value.
    """

    x: pd.DataFrame
    y: Bool
    point: Int
    factors: tuple[Factor, ...]
    set_aside: tuple[str, ...]
    left_out: int
    miss: Miss

    @property
    def share(self) -> float:
        """Share of the cases that is of interest."""
        return float(self.y.mean())

    def at(self, points: Int) -> Bool:
        """Cases that belong to these points (n,): shape (cases,)."""
        return np.isin(self.point, points)


def cases_of(
    futures: Futures, scenario: str, outcome: Outcome, miss: Miss, *, with_draw: bool = False
) -> Cases:
    """Cases of a scenario. Raises InputError where there is nothing to look for."""
    values = futures.values(outcome)
    of = dict(zip(futures.scenarios, values, strict=True))
    value = of[scenario]
    known = ~np.isnan(value)
    if miss.kind == "worse":
        known &= ~np.isnan(of[cast(str, miss.baseline)])
    interest = _interest(value, miss, of.get(miss.baseline or ""), known)
    point, draw = np.nonzero(known)
    x, factors, aside = _frame(futures, point, draw, with_draw=with_draw)
    if not factors:
        raise InputError(
            "nothing was sampled in this store: no factor differs between its points",
            allowed="a store of a study with factors",
        )
    y = interest[known]
    _enough(int(y.sum()), len(y), scenario)
    return Cases(x, y, point, factors, aside, int((~known).sum()), miss)


def _interest(value: Float, miss: Miss, baseline: Float | None, known: Bool) -> Bool:
    if miss.kind == "above":
        return value > miss.value
    if miss.kind == "below":
        return value < miss.value
    worse = value if miss.better == "down" else -value
    if miss.kind == "worst":
        edge = np.quantile(worse[known], 1.0 - miss.value, method="inverted_cdf")
        return worse > edge
    assert baseline is not None
    reference = baseline if miss.better == "down" else -baseline
    return worse - reference > np.abs(baseline) * miss.value / 100.0


def _frame(
    futures: Futures, point: Int, draw: Int, *, with_draw: bool
) -> tuple[pd.DataFrame, tuple[Factor, ...], tuple[str, ...]]:
    """Values of the factors that differ; ids of those that are set aside."""
    import pandas as pd

    columns: dict[str, object] = {}
    used, aside = [], []
    for factor, sampled in zip(futures.factors, futures.points.T, strict=True):
        one = sampled[point]
        if np.unique(one).size < 2:
            aside.append(f"{factor.id}: the same in every case")
        elif factor.ordered:
            columns[factor.id] = one
            used.append(factor)
        elif factor.values or with_draw:
            names = factor.values or tuple(str(i) for i in range(int(one.max()) + 1))
            columns[factor.id] = [names[round(i)] for i in one]
            used.append(factor)
        else:
            aside.append(f"{factor.id}: its numbers have no order; see --with-draw")
    if with_draw and np.unique(draw).size > 1:
        columns[DRAW] = [str(i) for i in draw]
        names = tuple(str(i) for i in range(int(draw.max()) + 1))
        ends, label = (0.0, float(len(names))), "Draw of the model's parameters"
        used.append(
            Factor(DRAW, "posterior", DRAW, label, *ends, "", "posterior", True, False, names)
        )
    return pd.DataFrame(columns), tuple(used), tuple(aside)


def _enough(interest: int, cases: int, scenario: str) -> None:
    """Refuse what no box can be found in. Raises InputError."""
    if cases == 0:
        raise InputError("no case has a value", key="--scenario", given=scenario)
    if interest >= FEWEST and cases - interest >= FEWEST:
        return
    told = f"{scenario} misses in {interest} of {cases} sampled futures"
    raise InputError(
        f"{told}: too few on one side for a box to be told from chance",
        allowed=f"a rule with at least {FEWEST} cases of each kind, or more points",
    )


def explained(cases: Cases) -> tuple[float, str]:
    """Share of the cases that the sampled factors can tell at all, and how that was found.

    With several draws at each point: the part of the variance of "it is of interest" that lies
    between points. With one: what a forest tells of cases that it has not seen, a least value.
    """
    counts = np.bincount(cases.point)
    hits = np.bincount(cases.point, weights=cases.y)
    some = counts > 0
    counts, hits = counts[some], hits[some]
    if DRAW not in cases.x.columns and counts.mean() >= 2.0:
        share, mean = hits / counts, cases.share
        within = float((counts * share * (1 - share)).sum() / max(1, (counts - 1).sum()))
        between = float((counts * (share - mean) ** 2).sum() / (len(counts) - 1))
        size = (counts.sum() - (counts**2).sum() / counts.sum()) / (len(counts) - 1)
        part = max(0.0, (between - within) / size)
        return part / (part + within) if part + within else 0.0, "between points"
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=200, min_samples_leaf=5, oob_score=True, random_state=1
    )
    forest.fit(pd.get_dummies(cases.x).to_numpy(dtype=float), cases.y)
    chance = forest.oob_decision_function_[:, 1]
    told = 1.0 - float(np.mean((chance - cases.y) ** 2)) / (cases.share * (1.0 - cases.share))
    return max(0.0, told), "at least, by a forest"
