"""Blocks of products that are fitted together, and the model of one block as a function of scores.

A block runs its own products and those upstream of it, nothing else, so that a run takes
milliseconds. What is uncertain in it enters as standard normal scores: the prior is exactly
N(0, I). A row that the block shares with other products (owner ``kind:x`` or ``*``) is made its
product's own, so that each block learns its own copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.errors import to_scale
from calibration.figures import Figure
from calibration.predict import groups_of, over_years, series_values
from calibration.series import Series, group_weights, series_of
from model import supply
from model.catalogue import Catalogue
from model.compartments import Output, Prepared, prepare, simulate
from model.errors import InputError
from model.events import HistoryRow, month_number
from model.history import history_changes
from model.observation import observe, observe_past
from model.outcomes import Seen
from model.parameters import Draws, ParameterRow, Prior, quantile
from model.past import start_and_past
from model.population import load_demography
from model.rates import build_rates
from model.reading import TableRow, read_rows
from model.strata import Strata, default_strata
from model.structure import build_structure
from model.trend import FIRST_YEAR, KNOT_YEARS, KNOTS

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

BLOCKS = Path(__file__).with_name("blocks.csv")
PAST_FROM = 1997  # the first year of which a figure is fitted
PART = 16  # draws that run together
# A share of treatment needs the episodes of products that the block does not run: these are taken
# as a constant number a year, of the order of the 13,000 episodes of 2021 less one product's. The
# level of such a figure has a wide offset: only its change informs.
OTHER_EPISODES = 10_000.0


class BlockRow(TableRow):
    """Products fitted together and the products that their runs need besides."""

    block: str
    products: str
    upstream: str | None
    note: str | None


@dataclass(frozen=True)
class Target:
    """One number that a run is asked for: a series in a year, or summed or averaged over years.

    ``asked`` is what the run observes: episodes for a share of treatment, else the series itself.
    """

    series: Series
    first: int
    last: int
    asked: Series

    @property
    def scale(self) -> str:
        """``logit`` for proportions, ``log`` for everything else."""
        return "logit" if self.series.unit == "proportion" else "log"


@dataclass(frozen=True)
class Input:
    """One uncertain quantity of a block; its score is standard normal a priori.

    ``row``: the parameter or history row that the score moves; None for an innovation of the
    local trend, which is the score itself.
    """

    name: str
    row: Prior | None
    product: int = 0
    knot: int = 0


def load_blocks(path: Path = BLOCKS) -> list[BlockRow]:
    """Blocks in the order in which they are fitted: upstream products first."""
    return read_rows(path, BlockRow)


def target_of(figure: Figure, catalogue: Catalogue) -> Target | None:
    """What a run is asked for to stand beside a figure; None when it cannot print such a number."""
    series = series_of(figure, catalogue)
    if series is None or figure.year is None:
        return None
    last = figure.year_end or figure.year
    episodes = replace(series, indicator="treatment_episodes", unit="persons per year")
    asked = episodes if series.indicator == "treatment_share" else series
    return Target(series, figure.year, last, asked)


def block_catalogue(catalogue: Catalogue, block: BlockRow, until: int | None = None) -> Catalogue:
    """The tables of a block alone.

    ``until``: history that begins after this year is left out, as unknown to a forecast.
    """
    kept = [*block.products.split(), *(block.upstream or "").split()]
    gone = {row.id for row in catalogue.products} - set(kept)
    absent = tuple(f"coupling_{product}" for product in gone)
    unions = tuple(row for row in catalogue.unions if set(row.members.split()) <= set(kept))
    lost = gone | ({row.id for row in catalogue.unions} - {row.id for row in unions})
    return replace(
        catalogue,
        products=tuple(row for row in catalogue.products if row.id in kept),
        unions=unions,
        parameters=tuple(
            row
            for row in catalogue.parameters
            if row.product not in lost and not row.parameter.endswith(absent)
        ),
        history=tuple(row for row in catalogue.history if _known(row, until)),
    )


def _known(row: HistoryRow, until: int | None) -> bool:
    return until is None or month_number(row.start) < 12 * (until + 1 - FIRST_YEAR)


def own_rows(catalogue: Catalogue, product: str, kind: str) -> list[ParameterRow]:
    """Every row that a product reads, as its own: rows of its kind or ``*`` are copied."""
    draws = Draws(catalogue.parameters, {}, np.zeros((0, 0, 0)), 0)
    found = []
    for name in sorted(draws.names(product, kind)):
        found += [
            row if row.product == product else row.model_copy(update={"product": product})
            for row in draws.find(product, kind, name)
        ]
    return found


def candidates(catalogue: Catalogue, block: BlockRow, until: int) -> list[Input]:
    """All that is uncertain about a block's own products: rows, history and innovations."""
    own = block.products.split()
    found = []
    for number, product in enumerate(catalogue.products):
        if product.id not in own:
            continue
        found += [
            Input(row.key, row)
            for row in own_rows(catalogue, product.id, product.kind)
            if row.distribution != "fixed"
        ]
        knots = min(KNOTS, -(-(until + 1 - FIRST_YEAR) // KNOT_YEARS))
        found += [
            Input(f"{product.id}/innovation[{FIRST_YEAR + KNOT_YEARS * (k + 1)}]", None, number, k)
            for k in range(knots)
        ]
    found += [
        Input(event.key, event)
        for event in catalogue.history
        if event.handle is not None
        and event.distribution not in (None, "fixed")
        and set(event.products.split()) & set(own)
    ]
    return found


class BlockModel:
    """One block as a function from scores to the targets' values on their scale.

    D draws, K inputs, N targets.
    """

    def __init__(
        self,
        whole: Catalogue,
        block: BlockRow,
        base: Draws,
        targets: Sequence[Target],
        *,
        known_until: int | None = None,
        threads: int = 1,
    ) -> None:
        """``base``: draws of everything in ``whole``; what is no input is taken from it by index.

        ``known_until``: history that begins later is unknown. All candidates are inputs until
        ``with_inputs`` chooses.
        """
        self.block, self.base, self.threads = block, base, threads
        self.targets = tuple(targets)
        self.catalogue = block_catalogue(whole, block, known_until)
        self.strata: Strata = default_strata()
        last = max((target.last for target in targets), default=FIRST_YEAR)
        self.demography = load_demography(self.strata, last_year=max(last, FIRST_YEAR))
        self.series = tuple(dict.fromkeys(target.asked for target in targets))
        self.weights = np.stack([group_weights(self.strata, g) for g in groups_of(self.series)])
        ids = [row.id for row in whole.products]
        self.columns = np.array([ids.index(row.id) for row in self.catalogue.products])
        self.inputs = tuple(candidates(self.catalogue, block, self.last_year))
        self._rows, self._origin = self._with_own()

    @property
    def last_year(self) -> int:
        """The last year that is run."""
        return FIRST_YEAR + self.demography.months // 12 - 1

    def with_inputs(self, inputs: Sequence[Input]) -> BlockModel:
        """The same block with these inputs; all else keeps the draw of the same index."""
        other = copy(self)
        other.inputs = tuple(inputs)
        other._rows, other._origin = other._with_own()
        return other

    def _with_own(self) -> tuple[list[ParameterRow], dict[str, str]]:
        """Rows of the block with the product's own copies, and the key that each copy stands for.

        A parameter is copied whole: the own rows of a product hide the shared ones.
        """
        rows = list(self.catalogue.parameters)
        origin = {row.key: row.key for row in rows}
        wanted = {inp.name for inp in self.inputs}
        shared = Draws(rows, {}, np.zeros((0, 0, 0)), 0)
        for product in self.catalogue.products:
            for name in sorted(shared.names(product.id, product.kind)):
                found = shared.find(product.id, product.kind, name)
                copies = [row.model_copy(update={"product": product.id}) for row in found]
                if any(row.key in wanted and row.key not in origin for row in copies):
                    rows += copies
                    pairs = zip(copies, found, strict=True)
                    origin |= {own.key: row.key for own, row in pairs}
        return rows, origin

    def draws(self, scores: Float, index: Int) -> Draws:
        """Draws with inputs at ``scores`` (D, K), all else as draw ``index`` (D,) of the base."""
        values = {key: self.base.values[at][index] for key, at in self._origin.items()}
        events = [row.key for row in self.catalogue.history if row.handle is not None]
        values |= {key: self.base.values[key][index] for key in events}
        innovations = self.base.innovations[np.ix_(index, self.columns)].copy()
        for k, one in enumerate(self.inputs):
            if one.row is None:
                innovations[:, one.product, one.knot] = scores[:, k]
            else:
                values[one.name] = quantile(one.row, scores[:, k])
        return Draws(self._rows, values, innovations, self.base.seed)

    def values(self, scores: Float, index: Int) -> Float:
        """Targets on their scale (logit or log), (D, N); NaN in the rows of draws that break."""
        parts = [slice(i, i + PART) for i in range(0, len(scores), PART)]

        def one(part: slice) -> Float:
            return self._part(scores[part], index[part])

        if self.threads == 1:
            return np.concatenate([one(part) for part in parts])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(one, parts)))

    def _part(self, scores: Float, index: Int) -> Float:
        try:
            return self._run(self.draws(scores, index))
        except FloatingPointError:
            if len(scores) == 1:
                return np.full((1, len(self.targets)), np.nan)
            each = range(len(scores))
            return np.concatenate([self._part(scores[i : i + 1], index[i : i + 1]) for i in each])

    def _run(self, draws: Draws) -> Float:
        structure = build_structure(self.catalogue, draws)
        rates = build_rates(structure, self.strata, self.demography.start, draws)
        months = self.demography.months
        history = history_changes(self.catalogue, draws, structure, self.strata, months)
        prepared = prepare(structure, self.strata, self.demography, rates, history)
        state, past = start_and_past(prepared, PAST_FROM)
        output = simulate(prepared, None, 0, months, state, reference=True).output
        seen = self._observed(prepared, draws, output)
        before = observe_past(prepared, draws, self.catalogue, past, self.weights)
        parts = [
            series_values(found, run.lived @ self.weights.T, self.series, self.catalogue)
            for found, run in ((before, past), (seen, output))
        ]
        yearly = np.concatenate(parts, axis=2)
        found = [self._target(target, yearly) for target in self.targets]
        return np.stack(found, axis=1)

    def _observed(self, prepared: Prepared, draws: Draws, output: Output) -> dict[str, Float]:
        catalogue, weights = self.catalogue, self.weights
        found = observe(prepared, draws, catalogue, output, None, weights, outcomes=False)
        if any(series.indicator == "wastewater_load" for series in self.series):
            seen = Seen(prepared, draws, catalogue, output, prepared.forcing(), weights, found)
            supply.observe_loads(seen)
        return found

    def _target(self, target: Target, yearly: Float) -> Float:
        """One target on its scale (D,); ``yearly`` (D, series, years)."""
        values = yearly[:, self.series.index(target.asked)]
        if target.series.indicator == "treatment_share":
            values = values / (values + OTHER_EPISODES)
        years = range(PAST_FROM, self.last_year + 1)
        wanted = range(target.first, target.last + 1)
        value = over_years(values, years, wanted, target.series.unit)
        if value is None:
            raise InputError("no run reaches these years", given=f"{wanted}", allowed=f"{years}")
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(to_scale(value, target.scale))
