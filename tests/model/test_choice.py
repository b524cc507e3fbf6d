"""Some indicators and years of a run: the values that they have among all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import gammaincc

from calibration.priors import draw_priors
from model import costs
from model.catalogue import Catalogue
from model.choice import ANCHORS, NEEDS, Choice
from model.compartments import Output, Prepared, assemble, simulate
from model.forcing import Change, Forcing
from model.observation import above, observe
from model.parameters import Draws
from model.strata import Strata, weights

Float = npt.NDArray[np.float64]
MONTHS = 252
SINCE = (1, 3, 13, 20)


@dataclass(frozen=True)
class World:
    """A run with changed prices, policing and amounts, and all that is seen of it."""

    prepared: Prepared
    draws: Draws
    catalogue: Catalogue
    output: Output
    forcing: Forcing
    cells: Float
    whole: dict[str, Float]

    def some(self, choice: Choice) -> dict[str, Float]:
        parts = self.prepared, self.draws, self.catalogue, self.output, self.forcing
        return observe(*parts, self.cells, choice=choice)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> World:
    draws = draw_priors(catalogue, 2, seed=8)
    prepared = assemble(catalogue, draws, coarse)
    reference = simulate(prepared, None, 0, MONTHS)
    at = np.arange(MONTHS)
    products = ("alcohol", "tobacco", "cannabis", "cocaine", "opioids")
    wallonia = np.asarray(coarse.region == coarse.regions.index("Wallonia"))
    everyone = np.ones(coarse.size, dtype=bool)
    changes = [
        Change("price", products, np.where(at < 168, 1.0, 1.3), wallonia),
        Change("police_effort", products[2:], np.where(at < 171, 1.0, 1.7), everyone),
        Change("consumption", products, np.where(at < 180, 1.0, 0.8), wallonia),
    ]
    forcing = prepared.forcing(changes)
    opening = simulate(prepared, None, 0, 0).state.with_reference(reference.state)
    output = simulate(prepared, forcing, 0, MONTHS, opening).output
    cells = np.stack(
        [np.ones(coarse.size), weights(coarse, sex="female"), weights(coarse, age_min=18)]
    )
    whole = observe(prepared, draws, catalogue, output, forcing, cells)
    return World(prepared, draws, catalogue, output, forcing, cells, whole)


def same(one: Float, two: Float, name: str) -> None:
    np.testing.assert_allclose(one, two, rtol=1e-12, atol=0.0, equal_nan=True, err_msg=name)


def test_each_indicator_alone_is_what_it_is_among_all(world: World) -> None:
    for row in world.catalogue.indicators:
        found = world.some(Choice.of([row.id]))
        assert (row.id in found) == (row.id in world.whole), row.id
        if row.id in found:
            same(found[row.id], world.whole[row.id], row.id)


@pytest.mark.parametrize("since", SINCE)
def test_the_later_years_are_what_they_are_among_all(world: World, since: int) -> None:
    found = world.some(Choice.of(since=since))
    assert found.keys() == world.whole.keys()
    for name, values in found.items():
        same(values, world.whole[name][:, since:], name)


@pytest.mark.parametrize("since", [13, 14])
def test_both_together(world: World, since: int) -> None:
    for row in world.catalogue.indicators:
        if row.id in world.whole:
            found = world.some(Choice.of([row.id], since))
            same(found[row.id], world.whole[row.id][:, since:], row.id)


def test_nothing_wanted_is_nothing_seen(world: World) -> None:
    assert world.some(Choice.of([])) == {}


def test_what_is_asked_for_is_there_with_what_it_needs(catalogue: Catalogue) -> None:
    indicators = {row.id for row in catalogue.indicators}
    assert NEEDS.keys() <= indicators
    assert {name for needed in NEEDS.values() for name in needed} <= indicators
    choice = Choice.of(["expenditure_share_treatment"])
    assert choice.wants("people_injecting")
    assert not choice.wants("social_cost", "daly")
    assert Choice.of().wants("daly")


def test_years_kept_are_those_wanted_the_one_before_and_the_anchors() -> None:
    assert {costs.EXPENDITURE_YEAR, costs.SOCIAL_COST_YEAR} < set(ANCHORS)
    assert Choice(since=13).rows(2010, 16) == [0, 2, 5, 12, 13, 14, 15]
    assert Choice(since=1).rows(2010, 4) == [0, 1, 2, 3]
    assert Choice().rows(1997, 3) == [0, 1, 2]


def test_shares_above_a_limit_are_those_of_each_stratum() -> None:
    rng = np.random.default_rng(2)
    shape, few = rng.uniform(0.5, 2.0, (3, 1, 1)), rng.uniform(0.1, 4.0, (3, 4, 5))
    limit = few[:, :, rng.integers(0, 5, 40)]
    np.testing.assert_array_equal(above(shape, limit), gammaincc(shape, shape * limit))
    several = rng.uniform(0.5, 2.0, (1, 1, 40))
    np.testing.assert_array_equal(above(several, limit), gammaincc(several, several * limit))
