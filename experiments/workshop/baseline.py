"""Current policy, run once when the server starts: where every scenario of the page sets out.

Draws lie in blocks. Of the years before the branch a block keeps what observation reads; eight
draws, spread evenly over what current policy leads to, are kept whole: previews run with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from experiments.batch.histories import History, Opened, open_histories, states_wanted
from experiments.runs.study import Study
from experiments.workshop.answers import BRANCH_YEAR, FIRST_YEAR
from experiments.workshop.view import EVERYONE, Graph
from model.catalogue import Catalogue
from model.choice import Choice
from model.compartments import Output
from model.errors import InputError
from model.observation import observe
from model.strata import COUNTRY, REGIONS
from model.strata import weights as weights_of
from scenarios.texts import AGE_GROUPS, SURVEYED_AGES

Float = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Values = dict[tuple[str, str], Single]

BLOCK = 8  # draws that are opened together
BRANCH = 12 * (BRANCH_YEAR - FIRST_YEAR)
PREVIEW = 8
BIT_REVERSED = (0, 4, 2, 6, 1, 5, 3, 7)  # any first few of these are spread evenly
AGES = (*AGE_GROUPS, *SURVEYED_AGES)
PLACES = tuple((region, age) for region in (COUNTRY, *REGIONS) for age in AGES)
LARGE = ("time", "counted", "excess_deaths", "overdose_deaths")  # most of the memory of an output
FUTURE = Choice.of((), since=BRANCH_YEAR - FIRST_YEAR)


@dataclass(frozen=True)
class Block:
    """Some draws with their states at the branch. ``whole``: years before it are all there.

    ``numbers`` (D,): numbers of the draws.
    """

    numbers: Int
    opened: Opened
    whole: bool


@dataclass(frozen=True)
class Baseline:
    """Current policy in all draws. ``lost``: why a draw is not there, by its number.

    ``values`` by indicator and owner (N, years, PLACES), where the indicator applies to that
    product or union; ``cells`` (PLACES, S).
    """

    study: Study
    blocks: tuple[Block, ...]
    preview: Block
    ran: Int  # (PREVIEW,) place among the N draws of each of the preview
    values: dict[tuple[str, str], Single]
    cells: Float
    owners: tuple[str, ...]
    lost: dict[int, str]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return sum(len(block.numbers) for block in self.blocks)

    def of(self, graph: Graph) -> Float:
        """Draws of current policy, (N, years). Raises InputError for what no graph shows."""
        _, place = self.at(graph)
        values = self.values[graph.indicator, graph.product]
        return np.asarray(values[:, :, place], dtype=np.float64)

    def at(self, graph: Graph) -> tuple[int, int]:
        """Place of a graph's product and of its people. Raises InputError."""
        if graph.indicator not in (indicators := {indicator for indicator, _ in self.values}):
            raise _unknown("indicator", graph.indicator, sorted(indicators))
        if (graph.indicator, graph.product) not in self.values:
            able = [owner for name, owner in self.values if name == graph.indicator]
            raise _unknown("product", graph.product, able)
        for key, given, at in (("region", graph.region, 0), ("age", graph.age, 1)):
            if given not in (allowed := dict.fromkeys(place[at] for place in PLACES)):
                raise _unknown(key, given, list(allowed))
        return self.owners.index(graph.product), PLACES.index((graph.region, graph.age))


