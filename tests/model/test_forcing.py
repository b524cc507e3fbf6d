"""Changes of handles: combined, checked, and every handle read by somebody."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared, Result, State, simulate, start_state
from model.errors import InputError
from model.forcing import Change, build_forcing
from model.handles import NEVER_ZERO, reading_products
from model.observation import observe
from model.parameters import Draws
from model.strata import Strata
from model.structure import NOBODY
from tests.published.laboratory import projection

Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
MONTHS = 252


class _Projection:
    """A reference run on few strata, to branch from."""

    def __init__(self, prepared: Prepared, draws: Draws) -> None:
        self.prepared = prepared
        self.draws = draws
        self.reference: Result = simulate(prepared, None, 0, MONTHS)
        self.opening: State = start_state(prepared).with_reference(self.reference.state)
        self.everyone: Mask = np.ones(prepared.strata.size, dtype=np.bool_)

    def run(self, changes: list[Change]) -> Result:
        forcing = self.prepared.forcing(changes)
        return simulate(self.prepared, forcing, 0, MONTHS, self.opening)

    def indicators(
        self, catalogue: Catalogue, result: Result, changes: list[Change]
    ) -> dict[str, Float]:
        """What results show of all people."""
        forcing = self.prepared.forcing(changes)
        everyone = np.ones((1, self.prepared.strata.size))
        return observe(self.prepared, self.draws, catalogue, result.output, forcing, everyone)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> _Projection:
    draws = draw_priors(catalogue, 1, seed=21)
    return _Projection(projection(catalogue, coarse, draws), draws)


def test_no_change_is_the_reference(world: _Projection) -> None:
    for now, before in zip(world.run([]).output, world.reference.output, strict=True):
        np.testing.assert_array_equal(now, before)


def test_every_handle_is_read(catalogue: Catalogue, world: _Projection) -> None:
    """Each handle moves people or, after the run, something that results show."""
    seen = world.indicators(catalogue, world.reference, [])
    for row in catalogue.handles:
        # The shortest entry time shows only where it is longer than the wait for a place.
        size = {"entry_time": 50.0, "price_floor": 1.0}.get(row.id, 1.5)
        readers = reading_products(catalogue, row.id)
        change = Change(row.id, readers, np.full(MONTHS, size), world.everyone)
        changed = world.run([change])
        assert changed.state.stock.min() >= 0.0
        if np.array_equal(changed.output.time, world.reference.output.time):
            now = world.indicators(catalogue, changed, [change])
            same = [np.array_equal(seen[name], now[name], equal_nan=True) for name in seen]
            assert not all(same), row.id


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
    """Flanders alone, in the first month: later the national price carries it further."""
    flanders = coarse.region == 0
    change = Change("initiation", ("cannabis",), np.full(MONTHS, 2.0), flanders)
    forcing = build_forcing(world.prepared.structure, coarse, MONTHS, [change])
    idle = build_forcing(world.prepared.structure, coarse, MONTHS)
    changed, before = (
        simulate(world.prepared, found, 0, 1, world.opening).state.stock
        for found in (forcing, idle)
    )
    np.testing.assert_array_equal(changed[..., ~flanders], before[..., ~flanders])
    assert not np.array_equal(changed[..., flanders], before[..., flanders])


def test_multipliers_by_draw(catalogue: Catalogue, coarse: Strata) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 2, seed=1))
    everyone = np.ones(coarse.size, dtype=np.bool_)
    multiplier = np.stack([np.ones(MONTHS), np.full(MONTHS, 2.0)])
    change = Change("initiation", ("tobacco",), multiplier, everyone)
    forcing = prepared.forcing([change])
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
    for change, wrong, allowed in cases:
        with pytest.raises(InputError) as refused:
            build_forcing(structure, coarse, MONTHS, [change])
        assert refused.value.given == wrong
        assert allowed in str(refused.value.allowed)


def test_what_comes_after_the_run_is_checked_too(world: _Projection, coarse: Strata) -> None:
    long = np.ones(MONTHS + 12)
    long[-1] = np.nan
    change = Change("price", ("tobacco",), long, world.everyone)
    with pytest.raises(InputError, match="a value is out of range"):
        build_forcing(world.prepared.structure, coarse, MONTHS, [change])


def test_a_value_that_is_too_low_for_its_handle_is_refused(
    world: _Projection, coarse: Strata
) -> None:
    handle, least = next(iter(NEVER_ZERO.items()))
    good = Change("initiation", ("tobacco",), np.zeros(MONTHS), world.everyone)
    low = Change(handle, ("tobacco",), np.full(MONTHS, least / 2), world.everyone)
    with pytest.raises(InputError, match=f"the handle {handle} is too low") as refused:
        build_forcing(world.prepared.structure, coarse, MONTHS, [good, low])
    assert refused.value.given == least / 2


@given(st.data())
def test_series_are_what_changes_say_one_by_one(
    world: _Projection, coarse: Strata, data: st.DataObject
) -> None:
    """Against the plainest reading: each change in turn, stratum by stratum, to the bit."""
    structure, random = world.prepared.structure, np.random.default_rng(data.draw(st.integers(0)))
    draws = data.draw(st.integers(1, 3))
    masks = [random.random(coarse.size) < share for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
    changes: list[Change] = []
    wanted: dict[tuple[str, str], Float] = {}
    for _ in range(data.draw(st.integers(0, 8))):
        handle = ("initiation", "relapse", "price_floor")[random.integers(3)]
        neutral = float(handle != "price_floor")
        shape = ((MONTHS,), (1, MONTHS), (draws, MONTHS))[random.integers(3)]
        values = random.uniform(0.0, 2.0, shape)
        values[..., : random.integers(MONTHS + 1)] = neutral
        strata = masks[random.integers(len(masks))] if neutral else masks[-1]
        products = ("tobacco", "alcohol")[random.integers(2) :]
        changes.append(Change(handle, products, values, strata))
        for product in products:
            before = wanted.setdefault(
                (handle, product), np.full((draws, MONTHS, coarse.size), neutral)
            )
            new = np.broadcast_to(np.atleast_2d(values), (draws, MONTHS))[:, :, None]
            met = before * new if neutral else np.maximum(before, new)
            wanted[handle, product] = np.where(strata, met, before)
    forcing = build_forcing(structure, coarse, MONTHS, changes)
    assert (forcing.series != NOBODY).sum() == len(wanted)
    for (handle, product), path in wanted.items():
        number = forcing.series[structure.handles.index(handle), structure.products.index(product)]
        found = forcing.values[:, number][:, :, forcing.cell]
        np.testing.assert_array_equal(np.broadcast_to(found, path.shape), path)
    told = np.stack([coarse.region, *(c.strata.astype(np.int64) for c in changes)])
    _, cell = np.unique(told, axis=1, return_inverse=True)
    np.testing.assert_array_equal(forcing.cell, cell.reshape(-1))


def test_scopes_are_kept(world: _Projection, coarse: Strata) -> None:
    """Handles of regions reach whole regions, those of the nation everyone, others any strata."""
    structure, good = world.prepared.structure, np.ones(MONTHS)
    told = {"region": "acts on whole regions", "nation": "acts on the whole nation"}
    assert set(structure.scopes) == {"strata", *told}
    for handle, scope in zip(structure.handles, structure.scopes, strict=True):
        men = Change(handle, ("tobacco",), good, coarse.sex == 0)
        flanders = Change(handle, ("tobacco",), good, coarse.region == 0)
        for change, refusing in ((men, ("region", "nation")), (flanders, ("nation",))):
            if scope in refusing:
                with pytest.raises(InputError, match=f"{handle} {told[scope]}"):
                    build_forcing(structure, coarse, MONTHS, [change])
            else:
                build_forcing(structure, coarse, MONTHS, [change])


def test_idle_handles_are_neutral(world: _Projection, coarse: Strata) -> None:
    structure = world.prepared.structure
    forcing = build_forcing(structure, coarse, MONTHS)
    cells = forcing.cell[np.searchsorted(coarse.region, np.arange(3))]
    for handle, name in enumerate(structure.handles):
        neutral = 0.0 if name == "price_floor" else 1.0
        assert structure.neutral[handle] == neutral
        assert forcing.yearly(handle, 0).shape == (1, MONTHS // 12, coarse.size)
        assert forcing.nation(handle, 0).shape == (1, MONTHS)
        assert forcing.regions(handle, 0, cells).shape == (1, MONTHS, 3)
        for found in (
            forcing.yearly(handle, 0),
            forcing.nation(handle, 0),
            forcing.regions(handle, 0, cells),
        ):
            assert (found == neutral).all()


def test_months_by_nation_and_region(world: _Projection, coarse: Strata) -> None:
    """What the readers of prices see is what the changes say, also where strata are cut."""
    structure = world.prepared.structure
    path = 1.0 + np.arange(MONTHS) / MONTHS
    brussels = coarse.region == 2
    changes = [
        Change("initiation", ("tobacco",), np.full(MONTHS, 2.0), coarse.sex == 0),
        Change("price", ("tobacco",), np.stack([path, path**2]), brussels),
        Change("excise", ("tobacco",), path, world.everyone),
        Change("excise", ("tobacco",), np.full(MONTHS, 3.0), world.everyone),
    ]
    forcing = build_forcing(structure, coarse, MONTHS, changes)
    tobacco = structure.products.index("tobacco")
    price, excise = (structure.handles.index(name) for name in ("price", "excise"))
    cells = forcing.cell[np.searchsorted(coarse.region, np.arange(3))]
    regions = forcing.regions(price, tobacco, cells)
    np.testing.assert_array_equal(regions[:, :, 2], [path, path**2])
    assert (regions[:, :, :2] == 1.0).all()
    np.testing.assert_array_equal(forcing.nation(excise, tobacco), [3.0 * path] * 2)
    means = (3.0 * path).reshape(-1, 12).mean(axis=1)
    np.testing.assert_allclose(forcing.yearly(excise, tobacco)[1, :, 7], means)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=5))
def test_multipliers_multiply_and_the_highest_level_counts(
    world: _Projection, coarse: Strata, sizes: list[float]
) -> None:
    structure = world.prepared.structure
    alcohol = structure.products.index("alcohol")
    for name, wanted in (("excise", float(np.prod(sizes))), ("price_floor", max(sizes))):
        changes = [
            Change(name, ("alcohol",), np.full(MONTHS, size), world.everyone) for size in sizes
        ]
        for ordered in (changes, changes[::-1]):
            forcing = build_forcing(structure, coarse, MONTHS, ordered)
            found = forcing.nation(structure.handles.index(name), alcohol)
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
