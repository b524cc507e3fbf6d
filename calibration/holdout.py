"""The temporal hold-out: fitted to the figures up to a year, scored on those that came later.

Scores, naive forecasts and columns are those of the score command, over the fitted figures of all
blocks together. Nothing after the year is known, but for the history that is known by
``Plan.history_known`` (the conditional result).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.calibrate import Fitted, Plan, Progress, calibrate
from calibration.errors import build_errors
from calibration.figures import Figure
from calibration.fit import rows_of
from calibration.likelihood import predict
from calibration.score import Coverage, Scored, Summary, observed_trails, score, summarise
from model.catalogue import Catalogue
from model.errors import InputError

Float = npt.NDArray[np.float64]

ALL_BARS = (0.80, 0.99)
"""Share of all rows, and of rows with an earlier value, that 95% intervals should hold."""
FAMILY_BAR = 0.70
"""Share that they should hold in each family."""
BOOTSTRAPS = 2000
NO_VALUE = "the model has no number for it in some or all draws"


@dataclass(frozen=True)
class Skill:
    """1 - mean CRPS of the model over that of a naive forecast: 90% interval over clusters."""

    against: str
    skill: float
    low: float
    high: float


@dataclass(frozen=True)
class Part:
    """Mean CRPS of the three forecasts over some of the rows that have all three, rows alike.

    ``loss``: model less last value; above 0 the model loses. ``inside95``: share of these rows.
    """

    kind: str
    name: str
    product: str
    rows: int
    model: float
    last: float
    trend: float
    loss: float
    inside95: float


@dataclass(frozen=True)
class HoldoutResult:
    """Scores of the figures after ``until``, and what they amount to.

    ``conditional``: history after the year was known. ``parts``: by product, family, series and
    row, the greatest loss first within each kind.
    """

    until: int
    conditional: bool
    scored: tuple[Scored, ...]
    summary: Summary
    skills: tuple[Skill, ...]
    parts: tuple[Part, ...]
    fitted: tuple[Fitted, ...]

    @property
    def verdicts(self) -> dict[str, bool]:
        """What is asked of a hold-out, and whether it holds."""
        found = {
            "95% intervals, all rows": _held(self.summary.coverage, "all"),
            "95% intervals, rows with an earlier value": _held(self.summary.with_earlier, "all"),
            "forecast sd at most that of the last value": self.summary.sd_ratio <= 1.0,
        }
        for name, rows in (
            ("all rows", self.summary.coverage),
            ("rows with an earlier value", self.summary.with_earlier),
        ):
            found |= {
                f"95% intervals, {one.name}, {name}": one.inside[2] >= FAMILY_BAR
                for one in rows
                if one.name != "all"
            }
        found |= {f"mean CRPS below {skill.against}": skill.skill > 0.0 for skill in self.skills}
        return found

    def losses(self, kind: str, most: int = 10) -> list[Part]:
        """Where the last value forecast better: parts of a kind, the greatest loss first."""
        return [part for part in self.parts if part.kind == kind and part.loss > 0.0][:most]


def _held(rows: Sequence[Coverage], name: str) -> bool:
    shares = [row.inside[2] for row in rows if row.name == name]
    return bool(shares) and ALL_BARS[0] <= shares[0] <= ALL_BARS[1]


def holdout(
    plan: Plan,
    folder: Path | None = None,
    progress: Progress = lambda block, what: None,
    blocks: Sequence[str] | None = None,
) -> HoldoutResult:
    """Fit what was known up to ``plan.until`` and score what came after.

    Fits are kept in a folder of their own within ``folder``. Raises InputError when the plan has
    no last year or no figure lies after it.
    """
    if plan.until is None:
        raise InputError("a hold-out needs a last year", key="until", given=None, allowed="a year")
    own = "conditional" if plan.history_known else "blind"
    place = None if folder is None else folder / f"until_{plan.until}_{own}"
    _, fitted = calibrate(plan, blocks, place, progress)
    return evaluate(fitted, plan.catalogue, plan.until, conditional=plan.history_known)


def evaluate(
    fitted: Sequence[Fitted], catalogue: Catalogue, until: int, *, conditional: bool = False
) -> HoldoutResult:
    """The scores of blocks that are fitted already. Raises InputError when no figure is left."""
    scored = score_blocks(fitted, catalogue)
    if not scored:
        raise InputError("no figure to score", key="until", given=until, allowed="an earlier year")
    summary = summarise(scored)
    return HoldoutResult(
        until,
        conditional,
        tuple(scored),
        summary,
        tuple(skills(scored)),
        tuple(parts(scored)),
        tuple(fitted),
    )


def score_blocks(fitted: Sequence[Fitted], catalogue: Catalogue) -> list[Scored]:
    """Scores of the figures that the fits did not know.

    Errors are conditioned on the known figures of the block; naive forecasts know those of all
    blocks, for their spreads are of families.
    """
    behind: list[Figure] = []
    ahead: list[Figure] = []
    lost: list[Scored] = []
    means, sds = [], []
    for one in fitted:
        behind += [figure for figure, known in zip(one.figures, one.known, strict=True) if known]
        finite = np.isfinite(one.fit.values).all(axis=0)
        gone = np.flatnonzero(~one.known & ~finite)
        lost += [Scored(one.figures[i], why=NO_VALUE) for i in gone]
        kept = one.known | finite
        asked = np.flatnonzero(~one.known & finite)
        if not len(asked):
            continue
        ahead += [one.figures[i] for i in asked]
        mean, sd = predict(
            rows_of(one.errors, kept), one.known[kept], one.fit.values[:, kept], one.fit.log_tau
        )
        means.append(mean)
        sds.append(sd)
    if not ahead:
        return lost
    past = observed_trails(behind, build_errors(behind, catalogue), catalogue)
    forecast = np.concatenate(means, axis=1), np.concatenate(sds, axis=1)
    return score(ahead, build_errors(ahead, catalogue), catalogue, forecast, past) + lost


def skills(scored: Sequence[Scored], seed: int = 1) -> list[Skill]:
    """Skill against both naive forecasts, each cluster weighing the same; bootstrap of clusters."""
    clusters: dict[str, list[tuple[float, ...]]] = {}
    for row in scored:
        if row.compared:
            clusters.setdefault(row.cluster, []).append(_three(row))
    if not clusters:
        return []
    means = np.array([np.mean(rows, axis=0) for rows in clusters.values()])
    rng = np.random.default_rng([seed, 23])
    again = means[rng.integers(0, len(means), (BOOTSTRAPS, len(means)))].mean(axis=1)
    found = []
    for column, name in ((1, "last value"), (2, "straight line")):
        whole = means.mean(axis=0)
        low, high = np.quantile(1.0 - again[:, 0] / again[:, column], (0.05, 0.95))
        found.append(Skill(name, float(1.0 - whole[0] / whole[column]), float(low), float(high)))
    return found


def _three(row: Scored) -> tuple[float, ...]:
    return (row.crps or 0.0, row.crps_last or 0.0, row.crps_trend or 0.0)


def parts(scored: Sequence[Scored]) -> list[Part]:
    """Rows that have all three forecasts, by product, family, series and each alone."""
    rows = [row for row in scored if row.compared]
    found = []
    for kind in ("product", "family", "series", "row"):
        groups: dict[str, list[Scored]] = {}
        for row in rows:
            names = {"product": row.figure.product, "family": row.family, "series": row.series}
            groups.setdefault(names.get(kind, row.figure.id), []).append(row)
        made = [_part(kind, name, group) for name, group in groups.items()]
        found += sorted(made, key=lambda part: -part.loss)
    return found


def _part(kind: str, name: str, rows: Sequence[Scored]) -> Part:
    model, last, trend = np.mean([_three(row) for row in rows], axis=0).tolist()
    products = " ".join(dict.fromkeys(row.figure.product for row in rows))
    inside = float(np.mean([row.inside[2] for row in rows]))
    return Part(kind, name, products, len(rows), model, last, trend, model - last, inside)
