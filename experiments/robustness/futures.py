"""The futures of a store: what was sampled, and one outcome of each scenario in each of them.

A future is a point of the sampled factors with a draw of the model's parameters. Every scenario
of a study meets the same futures, so that scenarios can be set side by side in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from experiments.batch.design import SAMPLES
from experiments.batch.factors import Factor, Kind
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.intp]

WHOLE = "Belgium"
LISTED = 12  # ids in a refusal at most
SHARES = (
    "Shares are shares of the sampled futures. The study spread them over ranges that it chose: "
    "they are not probabilities of the world, and a future that the model cannot tell of is not "
    "among them."
)


GRID = (
    "Points lie on a grid: the ends of a range count as much as its middle, and shares are "
    "shares of grid points."
)


def check_futures_design(attributes: Mapping[str, object], url: str) -> None:
    """Refuse a store whose points a sensitivity method placed: they are no even spread of futures.

    ``attributes``: of the store; without a design (one point) all is well. Raises InputError.
    """
    method = str(attributes.get("design_method", "") or "")
    if method in ("", "none", *SAMPLES):
        return
    where = f" ({url})" if url else ""
    raise InputError(
        f"the points of this store{where} were placed for a sensitivity analysis, so that shares "
        "and means over them say nothing of futures",
        key="design_method",
        given=method,
        allowed=f"a store of `drugfutures batch` with sample: {', '.join(SAMPLES)}, or no factors",
    )


@dataclass(frozen=True)
class Outcome:
    """What is looked at: one output of a store."""

    indicator: str
    product: str
    group: str
    year: int


@dataclass(frozen=True)
class Futures:
    """A flat store (see ``experiments.batch.store``) read as futures.

    Raises InputError for a store whose points a sensitivity method placed.
    """

    store: xr.Dataset

    def __post_init__(self) -> None:
        check_futures_design(self.store.attrs, str(self.store.encoding.get("source", "")))

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """Factors in the order of the columns of ``points``; none where nothing was sampled."""
        if "factor" not in self.store.sizes:
            return ()
        count = self.store.sizes["factor"]

        def column(name: str, default: object = "") -> list[Any]:
            known = name in self.store.variables
            return list(self.store[name].values) if known else [default] * count

        kinds = column("factor_kind")
        return tuple(
            Factor(
                *(str(column("factor")[i]), cast(Kind, str(kinds[i]))),
                *(str(column("factor_name")[i]), str(column("factor_label")[i])),
                *(float(column("factor_low")[i]), float(column("factor_high")[i])),
                *(str(column("factor_unit")[i]), str(column("factor_group")[i])),
                *(bool(column("factor_history", False)[i]), bool(column("factor_assumed")[i])),
                tuple(one for one in str(column("factor_values")[i]).split("|") if one),
            )
            for i in range(count)
        )

    @cached_property
    def points(self) -> Float:
        """Value of each factor at each point (P, K), in the factor's own unit."""
        if not self.factors:
            return np.empty((self._size("point"), 0))
        sampled = self.store["sample"].transpose(..., "factor")
        return np.asarray(sampled.values, dtype=float)

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.points)

    @cached_property
    def scenarios(self) -> tuple[str, ...]:
        """Scenarios in the order of their first rows."""
        return tuple(dict.fromkeys(str(one) for one in self.store["scenario"].values))

    @cached_property
    def years(self) -> tuple[int, ...]:
        """Years held, upwards."""
        return tuple(sorted({int(year) for year in self.store["year"].values}))

    def _size(self, what: str) -> int:
        return int(np.max(np.asarray(self.store[what].values), initial=-1)) + 1

    def _held(self, what: str) -> list[str]:
        return list(dict.fromkeys(str(one) for one in self.store[what].values))

    def scenario(self, given: str | None, option: str = "--scenario") -> str:
        """A scenario of the store; the first one where none is given. Raises InputError."""
        if given is None:
            return self.scenarios[0]
        if given not in self.scenarios:
            raise InputError(
                "the store has no such scenario", key=option, given=given, allowed=self.scenarios
            )
        return given

    def asked(self, indicator: str, product: str, group: str, year: int | None) -> Outcome:
        """An output that the store holds. Raises InputError that names what it holds."""
        year = self.years[-1] if year is None else year
        pairs = (("indicator", indicator), ("product", product), ("group", group))
        mask = np.ones(self.store.sizes["output"], dtype=bool)
        for key, value in (*pairs, ("year", year)):
            labels = self.store[key].values
            here = labels == value if key == "year" else labels.astype(str) == value
            if not (mask & here).any():
                found = list(dict.fromkeys(str(one) for one in labels[mask]))
                more = f", and {len(found) - LISTED} more" if len(found) > LISTED else ""
                raise InputError(
                    "the store does not hold this output",
                    key=f"--{key}",
                    given=value,
                    allowed=", ".join(found[:LISTED]) + more,
                )
            mask &= here
        return Outcome(indicator, product, group, year)

    def holds(self, one: Outcome) -> bool:
        """Whether the store has this output."""
        return bool(self._column(one).any())

    def unit(self, one: Outcome) -> str:
        """Unit of an output."""
        return str(self.store["unit"].values[int(np.argmax(self._column(one)))])

    def _column(self, one: Outcome) -> Bool:
        found: Bool = self.store["year"].values == one.year
        for key in ("indicator", "product", "group"):
            found = found & (self.store[key].values.astype(str) == getattr(one, key))
        return found

    @cached_property
    def _names(self) -> tuple[dict[str, str], dict[str, str]]:
        from model.catalogue import load_catalogue

        catalogue = load_catalogue()
        named = {row.id: row.name for row in catalogue.products}
        named |= {row.id: row.name for row in catalogue.unions}
        return {row.id: row.name for row in catalogue.indicators}, named

    def name(self, indicator: str) -> str:
        """Name of an indicator; its id where the code list does not know it."""
        return self._names[0].get(indicator, indicator)

    def product(self, product: str) -> str:
        """Name of a product or union; its id where the code list does not know it."""
        return self._names[1].get(product, product)

    def values(self, one: Outcome) -> Float:
        """The output (scenario, point, draw), the mean over seeds; NaN where a run is missing.

        A store of statistics over draws gives their mean, as one draw. In the unit of the outcome.
        """
        from experiments.batch.opened import outcome

        found = outcome(self.store, one.indicator, one.product, one.group, one.year)
        if "state" in found.coords:  # of a block being written, parts are there
            found = found.where(found["state"] == "done")
        if "seed" in found.dims:  # NaN when any seed failed: those that fail are not at random
            found = found.mean("seed", skipna=False)
        found = found.sel(scenario=list(self.scenarios)).transpose("scenario", "point", "draw")
        return np.asarray(found.values, dtype=float)

    @property
    def summarised(self) -> bool:
        """Whether the store holds statistics over draws in place of draws."""
        return "statistic" in self.store.variables

    def about(self, used: Sequence[Factor] | None = None) -> list[str]:
        """What must be said with any share or mean over these futures, a sentence each."""
        told = [SHARES]
        if str(self.store.attrs.get("design_method", "")) == "grid":
            told.append(GRID)
        assumed = [one.label for one in (self.factors if used is None else used) if one.assumed]
        if assumed:
            some = "; ".join(assumed[:LISTED])
            more = f"; and {len(assumed) - LISTED} more" if len(assumed) > LISTED else ""
            told.append(f"Assumed, with ranges that no data inform: {some}{more}.")
        if self.summarised:
            told.append("Draws were summarised when this store was made: each future is a mean.")
        known = "state" in self.store.variables
        states = self.store["state"].values.astype(str) if known else np.empty(0, dtype=str)
        for state in ("failed", "missing"):
            count = int(np.sum(states == state))
            if count:
                told.append(
                    f"{count} runs are {state}; their futures are left out of every scenario."
                )
        return told
