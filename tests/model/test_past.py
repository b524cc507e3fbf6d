"""The years before 2010: the same pass as the start state, and in line with the run after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Output, Prepared, Result, State, assemble, prepare, simulate
from model.errors import InputError
from model.observation import QUEUED, observe, observe_past
from model.parameters import Draws
from model.past import past_output, start_and_past, start_state
from model.strata import Strata

Float = npt.NDArray[np.float64]
FIRST = 1997

# Half of the people who stopped in the last 12 months did so in the year before; the run does not
# know 2009 and takes 2010 for it. That shows where use doubles every two or three years.
NEW = {"nitrous_oxide", "nps", "e_cigarettes", "ketamine"}
SMOOTH = {
    "never_use": 0.01,
    "lifetime_prevalence": 0.02,
    "last_year_prevalence": 0.02,
    "last_month_prevalence": 0.02,
    "daily_use": 0.02,
    "problematic_prevalence": 0.02,
    "medical_use_last_year": 0.02,
    "substitution_clients": 0.02,
    "initiations": 0.02,
    "overdose_deaths": 0.02,
    # At ages where people die, the run loses them in the course of the year.
    "attributable_deaths": 0.05,
    "alcohol_per_capita": 0.02,
    "cigarettes_per_day": 0.02,
}


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> tuple[Prepared, Draws, State, Output]:
    draws = draw_priors(catalogue, 3, seed=8)
    prepared = assemble(catalogue, draws, coarse)
    return prepared, draws, *start_and_past(prepared, FIRST)


@pytest.fixture(scope="module")
def bends(
    catalogue: Catalogue, prepared: Prepared, median_draw: Draws, reference: Result
) -> dict[str, dict[str, float]]:
    """By indicator and product: log change from 2009 to 2010 over the mean of its neighbours."""
    everyone = np.ones((1, prepared.strata.size))
    past = observe_past(prepared, median_draw, catalogue, past_output(prepared, 2007), everyone)
    run = observe(prepared, median_draw, catalogue, reference.output, None, everyone)
    names = [row.id for row in catalogue.products]
    found: dict[str, dict[str, float]] = {}
    for name in SMOOTH:
        values = np.concatenate([past[name][0, -2:, :, 0], run[name][0, :2, :, 0]])
        with np.errstate(divide="ignore", invalid="ignore"):
            before, across, after = np.diff(np.log(values[:, : len(names)]), axis=0)
        bend = across - (before + after) / 2
        found[name] = {names[p]: float(bend[p]) for p in np.flatnonzero(np.isfinite(bend))}
    return found


@pytest.mark.parametrize("name", SMOOTH)
def test_the_past_goes_over_into_the_run(bends: dict[str, dict[str, float]], name: str) -> None:
    assert bends[name]
    worst = max(bends[name], key=lambda product: abs(bends[name][product]))
    print(f"{name}: largest {worst} {bends[name][worst]:+.4f}")
    for product, bend in bends[name].items():
        excused = 0.1 if name == "last_year_prevalence" and product in NEW else SMOOTH[name]
        assert abs(bend) < excused, product


def test_everyone_is_somewhere_in_every_year(
    world: tuple[Prepared, Draws, State, Output],
) -> None:
    prepared, _, _, past = world
    people = np.add.reduceat(past.time, prepared.structure.wiring.state_start[:-1], axis=2)
    np.testing.assert_allclose(people, np.broadcast_to(past.lived[:, :, None], people.shape))
    assert past.time.shape[1] == past.counted.shape[1] == 2010 - FIRST
    assert past.time.min() >= 0.0
    assert past.counted.min() >= 0.0
    np.testing.assert_array_equal(past.lived[0, 0], prepared.demography.start)


def test_keeping_the_past_does_not_touch_the_start(
    world: tuple[Prepared, Draws, State, Output],
) -> None:
    prepared, _, state, past = world
    plain = start_state(prepared)
    for name in State._fields[1:]:
        np.testing.assert_array_equal(getattr(plain, name), getattr(state, name), err_msg=name)
    later = past_output(prepared, 2005, threads=2)
    for name in ("time", "counted", "excess_deaths", "overdose_deaths"):
        np.testing.assert_array_equal(getattr(past, name)[:, -5:], getattr(later, name))


def test_a_run_from_the_start_state_is_the_reference_run(
    world: tuple[Prepared, Draws, State, Output],
) -> None:
    prepared, _, state, _ = world
    before = state.copy()
    plain = simulate(prepared, None, 0, 24)
    given = simulate(prepared, None, 0, 24, state, reference=True)
    for name in Output._fields:
        np.testing.assert_array_equal(getattr(plain.output, name), getattr(given.output, name))
    for name in State._fields:
        np.testing.assert_array_equal(getattr(plain.state, name), getattr(given.state, name))
        np.testing.assert_array_equal(getattr(before, name), getattr(state, name))


def test_flows_into_never_used_account_for_first_use(
    world: tuple[Prepared, Draws, State, Output],
) -> None:
    """Initiations of a year over people who never used: the hazard, at full speed."""
    prepared, _, _, past = world
    structure = prepared.structure
    p = structure.products.index("cannabis")
    counter = structure.counters_of("initiation")["cannabis"]
    never = past.time[:, :, structure.wiring.state_start[p]]
    flows = [
        f
        for f, row in enumerate(structure.flows)
        if structure.product_of_flow[f] == p and row.counts == "initiation"
    ]
    least = prepared.rates.base[:, flows].sum(axis=1)[:, None] * prepared.past[:, p, 57:, None]
    # Use of other products only adds to it.
    assert (past.counted[:, :, counter] >= never * least * (1.0 - 1e-9)).all()


@pytest.mark.parametrize("growth", [-0.03, 0.03])
def test_first_use_has_the_trend_of_its_growth(
    world: tuple[Prepared, Draws, State, Output], growth: float
) -> None:
    prepared, _, _, _ = world
    trend = prepared.rates.trend.copy()
    trend[..., 0] = growth
    rates = prepared.rates._replace(trend=trend)
    structure = prepared.structure
    moved = past_output(prepare(structure, prepared.strata, prepared.demography, rates), FIRST)
    level = past_output(
        prepare(
            structure,
            prepared.strata,
            prepared.demography,
            rates._replace(trend=trend * np.r_[0.0, np.ones(trend.shape[-1] - 1)]),
        ),
        FIRST,
    )
    for product, counter in structure.counters_of("initiation").items():
        never = structure.wiring.state_start[structure.products.index(product)]
        hazard = [past.counted[:, :, counter] / past.time[:, :, never] for past in (moved, level)]
        starting = (hazard[1] > 0.0).all(axis=(0, 1))  # at some ages nobody starts
        assert starting.any()
        yearly = np.diff(np.log(hazard[0][..., starting] / hazard[1][..., starting]), axis=1)
        # Use of other products, which has the same trend, may add to it.
        assert (yearly * np.sign(growth) > 0.9 * abs(growth)).all(), product
        ever = [(past.lived - past.time[:, :, never]).sum(axis=-1) for past in (moved, level)]
        change = np.log(ever[0] / ever[1])
        assert (np.sign(change[:, -1] - change[:, 0]) == np.sign(growth)).all(), product


def test_what_needs_waiting_lists_or_later_years_is_not_shown(
    catalogue: Catalogue, world: tuple[Prepared, Draws, State, Output]
) -> None:
    prepared, draws, _, past = world
    men = np.zeros((2, prepared.strata.size))
    men[0], men[1, prepared.strata.sex == 0] = 1.0, 1.0
    seen = observe_past(prepared, draws, catalogue, past, men)
    products = len(catalogue.products) + len(catalogue.unions)
    assert all(values.shape == (3, 2010 - FIRST, products, 2) for values in seen.values())
    assert all(np.isnan(seen[name]).all() for name in QUEUED)
    assert not {"hepatitis_c_prevalence", "seizures", "daly"} & seen.keys()
    ever = seen["lifetime_prevalence"]
    assert (ever[~np.isnan(ever)] > 0.0).all()


def test_years_outside_the_carrying_are_refused(prepared: Prepared) -> None:
    with pytest.raises(InputError, match="no past of this year"):
        past_output(prepared, 1939)
    assert past_output(prepared, 2010).time.shape[1] == 0


def test_the_number_of_people_does_not_move_the_past(
    world: tuple[Prepared, Draws, State, Output],
) -> None:
    """Twice as many people in every stratum: twice the past."""
    prepared, _, _, past = world
    demography = prepared.demography
    doubled = replace(demography, start=2 * demography.start, entrants=2 * demography.entrants)
    twice = past_output(replace(prepared, demography=doubled), FIRST)
    np.testing.assert_allclose(twice.time, 2 * past.time, rtol=1e-9)
    np.testing.assert_allclose(twice.overdose_deaths, 2 * past.overdose_deaths, rtol=1e-9)
