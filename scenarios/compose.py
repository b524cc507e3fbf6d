"""From a scenario to the forcing that an engine takes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.forcing import Change, Forcing, build_forcing
from model.strata import Strata
from model.structure import Structure
from scenarios.schema import ChangeEntry, Scenario, month_number, product_names


def compose(scenario: Scenario, structure: Structure, strata: Strata, months: int) -> Forcing:
    """Forcing of ``scenario`` over ``months`` from January 2010.

    Raises InputError with the file and line of a change that the strata or the handle refuse.
    """
    changes = []
    for number, entry in enumerate(scenario.changes):
        change = Change(
            handle=entry.handle,
            products=_products(entry, structure),
            multiplier=_months(entry, months),
            strata=_strata(scenario, number, strata),
        )
        try:
            build_forcing(structure, strata, months, [change])
        except InputError as error:
            raise scenario.refuse(error, number) from None
        changes.append(change)
    return build_forcing(structure, strata, months, changes)


def _products(entry: ChangeEntry, structure: Structure) -> tuple[str, ...]:
    names = product_names(structure.products, structure.kinds)
    return tuple(dict.fromkeys(product for name in entry.products for product in names[name]))


def _months(entry: ChangeEntry, months: int) -> npt.NDArray[np.float64]:
    multiplier = np.ones(months)
    stop = months if entry.stop is None else month_number(entry.stop) + 1
    multiplier[month_number(entry.start) : stop] = entry.multiplier
    return multiplier


def _strata(scenario: Scenario, number: int, strata: Strata) -> npt.NDArray[np.bool_]:
    """Strata that a change reaches. Raises InputError when its ages cut a band."""
    entry = scenario.changes[number]
    low = 0 if entry.ages[0] is None else entry.ages[0]
    high = int(strata.age_high.max()) if entry.ages[1] is None else entry.ages[1]
    reached = (strata.age_low >= low) & (strata.age_high <= high)
    cut = (strata.age_low <= high) & (strata.age_high >= low) & ~reached
    if cut.any() or not reached.any():
        labels = ", ".join(strata.age_labels)
        error = InputError(
            "the ages cut a band of the strata" if cut.any() else "the ages reach nobody",
            key="ages",
            given=entry.ages,
            allowed=f"whole bands: {labels} (null for no limit)",
        )
        raise scenario.refuse(error, number)
    for labels_of, codes, asked in (
        (strata.regions, strata.region, entry.regions),
        (strata.sexes, strata.sex, entry.sexes),
        (strata.deprivations, strata.deprivation, entry.deprivation),
    ):
        wanted = [labels_of.index(label) for label in asked]
        reached &= np.isin(codes, wanted)
    return reached
