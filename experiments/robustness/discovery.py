"""Scenario discovery: which trends and assumptions make a policy miss its aim.

``discover`` looks for boxes in the cases of a store, tries them on halves of the points, and gives
tables of limits, of the trajectory, of alternatives and of the halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from experiments.robustness.boxes import LEAST_COVERAGE, Box, Limit, chosen, peel, tidied
from experiments.robustness.cases import FEW, Cases, Miss, cases_of, explained
from experiments.robustness.futures import Bool, Futures, Outcome
from experiments.robustness.resampling import (
    HALVES,
    Search,
    Span,
    Trial,
    inside,
    limits_again,
    spread,
    trial,
)
from experiments.robustness.trees import leaves

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["prim", "cart"]

OTHER_COVERAGES = (0.75, 0.25)
WHAT_A_BOX_IS = (
    "A box is a rule: futures in which each factor named lies between the limits given, whatever "
    "the other factors are. Coverage: of all futures in which the policy misses, the share that "
    "lies in the box. Density: of the futures in the box, the share in which it misses. Mass: the "
    "share of all sampled futures that lies in the box."
)
WHAT_QUASI_P_IS = (
    "Quasi-p: the chance that the box without this limit would by luck be as dense as with it. It "
    "knows nothing of how many boxes were searched, so the halves are the stricter check."
)
DRAWS_SHARE = (
    "Cases of one point share its factors; quasi-p-values take them for unrelated and are too "
    "small. The halves keep points together."
)


@dataclass(frozen=True)
class Sought:
    """What is looked for, and how."""

    scenario: str
    outcome: Outcome
    miss: Miss
    method: Method = "prim"
    coverage: float = LEAST_COVERAGE
    with_draw: bool = False
    halves: int = HALVES
    seed: int = 1


@dataclass(frozen=True)
class Discovery:
    """What was found. ``boxes``: one of PRIM; of CART the densest leaves that together cover."""

    sought: Sought
    cases: Cases
    unit: str
    boxes: tuple[Box, ...]
    trajectory: tuple[Box, ...]
    alternatives: tuple[tuple[str, Box], ...]
    coverage: Span
    density: Span
    trial: Trial
    explained: tuple[float, str]
    notes: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether the boxes tell cases apart in points that the search had not seen."""
        return self.trial.real and any(box.limits for box in self.boxes)

    @property
    def again(self) -> pd.DataFrame:
        """A row for each factor: how often and where the halves restrict it.

        Columns as ``limits_again``.
        """
        return limits_again(self.trial, self.cases)


def discover(futures: Futures, sought: Sought) -> Discovery:
    """Look for boxes. Raises InputError where cases are too few or nothing was sampled."""
    cases = cases_of(
        futures, sought.scenario, sought.outcome, sought.miss, with_draw=sought.with_draw
    )
    search = search_of(sought.method, sought.coverage)
    trajectory = tuple(_all_boxes(cases.x, cases.y, sought.method))
    boxes = tuple(_picked(trajectory, cases.x, cases.y, sought.method, sought.coverage))
    coverage, density = spread(cases, boxes, sought.seed)
    return Discovery(
        sought,
        cases,
        futures.unit(sought.outcome),
        boxes,
        trajectory,
        tuple(_alternatives(trajectory, cases, sought.coverage)) if sought.method == "prim" else (),
        coverage,
        density,
        trial(cases, search, sought.halves, sought.seed),
        explained(cases),
        tuple(_notes(futures, cases)),
    )


def _all_boxes(x: pd.DataFrame, y: Bool, method: Method) -> list[Box]:
    return peel(x, y) if method == "prim" else leaves(x, y)


def search_of(method: Method, coverage: float) -> Search:
    """The whole search, boxes picked by the rule: what the halves repeat."""
    return lambda x, y: _picked(_all_boxes(x, y, method), x, y, method, coverage)


def _picked(
    boxes: Sequence[Box], x: pd.DataFrame, y: Bool, method: Method, coverage: float
) -> list[Box]:
    if method == "prim":
        return [tidied(chosen(boxes, coverage), x, y)]
    taken: list[Box] = []
    for leaf in boxes:
        covered = inside(taken, x)
        if taken and (y[covered].sum() >= coverage * y.sum() or leaf.density <= y.mean()):
            break
        taken.append(leaf)
    return taken


