"""Three structures fitted to the same figures, and how much of 2030 comes from assumptions.

The structures differ in two parameters that are held: without contagion nobody starts because
others use; with contagion but no reputation, use by others never deters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from calibration.calibrate import LATEST, Fitted, Plan, Progress, calibrate, held_catalogue
from calibration.fit import ASSUMED_BELOW, Settings
from calibration.predict import survey
from calibration.series import Group, Series
from model.catalogue import Catalogue
from model.errors import InputError
from model.parameters import Draws
from model.trend import FIRST_YEAR, KNOT_YEARS

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

YEAR = 2030
INDICATORS = ("last_year_prevalence", "problematic_prevalence")
AGES = (15, 64)
STRUCTURES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "no contagion": (("social_share", 0.0),),
    "contagion": (("reputation_exponent", 0.0),),
    "contagion with reputation": (),
}
"""Parameters held in each structure; the last is the one that is shipped."""
SHIPPED = "contagion with reputation"

GROUPS = ("assumed", "innovations", "learnt")
"""Groups of quantities in the order of the columns of ``Share``."""
SPLITS = 12
"""Random splits of the draws over which shares are averaged."""
CHOOSING = 2.0 / 3.0
"""Part of the draws that chooses terms; the rest measures."""
TERMS_PER_DRAW = 1.0 / 8.0
"""Most terms chosen, for each draw that chooses."""
COUPLING = "coupling_"


@dataclass(frozen=True)
class Outcome:
    """Draws (D,) of one prevalence at ages 15-64 in Belgium in YEAR."""

    product: str
    indicator: str
    values: Float


@dataclass(frozen=True)
class StructureRow:
    """One outcome of one structure: median and 90% interval, and the median over the shipped's."""

    structure: str
    product: str
    indicator: str
    median: float
    low: float
    high: float
    ratio: float


@dataclass(frozen=True)
class Share:
    """Shares of the variance of a log prevalence in YEAR by group of quantities.

    ``sd``: of the log. ``unexplained``: interactions, and effects too small to be seen in the
    draws. A share may be a little below 0 by chance.
    """

    product: str
    indicator: str
    sd: float
    assumed: float
    innovations: float
    learnt: float
    unexplained: float
    quantities: int


@dataclass(frozen=True)
class Quantities:
    """Draws (D, F) of what a product's future depends on, named, with the group of each (F,)."""

    names: tuple[str, ...]
    values: Float
    group: Int


@dataclass(frozen=True)
class StructureFit:
    """One structure after its calibration."""

    name: str
    draws: Draws
    fitted: tuple[Fitted, ...]
    outcomes: tuple[Outcome, ...]


