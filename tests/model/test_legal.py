"""Legal markets: prices under excise and floors, the illicit share, volumes and revenue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared, assemble, simulate, start_state
from model.forcing import Change
from model.legal import (
    LARGEST_RESPONSE,
    Group,
    advertising_factor,
    amount_change,
    consumed,
    derive,
    drunk,
    effective_index,
    floor_uplift,
    illicit_share,
    observe,
    retail_index,
)
from model.outcomes import Seen
from model.parameters import Draws
from model.strata import Strata

shares = st.floats(0.0, 0.95)
responses = st.floats(0.0, LARGEST_RESPONSE)
ratios = st.floats(0.05, 2.0)
taxes = st.floats(0.0, 20.0)
odds = st.floats(0.01, 100.0)
BEFORE_HISTORY = slice(0, 10)  # no known change of these prices before 2020
MONEY = (
    ("excise_revenue", "alcohol"),
    ("excise_revenue", "tobacco"),
    ("vat_revenue", "e_cigarettes"),
    ("gross_gaming_revenue", "gambling_offline"),
    ("gross_gaming_revenue", "gambling_online"),
)


def array(value: float) -> np.ndarray:
    return np.asarray(value)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> tuple[Prepared, Draws]:
    draws = draw_priors(catalogue, 2, seed=8)
    return assemble(catalogue, draws, coarse), draws


@pytest.fixture(scope="module")
def idle(catalogue: Catalogue, world: tuple[Prepared, Draws]) -> Seen:
    """The reference: everyone, then each region."""
    return watched(catalogue, world, {})


@pytest.fixture(scope="module")
def moved(catalogue: Catalogue, world: tuple[Prepared, Draws]) -> Seen:
    """From 2012: excise of tobacco, a floor for alcohol, unlicensed play and a cap on losses."""
    changes = {
        ("excise", "tobacco"): 2.0,
        ("price_floor", "alcohol"): 0.6,
        ("illicit_share", "gambling_online"): 3.0,
        ("consumption", "gambling_online"): 0.8,
    }
    return watched(catalogue, world, changes)


def watched(
    catalogue: Catalogue, world: tuple[Prepared, Draws], changes: dict[tuple[str, str], float]
) -> Seen:
    prepared, draws = world
    strata = prepared.strata
    regions = [strata.region == r for r in range(len(strata.regions))]
    cells = np.stack([np.ones(strata.size, dtype=bool), *regions]).astype(float)
    months = prepared.demography.months
    reference = simulate(prepared, None, 0, months)
    output, rows = reference.output, []
    for (handle, product), value in changes.items():
        path = np.full(months, 0.0 if handle == "price_floor" else 1.0)
        path[24:] = value
        rows.append(Change(handle, (product,), path, np.ones(strata.size, dtype=bool)))
    forcing = prepared.forcing(rows)
    if changes:
        opening = start_state(prepared).with_reference(reference.state)
        output = simulate(prepared, forcing, 0, months, opening).output
    seen = Seen(prepared, draws, catalogue, output, forcing, cells)
    observe(seen)
    derive(seen)
    return seen


def paid(
    tax: float, excise: float, start: float, response: float, ratio: float, moved: float
) -> tuple[float, float]:
    """Illicit share and price over legal and illicit units at one tax."""
    index = retail_index(array(excise), array(tax))
    share = illicit_share(array(start), array(response), index, array(moved))
    return float(share), float(effective_index(index, share, array(start), array(ratio)))


def test_price_known_answers() -> None:
    # 40% of the price is excise; doubled, the price rises by 40%.
    assert_allclose(retail_index(array(0.4), array(2.0)), 1.4)
    # Odds 1:9, doubled by a price of 4 with response 1/2: 2:9.
    assert_allclose(illicit_share(array(0.1), array(0.5), array(4.0), array(1.0)), 2 / 11)
    assert_allclose(illicit_share(array(0.1), array(0.5), array(1.0), array(2.0)), 2 / 11)
    # Legal 1.5, illicit 0.5 for a fifth of units; at first a tenth: 1.3 / 0.95.
    assert_allclose(effective_index(array(1.5), array(0.2), array(0.1), array(0.5)), 1.3 / 0.95)
    assert_allclose(advertising_factor(array(0.1), array(0.25)), 0.925)


def test_nothing_changes_at_the_start() -> None:
    start, ratio = array(0.08), array(0.6)
    share = illicit_share(start, array(0.7), array(1.0), array(1.0))
    assert_allclose(share, start)
    assert_allclose(effective_index(array(1.0), share, start, ratio), 1.0)
    assert floor_uplift(array(0.0), array(1.3), array(0.5), array(0.7)) == 1.0
    assert advertising_factor(array(0.3), array(1.0)) == 1.0


def test_no_illicit_market_stays_none() -> None:
    assert illicit_share(array(0.0), array(1.0), array(5.0), array(10.0)) == 0.0


def test_floor_by_sampling() -> None:
    mean, spread, floor = 1.1 * 0.8, 0.4, 0.9
    prices = mean * np.exp(
        spread * np.random.default_rng(1).standard_normal(400_000) - spread**2 / 2
    )
    wanted = np.maximum(prices, floor).mean() / prices.mean()
    got = floor_uplift(array(floor), array(1.1), array(spread), array(0.8))
    assert_allclose(got, wanted, rtol=2e-3)
    # Without spread everyone pays the higher of the two.
    assert_allclose(floor_uplift(array(0.9), array(1.0), array(0.0), array(0.6)), 1.5)


@given(shares, responses, ratios, shares, odds, taxes, taxes)
def test_tax_never_lowers_share_or_price(
    start: float, response: float, ratio: float, excise: float, moved: float, one: float, two: float
) -> None:
    low, high = sorted((one, two))
    before = paid(low, excise, start, response, ratio, moved)
    after = paid(high, excise, start, response, ratio, moved)
    assert after[0] >= before[0] - 1e-12
    assert after[1] >= before[1] - 1e-9 * max(1.0, before[1])
    assert 0.0 <= after[0] <= 1.0
    assert 0.0 < after[1] < np.inf


def test_the_table_keeps_to_the_responses_for_which_this_holds(catalogue: Catalogue) -> None:
    rows = [row for row in catalogue.parameters if row.parameter == "illicit_response"]
    assert rows
    for row in rows:
        assert row.distribution == "uniform"  # its ends are hard, those of others are not
        assert (row.low, row.high) == (0.0, LARGEST_RESPONSE)


def test_a_larger_response_could_lower_the_price() -> None:
    # The bound is needed: response 3, half of units illicit, and a rise makes units cheaper.
    price = [paid(tax, 0.8, 0.5, 3.0, 0.1, 1.0)[1] for tax in (2.0, 4.0)]
    assert price[1] < price[0]


@given(st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.floats(0.2, 10.0), st.floats(0.0, 2.0), ratios)
@settings(max_examples=200)
def test_floor_is_monotone_and_bounded(
    one: float, two: float, index: float, spread: float, relative: float
) -> None:
    low, high = sorted((one, two))
    lower, higher = (
        floor_uplift(array(f), array(index), array(spread), array(relative)) for f in (low, high)
    )
    mean = index * relative
    assert 1.0 <= lower <= higher + 1e-12
    assert max(1.0, high / mean) - 1e-9 <= higher <= 1.0 + high / mean + 1e-9


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 5.0))
def test_less_advertising_never_starts_more(effect: float, less: float, more: float) -> None:
    low, high = sorted((less, more))
    fewer, more_started = (advertising_factor(array(effect), array(x)) for x in (low, high))
    assert 0.0 <= fewer <= more_started


def test_broadcast() -> None:
    start = np.array([0.05, 0.2])[:, None]
    index = np.array([1.0, 1.5, 2.0])[None]
    share = illicit_share(start, array(0.5), index, array(1.0))
    assert share.shape == (2, 3)


def test_at_rest_prices_stay_and_shares_are_those_of_the_start(idle: Seen) -> None:
    for product in idle.market_of("legal"):
        assert_allclose(idle.get("retail_price_index", product)[:, BEFORE_HISTORY], 1.0)
    share = idle.get("illicit_share", "alcohol")[:, :, 0]
    start = idle.scalar("alcohol", "illicit_share")[:, :, 0]
    assert_allclose(share, np.broadcast_to(start, share.shape))
    both = (
        idle.get("alcohol_recorded_per_capita", "alcohol")[:, :, 0]
        / idle.get("alcohol_per_capita", "alcohol")[:, :, 0]
    )
    assert_allclose(both, 1.0 - share)


def test_national_shares_stand_only_in_whole_cells(idle: Seen) -> None:
    share = idle.get("illicit_share", "tobacco")
    assert np.isfinite(share[:, :, 0]).all()
    assert np.isnan(share[:, :, 1:]).all()


def test_money_adds_up_over_cells(idle: Seen) -> None:
    for name, product in MONEY:
        values = idle.get(name, product)
        assert (values[:, :, 0] > 0.0).all()
        assert_allclose(values[:, :, 0], values[:, :, 1:].sum(axis=2))


def test_litres_by_hand(idle: Seen) -> None:
    """One year of men in one stratum: glasses a week times 52 times 10 g over 789 g a litre."""
    strata = idle.prepared.strata
    man = int(np.flatnonzero(strata.sex == strata.sexes.index("male"))[5])
    kept = idle.scalar("alcohol", "amount_treatment_share")[:, 0, 0]
    named = ("drinks_occasional", "drinks_problematic", "drinks_sex_ratio", "survey_coverage")
    low, high, ratio, coverage = (idle.scalar("alcohol", name)[:, 0, 0] for name in named)

    def count(*reported: str) -> np.ndarray:
        return idle.people("alcohol", *reported)[:, 8, man]

    drinking_more = count("problematic", "waiting") + kept * count("treatment")
    glasses = (count("occasional") * low + drinking_more * high) * ratio
    wanted = glasses * 52 * 10 / 789 / coverage
    assert_allclose(drunk(idle, "alcohol")[:, 8, man], wanted)


def test_cigarettes_by_hand(idle: Seen) -> None:
    """People who smoke daily and those who smoke less often share out what a state smokes."""
    mean = idle.scalar("tobacco", "amount_occasional")[:, 0, 0]
    amounts = (mean, mean * idle.scalar("tobacco", "amount_ratio")[:, 0, 0])
    others = idle.scalar("tobacco", "nondaily_amount_ratio")[:, 0, 0]
    people, smoked = np.zeros_like(mean), np.zeros_like(mean)
    states = (("occasional",), ("problematic", "waiting"))
    for amount, reported in zip(amounts, states, strict=True):
        share = idle.scalar("tobacco", f"daily_share_{reported[0]}")[:, 0, 0]
        daily = amount / (share + (1 - share) * others)
        assert_allclose(share * daily + (1 - share) * others * daily, amount)
        count = share * idle.people("tobacco", *reported)[:, 8].sum(axis=1)
        people += count
        smoked += count * daily
    found = idle.get("cigarettes_per_day", "tobacco")[:, 8, 0]
    assert_allclose(found, smoked / people / 365.25)


def test_doubling_excise(idle: Seen, moved: Seen) -> None:
    """Tobacco excise doubled from 2012: by hand the price, the share and the revenue."""
    excise = idle.scalar("tobacco", "excise_share")[:, 0, 0]
    assert_allclose(moved.get("retail_price_index", "tobacco")[:, 5, 0], 1.0 + excise)
    more = moved.get("illicit_share", "tobacco")[:, 5, 0]
    start = idle.get("illicit_share", "tobacco")[:, 5, 0]
    response = idle.scalar("tobacco", "illicit_response")[:, 0, 0]
    odds = start / (1.0 - start) * (1.0 + excise) ** response
    assert_allclose(more, odds / (1.0 + odds))
    units = consumed(moved, "tobacco", "amount_occasional", "amount_ratio")[:, 5].sum(axis=1)
    before = consumed(idle, "tobacco", "amount_occasional", "amount_ratio")[:, 5].sum(axis=1)
    assert (units < before).all()
    net = idle.scalar("tobacco", "unit_price")[:, 0, 0] / 1.21
    assert_allclose(
        moved.get("excise_revenue", "tobacco")[:, 5, 0], units * (1 - more) * net * excise * 2
    )
    assert_allclose(
        moved.get("vat_revenue", "tobacco")[:, 5, 0],
        units * (1 - more) * net * 0.21 * (1 + excise),
    )


def test_paid_price_is_that_of_the_engine(moved: Seen) -> None:
    """The engine's price follows the same functions."""
    start, ratio = (
        moved.scalar("tobacco", name)[:, 0, 0] for name in ("illicit_share", "illicit_price_ratio")
    )
    index = moved.get("retail_price_index", "tobacco")[:, 5, 0]
    share = moved.get("illicit_share", "tobacco")[:, 5, 0]
    wanted = effective_index(index, share, start, ratio)
    assert_allclose(moved.price("tobacco")[:, 5, 0], wanted)


