"""From a scenario to the changes that an engine takes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.events import month_number
from model.forcing import Change, build_forcing
from model.handles import product_names
from model.strata import Strata
from model.structure import Structure
from scenarios.schema import ChangeEntry, Scenario

# What handles of a scope act on, and what a change must then leave whole.
_SCOPES = {
    "region": ("whole regions", "all: every age, sex and deprivation group of a region"),
    "nation": ("the whole nation", "all: every region, age, sex and deprivation group"),
}


def changes_of(
    scenario: Scenario, structure: Structure, strata: Strata, months: int
) -> list[Change]:
    """Changes of ``scenario`` over ``months`` from January 2010.

    Raises InputError with the file and line of a change that the strata or the handle refuse, or
    that would do nothing.
    """
    changes = []
    for number, entry in enumerate(scenario.changes):
        neutral = float(structure.neutral[structure.handles.index(entry.handle)])
        change = Change(
            handle=entry.handle,
            products=_products(scenario, number, structure),
            values=_months(entry, neutral, months),
            strata=_strata(scenario, number, structure, strata),
        )
        try:
            build_forcing(structure, strata, months, [change])
        except InputError as error:
            raise scenario.refuse(error, number) from None
        changes.append(change)
    return changes


def _products(scenario: Scenario, number: int, structure: Structure) -> tuple[str, ...]:
    """Products that a change reaches. Raises InputError when one that it names is deaf to it.

    Of a kind, or of all, those are meant that read the handle.
    """
    entry = scenario.changes[number]
    names = product_names(structure.products, structure.kinds)
    readers = scenario.readers[entry.handle]
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


def _months(entry: ChangeEntry, neutral: float, months: int) -> npt.NDArray[np.float64]:
    values = np.full(months, neutral)
    stop = months if entry.stop is None else month_number(entry.stop) + 1
    values[month_number(entry.start) : stop] = entry.size
    return values


def _strata(
    scenario: Scenario, number: int, structure: Structure, strata: Strata
) -> npt.NDArray[np.bool_]:
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
        whole[key] = bool(among.all())
        reached &= among
    scope = structure.scopes[structure.handles.index(entry.handle)]
    cuttable = {"strata": set(whole), "region": {"regions"}, "nation": set()}[scope]
    cuts = [key for key in whole if not whole[key] and key not in cuttable]
    if cuts:
        acts, allowed = _SCOPES[scope]
        error = InputError(
            f"the handle {entry.handle} acts on {acts}",
            key=cuts[0],
            given=getattr(entry, cuts[0]),
            allowed=allowed,
        )
        raise scenario.refuse(error, number)
    return reached