def structures(
    plan: Plan,
    folder: Path | None = None,
    progress: Progress = lambda block, what: None,
    blocks: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> list[StructureFit]:
    """Each of STRUCTURES fitted, and its outcomes of YEAR.

    The shipped structure is fitted in all blocks as the plan says, in ``folder``, where a
    calibration may have left its fits; the others in ``blocks`` (default: all) with ``settings``
    (default: the plan's), in folders of their own within it. The plan's held parameters stay held.
    """
    found = []
    for name, held in STRUCTURES.items():
        one = replace(plan, held=(*plan.held, *held))
        if held and settings is not None:
            one = replace(one, settings=settings)
        place = folder if folder is None or not held else folder / name.replace(" ", "_")

        def tell(block: str, what: str, name: str = name) -> None:
            progress(block, f"{name}: {what}")

        draws, fitted = calibrate(one, blocks if held else None, place, tell)
        tell("all", f"running to {YEAR}")
        seen = outcomes(held_catalogue(one.catalogue, dict(one.held)), draws, one.threads)
        found.append(StructureFit(name, draws, tuple(fitted), tuple(seen)))
    return found


def outcomes(
    catalogue: Catalogue,
    draws: Draws,
    threads: int = 1,
    progress: Callable[[int], None] = lambda draws: None,
) -> list[Outcome]:
    """Prevalences of YEAR of every product that has them, from the joined draws in the full model.

    Raises FloatingPointError when the model breaks down.
    """
    series = [
        Series(product.id, indicator, Group("all", *AGES, "Belgium"), "proportion")
        for product in catalogue.products
        for indicator in INDICATORS
    ]
    seen = survey(catalogue, draws, series, YEAR, threads=threads, progress=progress)[:, :, -1]
    return [
        Outcome(one.product, one.indicator, seen[:, i])
        for i, one in enumerate(series)
        if np.isfinite(seen[:, i]).all() and (seen[:, i] > 0.0).all()
    ]


def structure_rows(fits: Iterable[StructureFit]) -> list[StructureRow]:
    """Medians and 90% intervals of every outcome in every structure, beside the shipped one."""
    fits = list(fits)
    shipped = {
        (one.product, one.indicator): float(np.median(one.values))
        for fit in fits
        if fit.name == SHIPPED
        for one in fit.outcomes
    }
    found = []
    for fit in fits:
        for one in fit.outcomes:
            middle, low, high = (float(q) for q in np.quantile(one.values, (0.5, 0.05, 0.95)))
            base = shipped.get((one.product, one.indicator), np.nan)
            found.append(
                StructureRow(fit.name, one.product, one.indicator, middle, low, high, middle / base)
            )
    return found


def assumed_share(
    draws: Draws,
    fitted: Sequence[Fitted],
    catalogue: Catalogue,
    results: Sequence[Outcome],
) -> list[Share]:
    """The share of each outcome's variance that comes from assumptions.

    ``draws``: the joined draws that gave ``results``. Assumed are quantities with a contraction
    below ASSUMED_BELOW and table rows of no block; innovations are those after the last year of
    history; the rest is learnt. Method: ``explained``, which raises InputError for too few draws.
    """
    found = []
    for one in results:
        told = quantities(one.product, draws, fitted, catalogue)
        logs = np.log(one.values)
        shares = explained(logs, told.values, told.group).tolist()
        found.append(
            Share(
                product=one.product,
                indicator=one.indicator,
                sd=float(logs.std()),
                assumed=shares[0],
                innovations=shares[1],
                learnt=shares[2],
                unexplained=1.0 - sum(shares),
                quantities=len(told.names),
            )
        )
    return found


def quantities(
    product: str, draws: Draws, fitted: Sequence[Fitted], catalogue: Catalogue
) -> Quantities:
    """Everything uncertain that a product or one upstream of it reads, with its group."""
    learnt = {
        quantity.name
        for one in fitted
        for quantity, told in zip(one.fit.inputs, one.fit.contraction, strict=True)
        if told >= ASSUMED_BELOW
    }
    columns: dict[str, tuple[Float, bool]] = {}
    reached = upstream(product, draws, catalogue)
    for number, row in enumerate(catalogue.products):
        if row.id not in reached:
            continue
        for name in sorted(draws.names(row.id, row.kind)):
            for own in draws.find(row.id, row.kind, name):
                columns[own.key] = (draws.values[own.key], False)
        for knot in range(draws.innovations.shape[2]):
            year = FIRST_YEAR + KNOT_YEARS * (knot + 1)
            values = draws.innovations[:, number, knot]
            columns[f"{row.id}/innovation[{year}]"] = (values, year > LATEST)
    for event in catalogue.history:
        if event.key in draws.values and set((event.products or "").split()) & reached:
            columns[event.key] = (draws.values[event.key], False)
    uncertain = {name: pair for name, pair in columns.items() if np.ptp(pair[0]) > 0.0}
    group = [
        GROUPS.index("innovations" if later else "learnt" if name in learnt else "assumed")
        for name, (_, later) in uncertain.items()
    ]
    drawn = [pair[0] for pair in uncertain.values()]
    return Quantities(
        tuple(uncertain),
        np.stack(drawn, axis=1) if drawn else np.zeros((draws.size, 0)),
        np.array(group, dtype=np.int64),
    )


def upstream(product: str, draws: Draws, catalogue: Catalogue) -> frozenset[str]:
    """The product and all whose use reaches it through couplings."""
    kinds = {row.id: row.kind for row in catalogue.products}
    found: set[str] = set()
    ahead = [product]
    while ahead:
        one = ahead.pop()
        if one in found or one not in kinds:
            continue
        found.add(one)
        ahead += [
            name.partition(COUPLING)[2] for name in draws.names(one, kinds[one]) if COUPLING in name
        ]
    return frozenset(found)


def explained(
    outcome: Float,
    features: Float,
    group: Int,
    *,
    groups: int = len(GROUPS),
    seed: int = 1,
) -> Float:
    """Shares (groups,) of the variance of ``outcome`` (D,) that groups of ``features`` explain.

    Terms are the normal scores of each feature (D, F) and their squares. In each of SPLITS random
    splits of the draws, one part chooses terms by forward selection (BIC), the other measures
    adjusted R2, so that choosing does not flatter; a group's share is its mean gain in adjusted R2
    over all orders in which groups can enter (Shapley), which shares out what correlated groups
    explain together. Raises InputError for too few draws.
    """
    if len(outcome) < 30:
        raise InputError("too few draws to share out a variance", given=len(outcome), allowed="30")
    if np.ptp(outcome) == 0.0 or not features.shape[1]:
        return np.zeros(groups)
    scores = ndtri((rankdata(features, axis=0) - 0.5) / len(features))
    terms = np.concatenate([scores, scores**2 - 1.0], axis=1)
    owner = np.concatenate([group, group])
    rng = np.random.default_rng([seed, 29])
    total = np.zeros(groups)
    for _ in range(SPLITS):
        order = rng.permutation(len(outcome))
        cut = round(CHOOSING * len(outcome))
        first, second = order[:cut], order[cut:]
        most = min(int(TERMS_PER_DRAW * cut), len(second) // 3)
        chosen = choose(outcome[first], terms[first], most)
        total += _shapley(outcome[second], terms[second][:, chosen], owner[chosen], groups)
    return total / SPLITS


def choose(outcome: Float, terms: Float, most: int) -> Int:
    """Terms (n, P) that forward selection takes for ``outcome`` (n,), at most ``most``.

    Each step takes the term that lowers the squared error most, until BIC rises.
    """
    rest = outcome - outcome.mean()
    left = terms - terms.mean(axis=0)
    size = np.maximum((left**2).sum(axis=0), 1e-12)
    floor = 1e-6 * size
    penalty = np.log(len(outcome))
    chosen: list[int] = []
    while len(chosen) < most:
        norm = (left**2).sum(axis=0)
        gain = np.where(norm > floor, (left.T @ rest) ** 2 / np.maximum(norm, floor), 0.0)
        best = int(np.argmax(gain))
        before = float(rest @ rest)
        after = before - float(gain[best])
        if before <= 0.0 or len(outcome) * np.log(max(after, 1e-300) / before) > -penalty:
            break
        along = left[:, best] / np.sqrt(norm[best])
        rest = rest - along * (along @ rest)
        left = left - np.outer(along, along @ left)
        chosen.append(best)
    return np.array(chosen, dtype=np.int64)


def _shapley(outcome: Float, terms: Float, owner: Int, groups: int) -> Float:
    """Mean gain in adjusted R2 of each group over all orders of entry, (groups,)."""
    known: dict[frozenset[int], float] = {frozenset(): 0.0}

    def measure(inside: frozenset[int]) -> float:
        if inside not in known:
            known[inside] = adjusted_r2(outcome, terms[:, np.isin(owner, list(inside))])
        return known[inside]

    total = np.zeros(groups)
    orders = list(permutations(range(groups)))
    for order in orders:
        inside: frozenset[int] = frozenset()
        for one in order:
            total[one] += measure(inside | {one}) - measure(inside)
            inside |= {one}
    return total / len(orders)


def adjusted_r2(outcome: Float, terms: Float) -> float:
    """Adjusted R2 of a regression of ``outcome`` (n,) on ``terms`` (n, P) and a constant."""
    count, width = terms.shape
    if width == 0:
        return 0.0
    centred = outcome - outcome.mean()
    design = terms - terms.mean(axis=0)
    fitted = design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    left = float(((centred - fitted) ** 2).sum() / (centred**2).sum())
    return float(1.0 - left * (count - 1) / (count - width - 1))