def test_gambling_follows_licences_and_amounts(idle: Seen, moved: Seen) -> None:
    """Odds of unlicensed play tripled and losses held to 80%, prices and people as before."""
    start = idle.get("illicit_share", "gambling_online")[:, 5, 0]
    share = moved.get("illicit_share", "gambling_online")[:, 5, 0]
    assert_allclose(share / (1 - share), 3 * start / (1 - start))
    kept = moved.get("gross_gaming_revenue", "gambling_online")[:, 5, 0]
    stakes = consumed(moved, "gambling_online", "loss_occasional", "loss_ratio")[:, 5]
    assert_allclose(kept, stakes.sum(axis=1) * (1 - share))
    low = idle.scalar("gambling_online", "loss_occasional")[:, 0]
    ratio = idle.scalar("gambling_online", "loss_ratio")[:, 0]
    people = moved.people("gambling_online", "occasional")[:, 5]
    harmed = moved.people("gambling_online", "problematic", "waiting")[:, 5]
    treated = moved.people("gambling_online", "treatment")[:, 5]
    treated = treated * idle.scalar("gambling_online", "amount_treatment_share")[:, 0]
    elasticity = idle.scalar("gambling_online", "amount_price_elasticity")[:, 0]
    priced = moved.price("gambling_online")[:, 5] ** elasticity
    assert_allclose(stakes, 0.8 * low * (people + ratio * (harmed + treated)) * priced)


