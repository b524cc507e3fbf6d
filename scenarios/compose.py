"""From a scenario to the forcing that an engine takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.forcing import REGIONAL, Change, Forcing, build_forcing
from model.strata import Strata
from model.structure import BURDENED, NOBODY, PRICED, Structure
from scenarios.schema import ChangeEntry, Scenario, month_number, product_names


def compose(scenario: Scenario, structure: Structure, strata: Strata, months: int) -> Forcing:
    """Forcing of ``scenario`` over ``months`` from January 2010.

    Raises InputError with the file and line of a change that the strata or the handle refuse, or
    that would do nothing.
    """
    changes = []
    for number, entry in enumerate(scenario.changes):
        change = Change(
            handle=entry.handle,
            products=_products(scenario, number, structure),
            multiplier=_months(entry, months),
            strata=_strata(scenario, number, strata),
        )
        try:
            build_forcing(structure, strata, months, [change])
        except InputError as error:
            raise scenario.refuse(error, number) from None
        changes.append(change)
    return build_forcing(structure, strata, months, changes)


def reading_products(handle: str, structure: Structure, drinks: Sequence[str]) -> tuple[str, ...]:
    """Products on which ``handle`` acts, in catalogue order.

    ``drinks``: products of which the amount drunk is modelled, the readers of ``consumption``.
    """
    wiring = structure.wiring
    number = structure.handles.index(handle)
    owner = np.repeat(np.arange(len(structure.flows)), np.diff(wiring.handle_start))
    found = set(structure.product_of_flow[owner[wiring.handles == number]])
    for name, flag in (("price", PRICED), ("mental_health", BURDENED)):
        if handle == name:
            found |= set(structure.product_of_flow[(wiring.flags & flag) != 0])
    if handle == "capacity":
        found |= set(structure.product_of_state[wiring.treating_service != NOBODY])
    if handle == "mortality":
        found |= set(structure.product_of_state[wiring.deadly == 1])
    if handle == "consumption":
        found |= {structure.products.index(product) for product in drinks}
    return tuple(structure.products[p] for p in sorted(found))


def _products(scenario: Scenario, number: int, structure: Structure) -> tuple[str, ...]:
    """Products that a change reaches. Raises InputError when one that it names is deaf to it.

    Of a kind, or of all, those are meant that read the handle.
    """
    entry = scenario.changes[number]
    names = product_names(structure.products, structure.kinds)
    readers = reading_products(entry.handle, structure, scenario.drinks)
    reached: dict[str, None] = {}
    for name in entry.products:
        members = [product for product in names[name] if product in readers]
        if not members:
            error = InputError(
                f"the handle {entry.handle} does nothing here",
                key="products",
                given=name,
                allowed=readers or f"another handle: no product reads {entry.handle}",
            )
            raise scenario.refuse(error, number)
        reached |= dict.fromkeys(members)
    return tuple(reached)


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
    whole = {"ages": bool(reached.all())}
    for key, labels_of, codes, asked in (
        ("regions", strata.regions, strata.region, entry.regions),
        ("sexes", strata.sexes, strata.sex, entry.sexes),
        ("deprivation", strata.deprivations, strata.deprivation, entry.deprivation),
    ):
        wanted = [labels_of.index(label) for label in asked]
        among = np.isin(codes, wanted)
        whole[key] = key == "regions" or bool(among.all())
        reached &= among
    cuts = [key for key in whole if not whole[key]]
    if entry.handle in REGIONAL and cuts:
        error = InputError(
            f"the handle {entry.handle} acts on whole regions",
            key=cuts[0],
            given=getattr(entry, cuts[0]),
            allowed="all: every age, sex and deprivation group of a region",
        )
        raise scenario.refuse(error, number)
    return reached
