"""Scenario multipliers: combined, checked, and every handle read by somebody."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared, Result, State, simulate, start_state
from model.errors import InputError
from model.forcing import REGIONAL, Change, build_forcing
from model.strata import Strata
from tests.published.laboratory import projection

Mask = npt.NDArray[np.bool_]
MONTHS = 252
OBSERVED = ("consumption",)  # read by the observation, not by the engine


class _Projection:
    """A reference run on few strata, to branch from."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.reference: Result = simulate(prepared, None, 0, MONTHS)
        self.opening: State = start_state(prepared).with_deaths_of(self.reference.state)
        self.everyone: Mask = np.ones(prepared.strata.size, dtype=np.bool_)

    def run(self, changes: list[Change]) -> Result:
        forcing = build_forcing(self.prepared.structure, self.prepared.strata, MONTHS, changes)
        return simulate(self.prepared, forcing, 0, MONTHS, self.opening)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> _Projection:
    return _Projection(projection(catalogue, coarse, draw_priors(catalogue, 1, seed=21)))


def test_no_change_is_the_reference(world: _Projection) -> None:
    for now, before in zip(world.run([]).output, world.reference.output, strict=True):
        np.testing.assert_array_equal(now, before)


def test_every_handle_is_read(world: _Projection) -> None:
    structure = world.prepared.structure
    for handle in structure.handles:
        # The shortest entry time shows only where it is longer than the wait for a place.
        multiplier = np.full(MONTHS, 50.0 if handle == "entry_time" else 1.5)
        changed = world.run([Change(handle, structure.products, multiplier, world.everyone)])
        same = np.array_equal(changed.output.time, world.reference.output.time)
        assert same == (handle in OBSERVED), handle
        assert changed.state.stock.min() >= 0.0


def test_handles_do_harm_in_the_direction_of_their_row(
    catalogue: Catalogue, world: _Projection
) -> None:
    """Each handle on alcohol moves its person-years of disorder as the table of handles says."""
    structure = world.prepared.structure
    signs = {
        "initiation": 1, "escalation": 1, "relapse": 1,
        "moderation": -1, "cessation": -1, "remission": -1, "completion": -1, "price": -1,
    }  # fmt: skip
    for row in catalogue.handles:
        if row.id in signs:
            assert (row.worse == "up") == (signs[row.id] > 0), row.id
    harmed = (structure.wiring.harmed == 1) & (
        structure.product_of_state == structure.products.index("alcohol")
    )
    before = world.reference.output.time[0, -1, harmed].sum()
    for handle, worse in signs.items():
        multiplier = np.full(MONTHS, 1.5)
        changed = world.run([Change(handle, ("alcohol",), multiplier, world.everyone)])
        after = changed.output.time[0, -1, harmed].sum()
        assert np.sign(after - before) == worse, handle


def test_changes_multiply_where_they_meet(world: _Projection, coarse: Strata) -> None:
    structure = world.prepared.structure
    men = coarse.sex == 0
    changes = [
        Change("initiation", ("tobacco", "cannabis"), np.full(MONTHS, 2.0), world.everyone),
        Change("initiation", ("tobacco",), np.full(MONTHS, 1.5), men),
    ]
    forcing = build_forcing(structure, coarse, MONTHS, changes)
    handle = structure.handles.index("initiation")
    tobacco, cannabis, alcohol = (
        forcing.yearly(handle, structure.products.index(product))[0, 3]
        for product in ("tobacco", "cannabis", "alcohol")
    )
    np.testing.assert_array_equal(tobacco, np.where(men, 3.0, 2.0))
    np.testing.assert_array_equal(cannabis, 2.0)
    np.testing.assert_array_equal(alcohol, 1.0)


def test_a_change_reaches_only_its_strata(world: _Projection, coarse: Strata) -> None:
    """Flanders alone: other regions share no peers, care or movement with it."""
    flanders = coarse.region == 0
    change = Change("initiation", ("cannabis",), np.full(MONTHS, 2.0), flanders)
    changed = world.run([change]).output.time
    before = world.reference.output.time
    np.testing.assert_array_equal(changed[..., ~flanders], before[..., ~flanders])
    assert not np.array_equal(changed[..., flanders], before[..., flanders])


def test_multipliers_by_draw(catalogue: Catalogue, coarse: Strata) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 2, seed=1))
    everyone = np.ones(coarse.size, dtype=np.bool_)
    multiplier = np.stack([np.ones(MONTHS), np.full(MONTHS, 2.0)])
    change = Change("initiation", ("tobacco",), multiplier, everyone)
    forcing = build_forcing(prepared.structure, coarse, MONTHS, [change])
    state = start_state(prepared)
    plain = simulate(prepared, None, 0, 24, state)
    changed = simulate(prepared, forcing, 0, 24, state)
    np.testing.assert_array_equal(changed.state.stock[0], plain.state.stock[0])
    assert not np.array_equal(changed.state.stock[1], plain.state.stock[1])


def test_wrong_changes_are_refused(world: _Projection, coarse: Strata) -> None:
    structure, everyone = world.prepared.structure, world.everyone
    good = np.ones(MONTHS)
    cases = (
        (Change("magic", ("tobacco",), good, everyone), "magic", "initiation"),
        (Change("price", ("tea",), good, everyone), "tea", "tobacco"),
        (Change("price", ("tobacco",), good[:100], everyone), 100, "252 months"),
        (Change("price", ("tobacco",), -good, everyone), None, "0 or more"),
        (Change("price", ("tobacco",), good * np.nan, everyone), None, "finite"),
    )
    for change, given, allowed in cases:
        with pytest.raises(InputError) as refused:
            build_forcing(structure, coarse, MONTHS, [change])
        assert refused.value.given == given
        assert allowed in str(refused.value.allowed)
    for handle in REGIONAL:
        change = Change(handle, ("tobacco",), good, coarse.sex == 0)
        with pytest.raises(InputError, match=f"{handle} acts on whole regions"):
            build_forcing(structure, coarse, MONTHS, [change])