def test_the_amount_answers_by_group(idle: Seen, moved: Seen) -> None:
    """The floor for alcohol moves light drinking by its own elasticity, and heavy by its own."""
    price = moved.price("alcohol")[:, 5]
    assert (price > 1.0).all()
    groups: tuple[Group, ...] = ("occasional", "problematic")
    for group, name in zip(groups, ("", "_problematic"), strict=True):
        elasticity = idle.scalar("alcohol", f"amount_price_elasticity{name}")[:, 0]
        found = amount_change(moved, "alcohol", group)[:, 5]
        assert_allclose(found, price**elasticity)
    # Where no row tells the groups apart, one elasticity holds for both.
    both = [amount_change(moved, "tobacco", group) for group in groups]
    assert_allclose(both[0], both[1])
    assert (both[0][:, 5] < 1.0).all()


def test_a_dearer_drink_lowers_the_mean_in_the_first_year(
    catalogue: Catalogue, coarse: Strata, median_draw: Draws
) -> None:
    """Price up by 10%: mean drinking to 0.93-0.97 in published reviews (-0.5, -0.28 if heavy)."""
    prepared = assemble(catalogue, median_draw, coarse)
    months = prepared.demography.months
    everyone = np.ones(coarse.size, dtype=bool)
    path = np.where(np.arange(months) < 24, 1.0, 1.1)
    forcing = prepared.forcing([Change("price", ("alcohol",), path, everyone)])
    reference = simulate(prepared, None, 0, months)
    opening = start_state(prepared).with_reference(reference.state)
    changed = simulate(prepared, forcing, 0, months, opening)
    litres, share, asked = [], [], []
    for run, own in ((reference, prepared.forcing()), (changed, forcing)):
        seen = Seen(prepared, median_draw, catalogue, run.output, own, np.ones((1, coarse.size)))
        observe(seen)
        derive(seen)
        litres.append(seen.get("alcohol_per_capita", "alcohol")[0, :, 0])
        share.append(seen.get("illicit_share", "alcohol")[0, :, 0])
        asked.append(seen.get("retail_price_index", "alcohol")[0, :, 0])
    ratio = litres[1] / litres[0]
    assert_allclose(ratio[:2], 1.0)
    assert 0.93 < ratio[2] < 0.97
    # The handle is on top of taxes: it moves the price asked, and not what is bought elsewhere.
    assert_allclose(share[1], share[0])
    assert_allclose(asked[1][2:], 1.1 * asked[0][2:])


def test_a_floor_raises_the_price_of_alcohol(idle: Seen, moved: Seen) -> None:
    spread = idle.scalar("alcohol", "price_spread")[:, 0, 0]
    wanted = floor_uplift(array(0.6), array(1.0), spread, array(1.0))
    assert_allclose(moved.get("retail_price_index", "alcohol")[:, 5, 0], wanted)
    litres = moved.get("alcohol_per_capita", "alcohol")[:, 5, 0]
    assert (litres < idle.get("alcohol_per_capita", "alcohol")[:, 5, 0]).all()