def owners_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Products, then unions of them, as observation orders them."""
    return (*(row.id for row in catalogue.products), *(row.id for row in catalogue.unions))


def _unknown(key: str, given: str, allowed: list[str]) -> InputError:
    return InputError("nothing is known of this", key=key, given=given, allowed=allowed)


def open_baseline(
    study: Study,
    indicators: Sequence[str],
    *,
    threads: int = 1,
    progress: Callable[[int], None] = lambda draws: None,
) -> Baseline:
    """Run current policy in all draws of a study; ``progress`` hears of draws as they are done.

    Raises FloatingPointError when not one draw runs to the end.
    """
    cells = np.vstack([_place(study, region, age) for region, age in PLACES])
    catalogue = study.layout.catalogue
    owners = owners_of(catalogue)

    def opened(first: int) -> tuple[Block | None, Values, dict[History, str]]:
        numbers = range(first, min(first + BLOCK, study.draws.size))
        found, broken = open_histories(study, (), [History(d) for d in numbers], {BRANCH})
        progress(len(numbers))
        if found is None:
            return None, {}, broken
        return _block(found, whole=False), _known(study, found, cells, indicators), broken

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(opened, range(0, study.draws.size, BLOCK)))
    blocks = tuple(block for block, _, _ in parts if block is not None)
    lost = {one.draw: why for _, _, broken in parts for one, why in broken.items()}
    if not blocks:
        raise FloatingPointError(", ".join(f"draw {d}: {why}" for d, why in lost.items()))
    values = _joined([values for block, values, _ in parts if block is not None])
    ran = _spread(values)
    numbers = np.concatenate([block.numbers for block in blocks])[ran]
    wanted = states_wanted(study, {BRANCH})
    found, _ = open_histories(study, (), [History(int(d)) for d in numbers], wanted)
    assert found is not None  # they have run before
    preview = _block(found, whole=True)
    return Baseline(study, blocks, preview, ran, values, cells, owners, lost)


def _place(study: Study, region: str, age: str) -> Float:
    low, high = (None, None) if age == EVERYONE else _ages(age)
    return np.asarray(weights_of(study.strata, region=region, age_min=low, age_max=high))


def _ages(group: str) -> tuple[int, int | None]:
    low, _, high = group.rstrip("+").partition("-")
    return int(low), int(high) if high else None


def _block(opened: Opened, *, whole: bool) -> Block:
    numbers = np.array([history.draw for history in opened.histories], dtype=np.int64)
    # Entries before 2010 are read in the history alone.
    prepared = replace(opened.prepared, entry_past=opened.prepared.entry_past[:, :0].copy())
    reference = opened.reference if whole else _cut(opened.reference)
    opened = replace(opened, prepared=prepared, reference=reference)
    return Block(numbers, opened, whole)


def _rows(years: int) -> list[int]:
    """Years before the branch that observation of later years reads."""
    return [row for row in FUTURE.rows(FIRST_YEAR, years) if row < FUTURE.since]


def _cut(reference: Output) -> Output:
    rows = _rows(reference.lived.shape[1])
    return reference._replace(**{name: getattr(reference, name)[:, rows] for name in LARGE})


def restore(scratch: Output, block: Block, index: slice) -> None:
    """Write what is known of the years before the branch into the first rows of ``scratch``."""
    reference, size = block.opened.reference, index.stop - index.start
    rows = _rows(scratch.lived.shape[1])
    for name in Output._fields:
        mine, known = getattr(scratch, name), getattr(reference, name)[index]
        if name in LARGE and not block.whole:
            mine[:size, rows] = known
        else:
            mine[:size] = known


def _known(study: Study, opened: Opened, cells: Float, indicators: Sequence[str]) -> Values:
    """Indicators of current policy of these draws, where they apply."""
    whole, catalogue = opened.whole(), study.layout.catalogue
    found = observe(
        whole.prepared,
        whole.draws,
        catalogue,
        opened.reference,
        whole.prepared.forcing(),
        cells,
        choice=Choice.of(indicators),
    )
    return {
        (name, owner): found[name][:, :, p].astype(np.float32)
        for name in indicators
        if name in found
        for p, owner in enumerate(owners_of(catalogue))
        if np.isfinite(found[name][:, :, p]).any()
    }


def _joined(parts: Sequence[Values]) -> Values:
    """Draws of all parts; NaN where an indicator applies in none of those of a part."""
    nothing = {key: np.full_like(values, np.nan) for part in parts for key, values in part.items()}
    sizes = [len(next(iter(part.values()))) for part in parts]
    return {
        key: np.concatenate(
            [
                part.get(key, none[:1].repeat(size, axis=0))
                for part, size in zip(parts, sizes, strict=True)
            ]
        )
        for key, none in nothing.items()
    }


def _spread(values: Values) -> Int:
    """Draws that stand for all: one from each eighth along what most sets the draws apart.

    In an order whose first few are spread evenly too. Fewer draws than that are taken as they are.
    """
    levels = _levels(np.stack([found[:, -1, 0] for found in values.values()], axis=1))
    count = len(levels)
    if count <= PREVIEW:
        return np.arange(count, dtype=np.int64)
    sizes = np.linalg.svd(levels, full_matrices=False)[0][:, 0]
    ordered = np.argsort(sizes, kind="stable")
    middles = ((np.arange(PREVIEW) + 0.5) * count / PREVIEW).astype(np.int64)
    return np.asarray(ordered[middles][list(BIT_REVERSED)], dtype=np.int64)


def _levels(found: Single) -> Float:
    """Standardised logarithms of what is known and positive in all draws, (N, some)."""
    good = (np.isfinite(found) & (found > 0.0)).all(axis=0)
    logs = np.log(found[:, good].astype(np.float64))
    spread = logs.std(axis=0)
    return np.asarray((logs - logs.mean(axis=0))[:, spread > 0.0] / spread[spread > 0.0])
