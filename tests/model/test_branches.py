"""Branches off one reference run, into memory that is there: bits as of runs of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import (
    Output,
    Prepared,
    Result,
    State,
    assemble,
    joined,
    reference_and_branches,
    simulate,
    simulate_into,
    start_state,
)
from model.errors import InputError
from model.forcing import Change, Forcing
from model.strata import Strata

MONTHS = 252
BRANCHES = (168, 0, 131, 180)


@dataclass(frozen=True)
class World:
    """One assembly, its reference run and all that branches off it."""

    prepared: Prepared
    reference: Result
    output: Output
    branches: dict[int, State]

    def dearer(self, month: int) -> Forcing:
        values = np.where(np.arange(MONTHS) < month, 1.0, 1.4)
        everyone = np.ones(self.prepared.strata.size, dtype=bool)
        products = ("tobacco", "cocaine")
        return self.prepared.forcing([Change("price", products, values, everyone)])


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> World:
    prepared = assemble(catalogue, draw_priors(catalogue, 2, seed=6), coarse)
    output, branches = reference_and_branches(prepared, BRANCHES)
    return World(prepared, simulate(prepared, None, 0, MONTHS), output, branches)


def equal(one: Output | State, two: Output | State) -> None:
    for name in one._fields:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def copied(output: Output) -> Output:
    return Output(*(array.copy() for array in output))


def test_the_reference_is_the_same_with_halts(world: World) -> None:
    equal(world.output, world.reference.output)
    assert list(world.branches) == list(BRANCHES)


@pytest.mark.parametrize("month", BRANCHES)
def test_states_are_those_of_runs_to_the_branch(world: World, month: int) -> None:
    own = simulate(world.prepared, None, 0, month).state.with_reference(world.reference.state)
    equal(world.branches[month], own)


def test_a_reference_goes_on_from_any_month(world: World) -> None:
    half = simulate(world.prepared, None, 0, 168)
    rest = simulate(world.prepared, None, 168, MONTHS, half.state, reference=True)
    equal(joined(half.output, rest.output, 168), world.reference.output)
    equal(rest.state, world.reference.state)


def test_threads_change_nothing(world: World) -> None:
    output, branches = reference_and_branches(world.prepared, BRANCHES, threads=2)
    equal(output, world.output)
    for month in BRANCHES:
        equal(branches[month], world.branches[month])


@pytest.mark.parametrize("month", [168, 180])
def test_a_branch_into_a_copy_of_the_reference_has_the_years_before(
    world: World, month: int
) -> None:
    forcing = world.dearer(month)
    own = simulate(world.prepared, forcing, month, MONTHS, world.branches[month])
    into = copied(world.output)
    before = world.branches[month].copy()
    for _ in range(2):  # the second time over the numbers of the first
        end = simulate_into(into, world.prepared, forcing, MONTHS, world.branches[month])
        equal(into, joined(world.output, own.output, month))
        equal(end, own.state)
    equal(world.branches[month], before)


def test_a_branch_within_a_year_writes_that_year_too(world: World) -> None:
    own = simulate(world.prepared, None, 131, 150, world.branches[131])
    into = copied(world.output)
    simulate_into(into, world.prepared, None, 150, world.branches[131])
    np.testing.assert_array_equal(into.time[:, 10:12], own.output.time[:, 10:12])
    np.testing.assert_array_equal(into.time[:, 12:], world.output.time[:, 12:])


@pytest.mark.parametrize(
    ("start", "stop", "years", "januaries"),
    [
        (0, 252, (0, 21), (0, 22)),
        (0, 0, (0, 0), (0, 0)),
        (168, 252, (14, 21), (14, 22)),
        (131, 150, (10, 12), (11, 13)),
        (125, 127, (10, 10), (11, 11)),
        (125, 132, (10, 11), (11, 12)),
        (120, 121, (10, 10), (10, 11)),
        (120, 120, (10, 10), (10, 10)),
    ],
)
def test_years_that_a_run_does_not_finish_are_missing(
    world: World, start: int, stop: int, years: tuple[int, int], januaries: tuple[int, int]
) -> None:
    state = start_state(world.prepared)
    state = simulate(world.prepared, None, 0, start, state, reference=True).state
    output = simulate(world.prepared, None, start, stop, state, reference=True).output
    for name, array in output._asdict().items():
        first, end = januaries if name == "january" else years
        written = np.zeros(array.shape[1], dtype=bool)
        written[first:end] = True
        for year, there in enumerate(written):
            assert np.isnan(array[:, year]).all() != there, (name, year)
        if first < end:
            same = getattr(world.output, name)[:, first:end]
            np.testing.assert_array_equal(array[:, first:end], same, err_msg=name)


def test_months_outside_the_run_are_refused(world: World) -> None:
    into = copied(world.output)
    with pytest.raises(InputError, match="outside the run"):
        simulate_into(into, world.prepared, None, 120, world.branches[168])
    with pytest.raises(InputError, match="outside the run"):
        reference_and_branches(world.prepared, [MONTHS + 1])
