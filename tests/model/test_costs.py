"""Money: anchors are met and add up, discounting by hand, nothing for what a study left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Output, Prepared, assemble, simulate
from model.costs import (
    FUNCTIONS,
    UNDISCOUNTED,
    Discounting,
    ages_between,
    derive,
    discounted,
    normalised,
    observe,
    present_value,
    relative,
    restate,
)
from model.errors import InputError
from model.forcing import build_forcing
from model.outcomes import Seen
from model.parameters import Draws
from model.strata import Strata
from model.vocabulary import COSTS

Float = npt.NDArray[np.float64]
MONTHS = 252
RATE = st.floats(0.0, 0.1)
MONEY = st.floats(-1e9, 1e9)
ACTIVITY = arrays(np.float64, (2, 3, 2, 4), elements=st.floats(0.0, 1e6))
YEARS = list(range(2024, 2031))
OUTSIDE = (
    "e_cigarettes",
    "nitrous_oxide",
    "performance_enhancers",
    "gambling_offline",
    "gambling_online",
    "gaming",
)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> tuple[Prepared, Draws, Output]:
    draws = draw_priors(catalogue, 2, seed=5)
    prepared = assemble(catalogue, draws, coarse)
    return prepared, draws, simulate(prepared, None, 0, MONTHS).output


def read(
    world: tuple[Prepared, Draws, Output],
    catalogue: Catalogue,
    *,
    draws: Draws | None = None,
    offences: float = 1.0,
    cells: Float | None = None,
) -> Seen:
    """The run before money, with offences and people who inject in the place of other modules.

    ``offences`` multiplies those recorded from 2020. Cells: everyone and Flanders.
    """
    prepared, drawn, output = world
    strata = prepared.strata
    if cells is None:
        region = np.asarray(strata.region) == strata.regions.index("Flanders")
        cells = np.stack([np.ones(strata.size), region.astype(np.float64)])
    idle = build_forcing(prepared.structure, strata, MONTHS)
    seen = Seen(prepared, draws or drawn, catalogue, output, idle, cells)
    later = np.where(seen.years >= 2020, offences, 1.0)[:, None]
    for product in seen.members("any_illegal"):
        people = seen.using(product).sum(axis=2)[..., None]
        seen.put_nation("drug_law_offences", product, 0.05 * people * later)
        seen.put_nation("detained", product, 0.001 * people)
    inject = seen.people("opioids", "problematic").sum(axis=2)[..., None]
    seen.put_nation("people_injecting", "any_illegal", 0.3 * inject)
    seen.put_nation("hcv_treated", "any_illegal", 0.01 * inject)
    return seen


@pytest.fixture(scope="module")
def seen(world: tuple[Prepared, Draws, Output], catalogue: Catalogue) -> Seen:
    run = read(world, catalogue)
    observe(run)
    derive(run)
    return run


def total(seen: Seen, name: str, products: list[str] | None = None) -> Float:
    """Sum over products for all of Belgium, (D, Y)."""
    chosen = list(seen.kinds) if products is None else products
    return np.asarray(np.nansum([seen.get(name, p)[:, :, 0] for p in chosen], axis=0))


def drawn(seen: Seen, owner: str, name: str) -> Float:
    return seen.scalar(owner, name)[:, 0, 0]


# Discounting and price years


def test_an_amount_of_next_year_is_worth_less_today() -> None:
    assert discounted(np.array([103.0]), [2025], 0.03, 2024) == pytest.approx([100.0])
    assert discounted(np.array([100.0]), [2023], 0.03, 2024) == pytest.approx([103.0])


def test_a_level_stream_is_an_annuity() -> None:
    found = present_value(np.full(7, 10.0), YEARS, 0.03, 2024)
    assert found == pytest.approx(10.0 * (1 - 1.03**-7) / (1 - 1 / 1.03))


def test_effects_are_discounted_at_their_own_rate() -> None:
    daly = np.array([0.0, 1000.0])
    years = [2024, 2034]
    assert Discounting().effects(daly, years) == pytest.approx(1000.0 * 1.015**-10)
    assert Discounting().costs(daly, years) == pytest.approx(1000.0 * 1.03**-10)
    assert UNDISCOUNTED.effects(daly, years) == 1000.0
    assert UNDISCOUNTED.costs(daly, years) == 1000.0


def test_years_may_stand_on_any_axis() -> None:
    values = np.arange(42.0).reshape(2, 7, 3)
    found = present_value(values, YEARS, 0.03, 2024, axis=1)
    for draw in range(2):
        for cell in range(3):
            expected = present_value(values[draw, :, cell], YEARS, 0.03, 2024)
            assert found[draw, cell] == pytest.approx(expected)


@given(arrays(np.float64, (2, 7), elements=MONEY), MONEY, RATE)
def test_present_value_is_linear(values: Float, factor: float, rate: float) -> None:
    one, other = values
    together = present_value(one + factor * other, YEARS, rate, 2024)
    apart = [present_value(part, YEARS, rate, 2024) for part in (one, other)]
    size = np.abs(one).sum() + abs(factor) * np.abs(other).sum()
    assert together == pytest.approx(apart[0] + factor * apart[1], abs=1e-12 * size + 1e-9)


@given(arrays(np.float64, (2, 7), elements=st.floats(1.0, 1e9)), RATE, st.integers(2000, 2050))
def test_the_base_year_does_not_decide_between_streams(
    values: Float, rate: float, base: int
) -> None:
    here, there = (present_value(values, YEARS, rate, year) for year in (2024, base))
    np.testing.assert_allclose(there, here * (1 + rate) ** (base - 2024), rtol=1e-9)
    np.testing.assert_allclose(there[0] / there[1], here[0] / here[1], rtol=1e-9)


def test_a_year_that_is_not_known_is_not_taken_as_nothing() -> None:
    assert np.isnan(present_value(np.array([1.0, np.nan]), [2024, 2025], 0.03, 2024))


def test_a_rate_of_minus_one_or_less_is_refused() -> None:
    with pytest.raises(InputError, match="discount rate"):
        discounted(np.ones(1), [2024], -1.0, 2024)


@given(st.floats(0.0, 0.2), st.integers(2000, 2030), st.integers(2000, 2030))
def test_restating_there_and_back_changes_nothing(rate: float, one: int, other: int) -> None:
    there = restate(np.array([100.0]), one, other, rate)
    assert restate(there, other, one, rate) == pytest.approx([100.0])


def test_restating_follows_inflation_of_each_draw() -> None:
    found = restate(np.array([[100.0], [100.0]]), 2012, 2014, np.array([[0.0], [0.1]]))
    np.testing.assert_allclose(found, [[100.0], [121.0]])


# Anchored amounts


def test_activity_is_shared_out_by_hand() -> None:
    # Two products, one draw, two years; half of the money follows each of two activities.
    people = np.array([[[30.0, 60.0]], [[10.0, 10.0]]])
    deaths = np.array([[[1.0, 1.0]], [[1.0, 0.0]]])
    half = np.array([0.5])
    found = relative([(half, people), (half, deaths)], base=0)
    expected = [[[0.375 + 0.25, 0.75 + 0.25]], [[0.125 + 0.25, 0.125]]]
    np.testing.assert_allclose(found, expected)


def test_a_part_without_activity_leaves_its_share_to_the_others() -> None:
    people = np.array([[[30.0, 60.0]]])
    nobody = np.array([[[0.0, 5.0]]])
    half = np.array([0.5])
    np.testing.assert_allclose(relative([(half, people), (half, nobody)], 0), [[[1.0, 2.0]]])
    assert np.isnan(relative([(half, nobody)], 0)).all()


@given(ACTIVITY, st.floats(0.0, 1.0))
def test_shared_money_adds_up_in_the_year_of_the_anchor(activity: Float, share: float) -> None:
    activity[:, 0] += 1.0
    parts = [np.array([share, 1.0]), np.array([1.0 - share, 0.0])]
    found = relative(list(zip(parts, activity, strict=True)), base=1)
    assert (found >= 0.0).all()
    np.testing.assert_allclose(found[..., 1].sum(axis=0), 1.0, rtol=1e-9)


@given(ACTIVITY, st.floats(0.1, 10.0))
def test_money_is_in_proportion_to_activity(activity: Float, factor: float) -> None:
    activity[:, 0] += 1.0
    grown = activity.copy()
    grown[..., 3] *= factor
    half = np.full(2, 0.5)
    before, after = ([(half, part) for part in run] for run in (activity, grown))
    np.testing.assert_allclose(
        relative(after, 1)[..., 3], factor * relative(before, 1)[..., 3], rtol=1e-9
    )


@given(st.lists(arrays(np.float64, 3, elements=st.floats(1e-3, 1e3)), min_size=1, max_size=5))
def test_weights_become_shares(given_weights: list[Float]) -> None:
    np.testing.assert_allclose(normalised(given_weights).sum(axis=0), 1.0, rtol=1e-12)


# A run


def test_expenditure_of_2015_is_the_anchor_by_function_and_group(seen: Seen) -> None:
    anchor = drawn(seen, "*", "public_expenditure_2015")
    split = normalised([drawn(seen, "*", f"{name}_function_weight") for name in FUNCTIONS])
    owners = ("alcohol", "tobacco", "psychoactive_medicines", "any_illegal")
    for name, share in zip(FUNCTIONS, split, strict=True):
        indicator, weight = f"expenditure_{name}", f"{name}_spending_weight"
        np.testing.assert_allclose(total(seen, indicator)[:, 5], anchor * share, rtol=1e-9)
        paying = [owner for owner in owners if seen.has(owner, weight)]
        parts = normalised([drawn(seen, owner, weight) for owner in paying])
        for owner, part in zip(paying, parts, strict=True):
            products = [owner] if owner in seen.kinds else seen.members(owner)
            np.testing.assert_allclose(
                total(seen, indicator, products)[:, 5], anchor * share * part, rtol=1e-9
            )
    np.testing.assert_allclose(total(seen, "public_expenditure")[:, 5], anchor, rtol=1e-9)


def test_expenditure_is_the_sum_of_its_functions_in_every_year(seen: Seen) -> None:
    for product in seen.kinds:
        functions = [seen.get(f"expenditure_{name}", product)[:, :, 0] for name in FUNCTIONS]
        spent = seen.get("public_expenditure", product)[:, :, 0]
        if product in OUTSIDE:
            assert np.isnan(spent).all()
        else:
            np.testing.assert_allclose(spent, np.nansum(functions, axis=0), rtol=1e-9)
            assert (spent > 0.0).all()


def test_shares_of_expenditure_are_those_of_the_functions(seen: Seen) -> None:
    split = normalised([drawn(seen, "*", f"{name}_function_weight") for name in FUNCTIONS])
    for name, share in zip(FUNCTIONS, split, strict=True):
        indicator = f"expenditure_share_{name}"
        # Unions are summed outside of this module, so a product stands for them here.
        for product in seen.kinds:
            part = seen.get(f"expenditure_{name}", product)[..., 0]
            whole = seen.get("public_expenditure", product)[..., 0]
            np.testing.assert_allclose(seen.get(indicator, product)[..., 0], part / whole)
        known = [p for p in seen.kinds if p not in OUTSIDE]
        weights = np.stack([seen.get("public_expenditure", p)[:, 5, 0] for p in known])
        shares = np.stack([seen.get(indicator, p)[:, 5, 0] for p in known])
        found = np.nansum(weights * shares, axis=0) / weights.sum(axis=0)
        np.testing.assert_allclose(found, share, rtol=1e-9)
        assert np.isnan(seen.get(indicator, "gaming")).all()
    assert np.isnan(seen.get("expenditure_share_harm_reduction", "alcohol")).all()


def test_national_money_is_not_put_in_a_region(
    seen: Seen, world: tuple[Prepared, Draws, Output], catalogue: Catalogue
) -> None:
    for name in ("public_expenditure", "expenditure_share_treatment", "social_cost_share"):
        assert np.isnan(seen.values[name][..., 1]).all()
    assert (seen.get("care_cost_bottom_up", "opioids")[..., 1] > 0.0).all()
    region = read(world, catalogue, cells=seen.weights[1:])
    observe(region)
    derive(region)
    assert np.isnan(region.values["public_expenditure"]).all()


def test_prevention_follows_the_number_of_young_people(seen: Seen) -> None:
    young = (seen.lived * ages_between(seen, 10, 24)).sum(axis=2)
    spent = total(seen, "expenditure_prevention")
    np.testing.assert_allclose(spent / spent[:, [5]], young / young[:, [5]], rtol=1e-9)


def test_ages_are_shared_evenly_within_a_band(seen: Seen) -> None:
    low, high = seen.prepared.strata.age_low, seen.prepared.strata.age_high
    share = ages_between(seen, 10, 29)
    assert share[(low == 25) & (high == 34)] == pytest.approx(0.5)
    assert share[low == 18] == pytest.approx(1.0)
    assert share[low >= 35] == pytest.approx(0.0)


def test_enforcement_follows_recorded_offences(
    seen: Seen, world: tuple[Prepared, Draws, Output], catalogue: Catalogue
) -> None:
    more = read(world, catalogue, offences=1.5)
    observe(more)
    for product, factor in (("cocaine", 1.5), ("cannabis", 1.5), ("alcohol", 1.0)):
        before, after = (run.get("expenditure_enforcement", product) for run in (seen, more))
        np.testing.assert_allclose(after[:, 10:, 0], factor * before[:, 10:, 0], rtol=1e-9)
        np.testing.assert_allclose(after[:, :10, 0], before[:, :10, 0], rtol=1e-12)


def test_treatment_of_alcohol_by_hand(seen: Seen) -> None:
    general, episode = (
        drawn(seen, "alcohol", name)[:, None] for name in ("general_care_share", "episode_share")
    )
    basis = [
        seen.people("alcohol", "problematic", "waiting", "treatment"),
        seen.transitions("alcohol", "treatment_start"),
        seen.people("alcohol", "treatment"),
    ]
    people, episodes, treated = ((part.sum(axis=2) / part.sum(axis=2)[:, [5]]) for part in basis)
    special = episode * episodes + (1.0 - episode) * treated
    spent = seen.get("expenditure_treatment", "alcohol")[:, :, 0]
    np.testing.assert_allclose(
        spent / spent[:, [5]], general * people + (1.0 - general) * special, rtol=1e-9
    )


def test_social_cost_of_2012_is_the_assigned_part_of_the_anchor(seen: Seen) -> None:
    anchor = drawn(seen, "*", "social_cost_2012") * drawn(seen, "*", "social_cost_assigned")
    np.testing.assert_allclose(total(seen, "social_cost")[:, 2], anchor, rtol=1e-9)
    owners = {owner: [owner] for owner in ("alcohol", "tobacco")}
    owners |= {owner: seen.members(owner) for owner in ("psychoactive_medicines", "any_illegal")}
    parts = normalised([drawn(seen, owner, "social_cost_weight") for owner in owners])
    for products, owner, part in zip(owners.values(), owners, parts, strict=True):
        share = total(seen, "social_cost_share", products)[:, 2]
        np.testing.assert_allclose(share, part, rtol=1e-9)
        direct = total(seen, "social_cost_direct", products)[:, 2]
        wanted = anchor * part * drawn(seen, owner, "social_cost_direct")
        np.testing.assert_allclose(direct, wanted, rtol=1e-9)


def test_social_cost_adds_up_over_components_and_products(seen: Seen) -> None:
    parts = [total(seen, f"social_cost_{name}") for name in ("direct", "indirect")]
    np.testing.assert_allclose(total(seen, "social_cost"), parts[0] + parts[1], rtol=1e-9)
    np.testing.assert_allclose(total(seen, "social_cost_share"), 1.0, rtol=1e-9)
    for product in OUTSIDE:
        assert np.isnan(seen.get("social_cost", product)).all()


def test_lost_production_counts_no_deaths_from_65(seen: Seen) -> None:
    share = drawn(seen, "tobacco", "social_cost_indirect_death_share")[:, None]
    young = seen.prepared.strata.age_high < 65
    deaths = seen.excess_deaths("tobacco")[..., young].sum(axis=2)
    people = seen.people("tobacco", "problematic", "waiting", "treatment").sum(axis=2)
    moved = share * deaths / deaths[:, [2]] + (1.0 - share) * people / people[:, [2]]
    cost = seen.get("social_cost_indirect", "tobacco")[:, :, 0]
    np.testing.assert_allclose(cost / cost[:, [2]], moved, rtol=1e-9)


def test_care_from_unit_costs_by_hand(seen: Seen) -> None:
    unit = {
        name: drawn(seen, owner, name)[:, None]
        for owner, name in (
            ("psychosocial", "cost_outpatient_episode"),
            ("psychosocial", "cost_residential_month"),
            ("psychosocial", "residential_share"),
            ("opioids", "cost_agonist_year"),
            ("*", "inflation"),
        )
    }
    residential = unit["residential_share"]
    care = seen.in_states("opioids", "treatment_first", "treatment_later").sum(axis=2)
    agonist = seen.in_states("opioids", "substitution_first", "substitution_later").sum(axis=2)
    started = seen.transitions("opioids", "treatment_start").sum(axis=2)
    cost = unit["cost_outpatient_episode"] * started * (1.0 - residential)
    cost += unit["cost_residential_month"] * care * residential * 12.0
    cost += unit["cost_agonist_year"] * agonist
    found = seen.get("care_cost_bottom_up", "opioids")[:, :, 0]
    np.testing.assert_allclose(found, cost * (1.0 + unit["inflation"]) ** -6, rtol=1e-9)
    assert np.isnan(seen.get("care_cost_bottom_up", "tobacco")).all()


@pytest.mark.parametrize(
    ("name", "counted", "unit", "owner"),
    [
        ("detention_cost_bottom_up", "detained", "cost_prison_year", "cocaine"),
        ("hcv_cost_bottom_up", "hcv_treated", "cost_hcv_course", "any_illegal"),
    ],
)
def test_unit_costs_of_2021_are_brought_to_2015(
    seen: Seen, name: str, counted: str, unit: str, owner: str
) -> None:
    price = drawn(seen, "*", unit) * (1.0 + drawn(seen, "*", "inflation")) ** -6
    expected = price[:, None] * seen.get(counted, owner)[..., 0]
    np.testing.assert_allclose(seen.get(name, owner)[..., 0], expected, rtol=1e-9)
    assert np.isnan(seen.get(name, "alcohol")).all()


@pytest.mark.parametrize("name", ["public_expenditure", "social_cost"])
def test_money_per_inhabitant_counts_children_too(seen: Seen, name: str) -> None:
    each = seen.get(f"{name}_per_inhabitant", "alcohol")
    people = (seen.get(name, "alcohol") / each)[..., 0]
    np.testing.assert_allclose(people, seen.inhabitants()[..., 0], rtol=1e-9)
    assert (people > seen.lived.sum(axis=2)).all()


def test_a_product_cannot_be_paid_for_twice(
    world: tuple[Prepared, Draws, Output], catalogue: Catalogue
) -> None:
    draws = world[1]
    row = next(row for row in draws.rows if row.key == "any_illegal/social_cost_weight[,,,,]")
    twin = row.model_copy(update={"product": "illegal_not_cannabis"})
    both = Draws(
        [*draws.rows, twin],
        {**draws.values, twin.key: draws.values[row.key]},
        draws.innovations,
        draws.seed,
    )
    with pytest.raises(InputError, match="two groups"):
        observe(read(world, catalogue, draws=both))


def test_tables_without_money_give_none(
    world: tuple[Prepared, Draws, Output], catalogue: Catalogue
) -> None:
    draws = world[1]
    rows = [row for row in draws.rows if row.parameter not in COSTS]
    bare = read(world, catalogue, draws=Draws(rows, draws.values, draws.innovations, draws.seed))
    before = set(bare.values)
    observe(bare)
    derive(bare)
    assert set(bare.values) == before
