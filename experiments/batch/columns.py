"""Outputs of a batch as columns: which number of what is observed stands where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.batch.job import Float, Labels, Single
from experiments.batch.kept import Kept
from experiments.runs.scenario_results import GROUPS
from experiments.runs.study import Study
from model.catalogue import Catalogue
from model.choice import Choice
from model.compartments import FIRST_YEAR
from model.forcing import Forcing
from model.observation import observe
from model.parameters import Draws
from model.prepared import Output, Prepared

Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]
Where = slice | list[int]


@dataclass(frozen=True, eq=False)
class Grid:
    """Everything that could be kept: indicators, products, groups and years, in this order."""

    kept: Kept
    catalogue: Catalogue
    cells: Float  # (groups, S)
    choice: Choice
    products: Where
    years: Where

    @classmethod
    def of(cls, study: Study, kept: Kept) -> Grid:
        """The grid of what is kept of a study."""
        catalogue = study.layout.catalogue
        names = [row.id for row in catalogue.products] + [row.id for row in catalogue.unions]
        since = kept.years[0] - FIRST_YEAR
        return cls(
            kept=kept,
            catalogue=catalogue,
            cells=study.group_cells[[GROUPS.index(group) for group in kept.groups]],
            choice=Choice.of(kept.indicators, since),
            products=_where([names.index(product) for product in kept.products]),
            years=_where([year - FIRST_YEAR - since for year in kept.years]),
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the four axes."""
        kept = self.kept
        return len(kept.indicators), len(kept.products), len(kept.groups), len(kept.years)

    def seen(self, prepared: Prepared, draws: Draws, output: Output, forcing: Forcing) -> Float:
        """What is observed of some runs, (D, cells of the grid), in the units of the indicators."""
        values = observe(
            prepared, draws, self.catalogue, output, forcing, self.cells, choice=self.choice
        )
        found = np.full((draws.size, *self.shape), np.nan)
        for i, name in enumerate(self.kept.indicators):
            if name in values:
                some = values[name][:, self.years][:, :, self.products]
                found[:, i] = some.transpose(0, 2, 3, 1)
        return found.reshape(draws.size, -1)

    def labels(self, applies: Bool) -> Labels:
        """Labels of the cells of the grid that apply, (cells,)."""
        axes = np.unravel_index(np.flatnonzero(applies), self.shape)
        names = (self.kept.indicators, self.kept.products, self.kept.groups)
        units = {row.id: row.unit for row in self.catalogue.indicators}
        texts = [np.array(words)[at] for words, at in zip(names, axes, strict=False)]
        unit = np.array([units[name] for name in self.kept.indicators])[axes[0]]
        return {
            "indicator": texts[0],
            "product": texts[1],
            "group": texts[2],
            "year": np.array(self.kept.years, dtype=np.int64)[axes[3]],
            "unit": unit,
        }


@dataclass(frozen=True, eq=False)
class Columns:
    """The outputs of a store: cell of the grid of each, and the cells that none of them holds.

    ``at`` (outputs,) and ``others`` (cells without,).
    """

    grid: Grid
    at: Int  # (M,)
    others: Int

    @classmethod
    def of(cls, study: Study, kept: Kept, outputs: Labels) -> Columns:
        """The columns of these outputs."""
        grid = Grid.of(study, kept)
        axes = (kept.indicators, kept.products, kept.groups, kept.years)
        numbers = []
        for name, words in zip(("indicator", "product", "group", "year"), axes, strict=True):
            known = {word: i for i, word in enumerate(words)}
            numbers.append([known[word] for word in outputs[name].tolist()])
        at = np.ravel_multi_index(np.array(numbers, dtype=np.int64).reshape(4, -1), grid.shape)
        rest = np.ones(int(np.prod(grid.shape)), dtype=np.bool_)
        rest[at] = False
        return cls(grid, np.asarray(at, dtype=np.int64), np.flatnonzero(rest))

    def cut(self, seen: Float) -> Single:
        """The outputs among what was seen, (D, M), in the same units."""
        with np.errstate(over="ignore"):  # too large for single precision: told as infinite
            return seen[:, self.at].astype(np.float32)

    def wrong(self, seen: Float, values: Single) -> dict[int, str]:
        """Runs with something that cannot be stored as it is, and what.

        ``seen`` (D, cells), ``values`` (D, M).
        """
        found: dict[int, str] = {}
        lost = np.isfinite(seen[:, self.others]) if len(self.others) else np.zeros((len(seen), 0))
        for d in np.flatnonzero(lost.any(axis=1)).tolist():
            cell = int(self.others[int(np.argmax(lost[d]))])
            found[d] = f"{self.named(cell)} has a value here alone: no column was made for it"
        for d in np.flatnonzero(np.isinf(values).any(axis=1)).tolist():
            found[d] = (
                f"{self.named(int(self.at[int(np.argmax(np.isinf(values[d])))]))} is infinite"
            )
        return found

    def named(self, cell: int) -> str:
        """A cell of the grid in words."""
        kept = self.grid.kept
        i, p, g, y = (int(k) for k in np.unravel_index(cell, self.grid.shape))
        where = f"{kept.products[p]}, {kept.groups[g]}, {kept.years[y]}"
        return f"{kept.indicators[i]} of {where}"


def _where(numbers: Sequence[int]) -> Where:
    """Consecutive numbers as a slice, which copies nothing."""
    first, count = numbers[0], len(numbers)
    if list(numbers) == list(range(first, first + count)):
        return slice(first, first + count)
    return list(numbers)
