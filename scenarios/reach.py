"""From whom something reaches, in words, to products and strata of a run."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.strata import Strata, default_strata
from scenarios.checked import refusal
from scenarios.entries import Known, Reach
from scenarios.lines import Document, Place

Mask = npt.NDArray[np.bool_]

# What handles of a scope act on, and what a change must then leave whole.
_SCOPES = {
    "region": ("whole regions", "all: every age, sex and deprivation group of a region"),
    "nation": ("the whole nation", "all: every region, age, sex and deprivation group"),
}
_CUTTABLE = {
    "strata": {"ages", "regions", "sexes", "deprivation"},
    "region": {"regions"},
    "nation": set[str](),
}


def strata_reached(reach: Reach, handle: str, scope: str, strata: Strata) -> Mask:
    """Strata that something reaches, bool (S,). InputError when its ages cut a band or when the
    handle, of ``scope`` strata, region or nation, cannot tell apart what it does."""
    low = 0 if reach.ages[0] is None else reach.ages[0]
    high = int(strata.age_high.max()) if reach.ages[1] is None else reach.ages[1]
    reached = (strata.age_low >= low) & (strata.age_high <= high)
    cut = (strata.age_low <= high) & (strata.age_high >= low) & ~reached
    if cut.any() or not reached.any():
        labels = ", ".join(strata.age_labels)
        raise InputError(
            "the ages cut a band of the strata" if cut.any() else "the ages reach nobody",
            key="ages",
            given=reach.ages,
            allowed=f"whole bands: {labels} (null for no limit)",
        )
    whole = {"ages": bool(reached.all())}
    for key, labels_of, codes, asked in (
        ("regions", strata.regions, strata.region, reach.regions),
        ("sexes", strata.sexes, strata.sex, reach.sexes),
        ("deprivation", strata.deprivations, strata.deprivation, reach.deprivation),
    ):
        among = np.isin(codes, [labels_of.index(label) for label in asked])
        whole[key] = bool(among.all())
        reached &= among
    cuts = [key for key in whole if not whole[key] and key not in _CUTTABLE[scope]]
    if cuts:
        acts, allowed = _SCOPES[scope]
        raise InputError(
            f"the handle {handle} acts on {acts}",
            key=cuts[0],
            given=getattr(reach, cuts[0]),
            allowed=allowed,
        )
    return np.asarray(reached)


def reached_products(
    reach: Reach, handle: str, document: Document, place: Place, known: Known
) -> tuple[str, ...]:
    """Products that an effect reaches. Raises InputError when one that it names is deaf to it.

    Of a kind, or of all, those are meant that read the handle.
    """
    readers = known.readers[handle]
    reached: dict[str, None] = {}
    for i, name in enumerate(reach.products):
        members = [product for product in known.names[name] if product in readers]
        if not members:
            raise refusal(
                document,
                (*place, "products", i),
                f"the handle {handle} does nothing here",
                name,
                readers or f"another handle: no product reads {handle}",
            )
        reached |= dict.fromkeys(members)
    return tuple(reached)


def placed_strata(
    reach: Reach, handle: str, scope: str, strata: Strata, where: tuple[Document, Place]
) -> Mask:
    """``strata_reached`` (S,), its errors told with the file and line of what reaches."""
    document, place = where
    try:
        return strata_reached(reach, handle, scope, strata)
    except InputError as error:
        at = place if error.key is None else (*place, error.key)
        raise refusal(document, at, error.message, error.given, error.allowed or "") from None


@cache
def _strata_of_runs() -> Strata:
    return default_strata()


def check_reached(
    reach: Reach, handle: str, document: Document, place: Place, known: Known
) -> None:
    """Refuse products that are deaf to a handle of the model, and strata that it cannot tell apart.

    Found when a file is read, so that no run starts on it. Raises InputError.
    """
    reached_products(reach, handle, document, place, known)
    placed_strata(reach, handle, known.scopes[handle], _strata_of_runs(), (document, place))
