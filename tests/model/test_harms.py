"""Deaths, burden of disease, driving and nuisance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from model import harms
from model.catalogue import Catalogue
from model.compartments import Prepared, Result
from model.forcing import Change, build_forcing
from model.outcomes import Seen
from model.parameters import Draws
from model.population import load_death_rates
from model.strata import build_strata, default_strata, load_population_table, weights

Float = npt.NDArray[np.float64]

NATION, MEN, WOMEN, CHILDREN, BRUSSELS = range(5)

shares = st.floats(0.0, 1.0)
persons = st.floats(0.0, 1e6)
rates = st.lists(st.floats(1e-6, 2.0), min_size=2, max_size=30)


@pytest.fixture(scope="module")
def idle(catalogue: Catalogue, median_draw: Draws, prepared: Prepared, reference: Result) -> Seen:
    """The median run, before any harm is put."""
    strata = prepared.strata
    cells = np.stack(
        [
            weights(strata),
            weights(strata, sex="male"),
            weights(strata, sex="female"),
            weights(strata, age_max=15),
            weights(strata, region="Brussels"),
        ]
    )
    idle = build_forcing(prepared.structure, strata, prepared.demography.months)
    return Seen(prepared, median_draw, catalogue, reference.output, idle, cells)


@pytest.fixture(scope="module")
def seen(idle: Seen) -> Seen:
    """The median run with its harms, unions as sums."""
    return completed(replace(idle, values={}))


def completed(seen: Seen) -> Seen:
    """Harms put and derived; unions summed, which is the rule of nearly all of them."""
    harms.observe(seen)
    for name in list(seen.values):
        for union in seen.catalogue.unions:
            members = np.stack([seen.get(name, member) for member in seen.members(union.id)])
            missing = np.isnan(members).all(axis=0)
            seen.put(name, union.id, np.where(missing, np.nan, np.nansum(members, axis=0)))
    harms.derive(seen)
    return seen


def forced(idle: Seen, handle: str, product: str, value: float) -> Seen:
    """The same people with one handle moved; only what is computed after the run answers."""
    structure, strata = idle.prepared.structure, idle.prepared.strata
    months = idle.prepared.demography.months
    everyone = np.ones(strata.size, dtype=bool)
    change = Change(handle, (product,), np.full(months, value), everyone)
    forcing = build_forcing(structure, strata, months, [change])
    return completed(replace(idle, forcing=forcing, values={}))


# Life table


def test_constant_mortality_leaves_the_inverse_of_the_rate() -> None:
    assert_allclose(harms.life_expectancy(np.full(101, 0.02)), 50.0)


def test_without_deaths_until_the_open_age() -> None:
    # Nobody dies at 0 or 1; from 2 on the rate is 0.5: two years more at 2.
    assert_allclose(harms.life_expectancy(np.array([0.0, 0.0, 0.5])), [4.0, 3.0, 2.0])


def test_two_ages_by_hand() -> None:
    # Half die evenly in risk in the first year: ln 2 a year; the rest live 4 years.
    first = 0.5 / np.log(2.0) + 0.5 * 4.0
    assert_allclose(harms.life_expectancy(np.array([np.log(2.0), 0.25])), [first, 4.0])


@given(rates, st.integers(0, 29), st.floats(1.0, 5.0))
def test_more_deaths_never_lengthen_life(values: list[float], at: int, factor: float) -> None:
    before = np.array(values)
    after = before.copy()
    after[at % len(after)] *= factor
    years = harms.life_expectancy(before)
    assert np.all(harms.life_expectancy(after) <= years * (1.0 + 1e-12))
    assert np.all(years[:-1] <= 1.0 + years[1:])
    assert np.all(years > 0.0)


def test_belgian_life_expectancy_at_birth() -> None:
    # The published Belgian tables of 2015-2019 have about 79 years for men and 83.5 for women.
    tables = load_death_rates()[0, :, :, 2017 - 2010]
    men, women = harms.life_expectancy(tables)[:, 0]
    assert 78.5 < men < 79.7
    assert 83.0 < women < 84.3


def test_years_lost_fall_with_age_and_are_more_for_women() -> None:
    strata = default_strata()
    lost = harms.years_lost(strata, np.array([2010, 2020]))
    blocks = lost.reshape(2, strata.blocks, strata.bands)
    assert lost.shape == (2, strata.size)
    assert np.all(np.diff(blocks, axis=2) < 0.0)
    # Not in the open band, where the women who die are older than the men.
    closed = strata.age_low < strata.age_low.max()
    men, women = (
        lost[:, (strata.sex == strata.sexes.index(sex)) & closed] for sex in ("male", "female")
    )
    assert np.all(women > men)


def test_wider_bands_lose_the_same_years() -> None:
    table, year = load_population_table(), 2020
    deaths = table.year(year) * load_death_rates()[..., year - 2010]
    total = []
    for lows in ([10], [10, 40, 70], list(range(10, 95))):
        strata = build_strata(lows, by_region=False, by_deprivation=False)
        ages = np.arange(deaths.shape[2])
        by_sex = deaths.sum(axis=0)
        inside = [
            by_sex[strata.sex[s], (ages >= strata.age_low[s]) & (ages <= strata.age_high[s])].sum()
            for s in range(strata.size)
        ]
        total.append(float(harms.years_lost(strata, np.array([year]))[0] @ np.array(inside)))
    assert_allclose(total, total[0], rtol=1e-9)


# Deaths


@given(persons, persons, shares, shares)
def test_coded_deaths_are_part_of_the_excess(
    other: float, overdose: float, share: float, overdose_share: float
) -> None:
    found = harms.coded(
        np.array(other), np.array(overdose), np.array(share), np.array(overdose_share)
    )
    assert 0.0 <= found <= (other + overdose) * (1.0 + 1e-12)


def test_coded_deaths_by_hand() -> None:
    found = harms.coded(np.array(100.0), np.array(20.0), np.array(0.1), np.array(0.5))
    assert found == pytest.approx(20.0)


def test_coded_within_attributable_within_all_deaths(seen: Seen) -> None:
    all_deaths = seen.cells(seen.output.deaths)
    for product in seen.kinds:
        assert np.all(seen.get("attributable_deaths", product) <= all_deaths)
    for product in seen.products(*harms.CODED):
        attributable = seen.get("attributable_deaths", product)
        assert np.all(seen.get("coded_deaths", product) <= attributable * (1.0 + 1e-12))
        assert np.all(seen.get("yll", product) <= seen.get("yll_attributable", product) + 1e-9)


def test_what_is_not_coded_is_missing_and_not_nothing(seen: Seen) -> None:
    uncoded = set(seen.kinds) - set(seen.products(*harms.CODED))
    assert {"tobacco", "e_cigarettes", "gambling_online", "gaming"} <= uncoded
    for owner in (*uncoded, "any_gambling"):
        for name in ("coded_deaths", "coded_deaths_rate", "yll", "daly", "daly_rate"):
            assert np.isnan(seen.get(name, owner)).all(), (owner, name)
    for product in ("tobacco", "e_cigarettes"):
        assert np.isnan(seen.get("yld", product)).all()
        assert np.all(seen.get("yll_attributable", product)[:, :, NATION] > 0.0)
    assert np.all(seen.get("yld", "gambling_online")[:, :, NATION] > 0.0)
    assert np.all(seen.get("daly", "all")[:, :, NATION] > 0.0)
    # Those who read the sum over all products are told what it lacks.
    definitions = {row.id: row.definition for row in seen.catalogue.indicators}
    for name in ("coded_deaths", "yll", "daly"):
        for product in uncoded:
            word = product.replace("_", "-" if product == "e_cigarettes" else " ").split()[0]
            assert word in definitions[name], (name, product)
    assert "hepatitis C, HIV" in definitions["yld"]
    assert "hepatitis C, HIV" in definitions["daly"]


def test_overdoses_only_where_a_rate_is_given(seen: Seen) -> None:
    owning = seen.products("overdose_rate_problematic")
    assert "opioids" in owning
    assert "alcohol" not in owning
    for product in owning:
        deaths, overdoses = (seen.get(n, product) for n in ("overdose_deaths", "overdoses"))
        assert np.all(deaths[:, :, NATION] > 0.0)
        assert np.all(deaths <= overdoses)
        assert np.all(deaths <= seen.get("attributable_deaths", product))
    assert np.isnan(seen.get("overdoses", "alcohol")).all()


def test_fatality_links_overdoses_to_deaths(seen: Seen) -> None:
    # Two ways to the same deaths: month by month in the run, and from yearly means here.
    fatality = seen.scalar("opioids", "overdose_fatality")
    expected = seen.get("overdoses", "opioids") * fatality
    assert_allclose(seen.get("overdose_deaths", "opioids"), expected, rtol=5e-3)


def test_overdose_handle_multiplies_overdoses(idle: Seen, seen: Seen) -> None:
    more = forced(idle, "overdose", "opioids", 1.5)
    assert_allclose(more.get("overdoses", "opioids"), 1.5 * seen.get("overdoses", "opioids"))
    assert_allclose(more.get("overdoses", "cocaine"), seen.get("overdoses", "cocaine"))


# Burden of disease


def test_daly_is_exactly_the_sum(seen: Seen) -> None:
    for owner in seen.names:
        total = seen.get("yll", owner) + seen.get("yld", owner)
        assert np.array_equal(seen.get("daly", owner), total, equal_nan=True)


def test_disability_of_a_product_without_care_by_hand(seen: Seen) -> None:
    def weight(state: str) -> Float:
        return seen.scalar("nitrous_oxide", f"disability_weight_{state}")

    expected = weight("problematic") * seen.people("nitrous_oxide", "problematic")
    expected = expected + weight("recovery") * seen.people("nitrous_oxide", "recovery")
    assert_allclose(seen.get("yld", "nitrous_oxide"), seen.cells(expected))


def test_moderate_risk_weighs_less_than_a_disorder(seen: Seen) -> None:
    product = "gambling_offline"
    moderate = seen.scalar(product, "disability_weight_moderate")
    full = seen.scalar(product, "disability_weight_problematic")
    harmed = seen.people(product, "problematic", "waiting")
    at_risk = seen.in_states(product, "moderate_risk")
    cared = seen.people(product, "treatment"), seen.people(product, "recovery")
    expected = moderate * at_risk + full * (harmed - at_risk)
    for name, people in zip(("treatment", "recovery"), cared, strict=True):
        expected = expected + people * seen.scalar(product, f"disability_weight_{name}")
    assert moderate < full
    assert_allclose(seen.get("yld", product), seen.cells(expected))


def test_weights_reach_every_state_of_need(catalogue: Catalogue) -> None:
    reported = {row.reported for row in catalogue.states}
    assert reported - set(harms.WEIGHTS) == {"never", "former"}


def test_rates_are_over_inhabitants_and_national(seen: Seen) -> None:
    back = seen.get("daly_rate", "alcohol")[:, :, NATION] * seen.inhabitants()[..., 0] / 100_000
    assert_allclose(back, seen.get("daly", "alcohol")[:, :, NATION])
    assert np.isnan(seen.get("daly_rate", "alcohol")[:, :, BRUSSELS]).all()
    assert np.all(seen.inhabitants()[..., 0] > seen.output.lived.sum(axis=2))


def test_years_per_death_are_years_that_someone_has_left(seen: Seen) -> None:
    lost = harms.years_lost(seen.prepared.strata, seen.years)
    for product in ("alcohol", "opioids"):
        per_death = seen.get("yll_per_death", product)[:, :, NATION]
        assert np.all((per_death > lost.min()) & (per_death < lost.max()))
    assert np.isnan(seen.get("yll_per_death", "tobacco")).all()


# Driving


@given(shares, st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_at_least_once_is_a_share_that_rises(share: float, one: float, other: float) -> None:
    low, high = (
        float(harms.at_least_once(harms.occasions(np.array(share), np.array(f))))
        for f in sorted((one, other))
    )
    assert 0.0 <= low <= high <= 1.0


def test_occasions_by_hand() -> None:
    # Half have none when the mean is ln 2; at twice the mean a quarter.
    assert harms.occasions(np.array(0.5), np.array(2.0)) == pytest.approx(2.0 * np.log(2.0))
    assert harms.at_least_once(np.array(2.0 * np.log(2.0))) == pytest.approx(0.75)
    assert harms.at_least_once(harms.occasions(np.array(0.3), np.array(1.0))) == pytest.approx(0.3)
    assert harms.occasions(np.array(0.3), np.array(0.0)) == 0.0


def test_driving_is_a_share_of_drivers(seen: Seen) -> None:
    under, over = (seen.get(n, "alcohol") for n in ("dui_30d", "drivers_over_limit"))
    adults = [NATION, MEN, WOMEN, BRUSSELS]
    assert np.isnan(under[:, :, CHILDREN]).all()
    assert np.all((under[:, :, adults] > 0.0) & (under[:, :, adults] < 1.0))
    assert np.all(over[:, :, adults] < under[:, :, adults])
    assert np.all(over[:, :, MEN] > over[:, :, WOMEN])
    assert np.isnan(seen.get("drivers_over_limit", "cannabis")).all()


def test_driving_handle(idle: Seen, seen: Seen) -> None:
    none, more = (forced(idle, "driving", "alcohol", value) for value in (0.0, 2.0))
    before = seen.get("dui_30d", "alcohol")[:, :, NATION]
    assert np.all(none.get("dui_30d", "alcohol")[:, :, NATION] == 0.0)
    doubled = more.get("dui_30d", "alcohol")[:, :, NATION]
    assert np.all((doubled > before) & (doubled < 2.0 * before))
    # At a random moment twice as many are above the limit, not only more people at least once.
    adults = [NATION, MEN, WOMEN, BRUSSELS]
    over, twice = (run.get("drivers_over_limit", "alcohol")[..., adults] for run in (seen, more))
    assert_allclose(twice, 2.0 * over)


def test_people_who_drink_less_drive_less_after_drinking(idle: Seen, seen: Seen) -> None:
    half = forced(idle, "consumption", "alcohol", 0.5)
    factor = 0.5 ** seen.scalar("alcohol", "driving_amount_exponent")[..., 0]
    over, less = (run.get("drivers_over_limit", "alcohol")[:, :10, NATION] for run in (seen, half))
    assert_allclose(less, factor * over)
    before, after = (run.get("dui_30d", "alcohol")[:, :10, NATION] for run in (seen, half))
    assert np.all((after < before) & (after > factor * before))


def test_a_dearer_drink_moves_driving_by_state(idle: Seen, seen: Seen) -> None:
    dearer = idle.output._replace(price=idle.output.price * 1.5)
    changed = completed(replace(idle, output=dearer, values={}))
    ratio = changed.get("drivers_over_limit", "alcohol") / seen.get("drivers_over_limit", "alcohol")
    power = seen.scalar("alcohol", "driving_amount_exponent")
    low, high = (
        np.squeeze(1.5 ** (seen.scalar("alcohol", f"amount_price_elasticity{name}") * power))
        for name in ("", "_problematic")
    )
    assert np.all((ratio[:, :, NATION] > low) & (ratio[:, :, NATION] < high))


def test_use_as_prescribed_is_not_driving_under_influence(seen: Seen) -> None:
    used = seen.people("sedatives", "occasional", "problematic", "waiting")
    prescribed = seen.in_states("sedatives", "medical_use")
    drivers = seen.lived * weights(seen.prepared.strata, age_min=18)
    most = (used - prescribed).sum() / drivers.sum()
    assert np.nanmean(seen.get("dui_30d", "sedatives")[:, :, NATION]) < most


# Public space


def test_index_by_hand() -> None:
    exposure = np.array([[[2.0, 0.0], [3.0, 1.0]]])
    found = harms.relative_to_first(exposure)
    assert_allclose(found[:, :, 0], [[1.0, 1.5]])
    assert np.isnan(found[:, :, 1]).all()


def test_nuisance_index_starts_at_one_and_counts_nitrous_oxide(seen: Seen) -> None:
    index = seen.get("nuisance_reports", "all")
    assert_allclose(index[:, 0], 1.0)
    whole, illegal = (seen.get("nuisance_exposure", u) for u in ("all", "any_illegal"))
    assert_allclose(whole, illegal + seen.get("nuisance_exposure", "nitrous_oxide"))
    assert np.isnan(seen.get("nuisance_reports", "any_gambling")).all()


def test_capsules_by_hand(seen: Seen) -> None:
    low, ratio, litter = (
        seen.scalar("nitrous_oxide", name)
        for name in ("capsules_occasional", "capsules_ratio", "capsule_litter_share")
    )
    people = seen.people("nitrous_oxide", "occasional")
    people = people + ratio * seen.people("nitrous_oxide", "problematic")
    # The price of the reference run does not move: amounts are those of 2010.
    assert_allclose(
        seen.get("nitrous_capsules_discarded", "nitrous_oxide"), seen.cells(people * low * litter)
    )


def test_all_attributable_years_are_never_less(seen: Seen) -> None:
    narrow, wide = seen.values["daly"], seen.values["daly_attributable"]
    tobacco = seen.names.index("tobacco")
    assert np.isnan(narrow[:, :, tobacco]).all()
    assert (wide[:, :, tobacco, NATION] > 0.0).all()
    both = ~np.isnan(narrow) & ~np.isnan(wide)
    assert both.any()
    assert (wide[both] >= narrow[both] * (1.0 - 1e-12)).all()