def rule(method: Method, coverage: float) -> str:
    """How the boxes are chosen, in words."""
    if method == "prim":
        return (
            f"Of the boxes that cover at least {coverage:.0%} of the misses, the densest (what "
            "it is not clearly denser than, p of 0.01 or more, is as dense: of those the fewest "
            "restrictions, then the most coverage); then limits whose quasi-p is 0.05 or more are "
            "taken away, weakest first."
        )
    return (
        f"The densest leaves of the tree, until they cover {coverage:.0%} of the misses or the "
        "next one is no denser than all cases together. Splits that luck explains are joined."
    )


def _alternatives(boxes: Sequence[Box], cases: Cases, coverage: float) -> list[tuple[str, Box]]:
    """The densest box of each number of restrictions, and those that cover more or less."""
    found: dict[int, tuple[str, Box]] = {}
    for count in sorted({box.restricted for box in boxes} - {0}):
        box = chosen([one for one in boxes if one.restricted <= count], coverage)
        if box.restricted == count:
            found.setdefault(box.step, (f"{count} restricted", box))
    for least in OTHER_COVERAGES:
        box = chosen(boxes, least)
        if box.limits:
            found.setdefault(box.step, (f"covers at least {least:.0%}", box))
    box = chosen(boxes, coverage)
    tidy = tidied(box, cases.x, cases.y)
    told = [one for one in found.values() if one[1].step != box.step]
    if box.restricted != tidy.restricted:
        told.append(("before weak limits were taken away", box))
    return told


def _notes(futures: Futures, cases: Cases) -> list[str]:
    told = [WHAT_A_BOX_IS, WHAT_QUASI_P_IS]
    if len(cases.y) > len(set(cases.point.tolist())):
        told.append(DRAWS_SHARE)
    few = min(int(cases.y.sum()), int((~cases.y).sum()))
    if few < FEW:
        told.append(f"Few cases: {few} on one side. Limits are rough; more points narrow them.")
    if cases.left_out:
        told.append(f"Futures without a value are left out: {cases.left_out}.")
    if cases.set_aside:
        told.append(f"Factors set aside: {'; '.join(cases.set_aside)}.")
    return told + futures.about(cases.factors)


def limits_table(found: Discovery) -> pd.DataFrame:
    """A row for each limit of each box, with how often the halves restrict the factor."""
    import pandas as pd

    again = found.again.set_index("factor")
    factors = {one.id: one for one in found.cases.factors}
    lines = []
    for number, box in enumerate(found.boxes, 1):
        for limit in box.limits:
            factor, back = factors[limit.factor], again.loc[limit.factor]
            lines.append(
                {
                    "box": number,
                    "factor": factor.id,
                    "label": factor.label,
                    "low": limit.low,
                    "high": limit.high,
                    "values": "; ".join(limit.values),
                    "sampled_low": factor.low,
                    "sampled_high": factor.high,
                    "unit": factor.unit,
                    "quasi_p_low": limit.quasi_p_low,
                    "quasi_p_high": limit.quasi_p_high,
                    "restricted_in_halves": float(back["restricted"]),
                    **{
                        f"{side}_{end}": float(back[f"{side}_{end}"])
                        for side in ("low", "high")
                        for end in ("05", "95")
                    },
                    "assumed": factor.assumed,
                    "acts_on_history": factor.history,
                }
            )
    return pd.DataFrame(lines)


def boxes_table(boxes: Sequence[Box], found: Discovery) -> pd.DataFrame:
    """A row for each box: the trajectory of PRIM, or the leaves of the tree."""
    import pandas as pd

    return pd.DataFrame(
        {
            "step": box.step if found.sought.method == "prim" else number,
            "coverage": box.coverage,
            "density": box.density,
            "mass": box.mass,
            "cases": box.cases,
            "restricted": box.restricted,
            "limits": "; ".join(told(limit, found.cases) for limit in box.limits),
        }
        for number, box in enumerate(boxes)
    )


def told(limit: Limit, cases: Cases) -> str:
    """A limit in words: "Trend of prices from 20 to 60 %"."""
    factor = next(one for one in cases.factors if one.id == limit.factor)
    if limit.values:
        return f"{factor.label}: {' or '.join(limit.values)}"
    position = factor.unit == "position"  # a place on the trend's own scale
    unit = f" {factor.unit}" if factor.unit and not position else ""
    label = f"{factor.label}: position" if position else factor.label
    if limit.low is None:
        return f"{label} at most {limit.high:.4g}{unit}"
    if limit.high is None:
        return f"{label} at least {limit.low:.4g}{unit}"
    return f"{label} from {limit.low:.4g} to {limit.high:.4g}{unit}"
