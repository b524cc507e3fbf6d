"""Infections: a known steady state, people conserved, bounds, and what moves them which way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.catalogue import Catalogue
from model.compartments import Prepared, Result
from model.forcing import Change, build_forcing
from model.infections import (
    Epidemic,
    _Pool,
    growth,
    jointly,
    observe,
    protection,
    run_infections,
    taken_up,
)
from model.outcomes import Seen
from model.parameters import Draws
from model.strata import weights

Float = npt.NDArray[np.float64]
UNION = "any_illegal"


def one(value: float) -> Float:
    return np.full((1, 1, 1), value)


def epidemic(transmission: float = 0.4, infected: float = 0.3, cure: float = 0.0) -> Epidemic:
    return Epidemic(
        transmission=one(transmission),
        turnover=one(0.05),
        clearance=one(0.0),
        treatment=one(cure),
        success=one(1.0),
        infected=one(infected),
        cleared=one(0.0),
    )


@pytest.mark.parametrize("cure", [0.0, 0.1])
def test_prevalence_settles_where_theory_says(cure: float) -> None:
    people = np.full((1, 100, 1), 5000.0)
    steps = 200
    course = run_infections(people, epidemic(0.4, 0.3, cure), steps)
    settled = 1.0 - (0.05 + cure) / 0.4
    assert course.infected[0, -1, 0] == pytest.approx(settled, abs=1e-3)
    # In a steady state as many are infected as leave or are cured.
    assert course.infections[0, -1, 0] == pytest.approx((0.05 + cure) * settled * 5000, rel=3e-3)
    assert course.treated[0, -1, 0] == pytest.approx(cure * settled * 5000, rel=3e-3)


def test_monthly_steps_are_fine_enough() -> None:
    people = np.full((1, 21, 1), 5000.0)
    month, fine = (run_infections(people, epidemic(), steps) for steps in (12, 1200))
    assert month.infected == pytest.approx(fine.infected, rel=0.01)
    assert month.infections == pytest.approx(fine.infections, rel=0.02)


def test_an_infection_below_its_threshold_dies_out() -> None:
    course = run_infections(np.full((1, 300, 1), 100.0), epidemic(0.04, 0.9))
    assert course.infected[0, -1, 0] < 0.02


def test_without_transmission_infection_fades_with_turnover() -> None:
    course = run_infections(np.full((1, 2, 1), 100.0), epidemic(0.0, 0.5))
    first = 0.5 * -np.expm1(-0.05) / 0.05
    assert course.infected[0, :, 0] == pytest.approx([first, first * np.exp(-0.05)], rel=1e-4)
    assert course.infections.sum() == 0.0


def test_cleared_infections_do_not_last_and_failed_treatments_do_not_cure() -> None:
    people = np.full((1, 5, 1), 100.0)
    fading = run_infections(people, epidemic(0.0))
    all_clear = run_infections(people, replace(epidemic(0.4), clearance=one(1.0)))
    assert all_clear.infected == pytest.approx(fading.infected)
    assert (all_clear.infections > 0.0).all()
    assert (all_clear.cleared > 0.0).all()
    failed = run_infections(people, replace(epidemic(0.0, cure=0.5), success=one(0.0)))
    assert failed.infected == pytest.approx(fading.infected)
    assert failed.treated.sum() > 0.0


def test_newcomers_dilute_and_leavers_do_not() -> None:
    people = np.array([100.0, 200.0, 50.0])[None, :, None]
    assert growth(people)[0, :, 0] == pytest.approx([0.0, np.log(2.0), -np.log(4.0)])
    course = run_infections(people, replace(epidemic(0.0, 0.5), turnover=one(0.0)))
    halved = 0.5 * 0.5
    assert course.infected[0, 0, 0] == pytest.approx(0.5)
    assert course.infected[0, 2, 0] == pytest.approx(halved)


shares = st.floats(0.0, 1.0)
rates = st.floats(0.0, 5.0)


@given(rates, rates, shares, rates, shares, shares, st.lists(st.floats(0.0, 1e4), min_size=4))
def test_everyone_is_in_one_compartment(
    transmission: float,
    turnover: float,
    clearance: float,
    treatment: float,
    success: float,
    start: float,
    people: list[float],
) -> None:
    numbers = np.array(people)[None, :, None]
    course = run_infections(
        numbers,
        Epidemic(
            transmission=one(transmission),
            turnover=one(turnover),
            clearance=one(clearance),
            treatment=one(treatment),
            success=one(success),
            infected=one(start * 0.7),
            cleared=one(start * 0.3),
        ),
    )
    for part in (course.never, course.infected, course.cleared):
        assert (part >= -1e-9).all()
        assert (part <= 1.0 + 1e-9).all()
    total = (course.never + course.infected + course.cleared) * numbers
    assert total == pytest.approx(numbers)
    assert (course.infections >= 0.0).all()
    assert (course.treated <= numbers * 12 + 1e-9).all()


@given(st.floats(0.0, 3.0), st.floats(1.0, 4.0), st.floats(0.01, 0.9))
def test_more_force_of_infection_is_never_better(force: float, more: float, start: float) -> None:
    people = np.full((1, 8, 1), 1000.0)
    low, high = (
        run_infections(people, epidemic(transmission, start, 0.1))
        for transmission in (force, force * more)
    )
    assert (high.infected >= low.infected - 1e-12).all()
    assert (high.infected + high.cleared >= low.infected + low.cleared - 1e-12).all()


@given(st.lists(st.floats(0.0, 1e4), min_size=1, max_size=4), shares)
def test_people_who_inject_several_products_count_once(people: list[float], overlap: float) -> None:
    together = float(jointly([np.array(n) for n in people], np.array(overlap)))
    assert max(people) - 1e-6 <= together <= sum(people) + 1e-6


def test_small_formulas() -> None:
    assert float(jointly([one(100.0), one(40.0)], one(0.5))[0, 0, 0]) == 120.0
    # A quarter in treatment that halves the rate: one eighth off.
    assert float(protection(one(0.25), one(0.5))[0, 0, 0]) == 0.875
    assert float(taken_up(one(2016.5), one(0.08), one(2016.5), one(1.0))[0, 0, 0]) == 0.04


def test_treatments_are_those_of_infected_people(catalogue: Catalogue) -> None:
    # 7.5% a year of all who inject, of whom about 0.3 are infected.
    row = next(row for row in catalogue.parameters if row.parameter == "hcv_treatment")
    assert row.value == pytest.approx(0.075 / 0.3)
    assert row.evidence == "assumed"


@pytest.fixture(scope="module")
def seen(catalogue: Catalogue, median_draw: Draws, prepared: Prepared, reference: Result) -> Seen:
    """The median run, in cells: everyone, then the regions."""
    regions = [weights(prepared.strata, region=name) for name in prepared.strata.regions]
    cells = np.stack([np.ones(prepared.strata.size), *regions])
    idle = build_forcing(prepared.structure, prepared.strata, prepared.demography.months)
    return Seen(prepared, median_draw, catalogue, reference.output, idle, cells)


@pytest.fixture(scope="module")
def observed(seen: Seen) -> Seen:
    observe(seen)
    return seen


COUNTS = (
    "people_injecting",
    "hcv_infections",
    "hcv_treated",
    "hiv_infections",
    "needles_distributed",
    "needles_discarded",
)


def test_regions_add_up(observed: Seen) -> None:
    for name in COUNTS:
        values = observed.get(name, UNION)
        assert values[:, :, 0] == pytest.approx(values[:, :, 1:].sum(axis=2)), name
        assert (values[:, :, 0] > 0.0).all(), name


def test_shares_are_shares(observed: Seen) -> None:
    current = observed.get("hcv_prevalence", UNION)
    ever = observed.get("hcv_antibody_prevalence", UNION)
    assert ((current > 0.0) & (current < ever) & (ever < 1.0)).all()


def test_coverage_is_of_people_who_inject(observed: Seen) -> None:
    """People in substitution inject less often: few of those in it are among people who inject."""
    product = "opioids"
    share = observed.scalar(product, "injecting_share")
    ratio = observed.scalar(product, "injecting_treatment_ratio")
    harmed = observed.people(product, "problematic", "waiting")
    in_care = observed.people(product, "treatment")
    in_substitution = observed.in_states(product, "substitution_first", "substitution_later")
    own = np.asarray(share * (harmed + ratio * in_care))
    pool = _Pool(observed, UNION, {product: own}, own)
    covered = pool.sums(np.asarray(ratio * in_substitution))
    assert pool.substituted() == pytest.approx(covered / pool.sums(harmed + ratio * in_care))
    # The share of everyone with a disorder who is in substitution is a larger one.
    assert (pool.substituted() < pool.sums(in_substitution) / pool.sums(harmed + in_care)).all()
    # People who inject other products have none.
    pool = _Pool(observed, UNION, {product: own, "cocaine": own}, 2.0 * own)
    assert (pool.substituted() < covered / pool.sums(harmed + ratio * in_care)).all()


def test_needles_recovered_are_the_figures_of_the_regions(observed: Seen) -> None:
    recovered = observed.get("needles_recovered", UNION)[0, 0]
    assert recovered[1:] == pytest.approx([0.99, 0.65, 0.65])
    assert 0.65 < recovered[0] < 0.99


def test_the_union_is_between_its_largest_member_and_the_sum(observed: Seen) -> None:
    own = [
        observed.get("people_injecting", product)
        for product in observed.products("injecting_share")
    ]
    together = observed.get("people_injecting", UNION)
    assert (together > np.max(own, axis=0)).all()
    assert (together < np.sum(own, axis=0)).all()


@pytest.mark.parametrize(
    ("handle", "indicator", "sign", "year"),
    [
        ("foi_hcv", "hcv_infections", -1, 2030),
        ("foi_hiv", "hiv_infections", -1, 2030),
        # Later on, fewer treatments leave more people to treat.
        ("hcv_cure", "hcv_treated", -1, 2016),
        ("hcv_cure", "hcv_prevalence", 1, 2030),
    ],
)
def test_handles_act_where_they_should(
    observed: Seen, prepared: Prepared, handle: str, indicator: str, sign: int, year: int
) -> None:
    months = prepared.demography.months
    wallonia = prepared.strata.region == prepared.strata.regions.index("Wallonia")
    products = tuple(observed.products("injecting_share"))
    change = Change(handle, products, np.full(months, 0.5), wallonia)
    forcing = build_forcing(prepared.structure, prepared.strata, months, [change])
    changed = replace(observed, forcing=forcing, values={})
    observe(changed)
    difference = (changed.get(indicator, UNION) - observed.get(indicator, UNION))[0, year - 2010]
    assert sign * difference[2] > 0.0
    assert difference[[1, 3]] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_catalogue_without_the_union_gets_no_infections(seen: Seen) -> None:
    others = tuple(row for row in seen.catalogue.unions if row.id != UNION)
    own = replace(seen, catalogue=replace(seen.catalogue, unions=others), values={})
    observe(own)
    assert set(own.values) == {"people_injecting", "injecting_prevalence"}
