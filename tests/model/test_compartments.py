"""The engine as a whole: people conserved, deaths and population as counted, runs repeatable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Output, Prepared, Result, State, prepare, simulate, start_state
from model.errors import InputError
from model.forcing import Change, Forcing
from model.parameters import Draws
from model.rates import build_rates
from model.strata import Strata, default_strata, load_population_table, persons_in_strata
from model.structure import build_structure
from tests.published.laboratory import projection

Float = npt.NDArray[np.float64]

MONTHS = 252
SEEDS = st.integers(0, 10_000)
# A seed has no simpler form: shrinking would only repeat whole projections.
FEW = settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
# Handles that outcomes read and the engine does not.
OBSERVED = (
    "transit_share",
    "seller_recruitment",
    "violence",
    "waste",
    "offence_response",
    "reoffending",
    "detention",
    "prison_availability",
    "linkage",
    "driving",
    "foi_hcv",
    "foi_hiv",
    "hcv_cure",
)


def _by_product(prepared: Prepared, values: Float) -> Float:
    """States summed within their product: (..., Z, S) to (..., P, S)."""
    starts = prepared.structure.wiring.state_start[:-1]
    return np.add.reduceat(values, starts, axis=-2)


def _use(prepared: Prepared, output: Output) -> Float:
    """Person-years in using states, (draws, years, P, S)."""
    using = prepared.structure.wiring.using == 1
    return _by_product(prepared, output.time * using[:, None])


def _change(
    prepared: Prepared, handle: str, products: tuple[str, ...], value: float, start: int = 0
) -> Forcing:
    """One handle at ``value`` from month ``start``, idle before, everywhere."""
    structure = prepared.structure
    values = np.full(MONTHS, structure.neutral[structure.handles.index(handle)])
    values[start:] = value
    everyone = np.ones(prepared.strata.size, dtype=np.bool_)
    change = Change(handle, products, values, everyone)
    return prepared.forcing([change])


def _random_forcing(prepared: Prepared, seed: int) -> Forcing:
    """A few levers on random products, times and strata."""
    rng = np.random.default_rng(seed)
    structure, strata = prepared.structure, prepared.strata
    changes = []
    for handle in rng.choice([h for h in structure.handles if h not in OBSERVED], 6):
        products = rng.choice(structure.products, 4, replace=False)
        mask = rng.random(strata.size) < 0.5
        scope = structure.scopes[structure.handles.index(handle)]
        if scope == "region":
            mask = strata.region == rng.integers(len(strata.regions))
        if scope == "nation":
            mask = np.ones(strata.size, dtype=bool)
        multiplier = np.exp(rng.normal(0.0, 1.0, MONTHS // 12)).repeat(12)
        changes.append(Change(str(handle), tuple(map(str, products)), multiplier, mask))
    return prepared.forcing(changes)


def _without_feedback(prepared: Prepared) -> Prepared:
    """Couplings between products, peers and reputation switched off."""
    rates = prepared.rates
    social = rates.social.copy()
    social[:, :, :3] = 0.0
    rates = rates._replace(coupling=np.zeros_like(rates.coupling), social=social)
    return replace(prepared, rates=rates)


@FEW
@given(SEEDS)
def test_persons_are_conserved_and_no_stock_is_negative(
    catalogue: Catalogue, coarse: Strata, seed: int
) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 1, seed))
    reference = simulate(prepared, None, 0, MONTHS)
    opening = start_state(prepared).with_reference(reference.state)
    scenario = simulate(prepared, _random_forcing(prepared, seed), 0, MONTHS, opening)
    for state in (opening, reference.state, scenario.state):
        assert state.stock.min() >= 0.0
        total = _by_product(prepared, state.stock)
        everyone = np.broadcast_to(state.population[:, None], total.shape)
        np.testing.assert_allclose(total, everyone, rtol=1e-9)
    for output in (reference.output, scenario.output):
        assert all(array.min() >= 0.0 for array in output)


@pytest.mark.long
@settings(max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(SEEDS)
def test_persons_are_conserved_in_all_strata(catalogue: Catalogue, seed: int) -> None:
    prepared = projection(catalogue, default_strata(), draw_priors(catalogue, 1, seed))
    reference = simulate(prepared, None, 0, MONTHS)
    opening = start_state(prepared).with_reference(reference.state)
    scenario = simulate(prepared, _random_forcing(prepared, seed), 0, MONTHS, opening)
    for state in (reference.state, scenario.state):
        assert state.stock.min() >= 0.0
        total = _by_product(prepared, state.stock)
        everyone = np.broadcast_to(state.population[:, None], total.shape)
        np.testing.assert_allclose(total, everyone, rtol=1e-9)


def _death_gap(prepared: Prepared, output: Output) -> Float:
    """Deaths over the death table times person-years, less one, (draws, years, S)."""
    # ``lived`` counts people at the start of each month; who dies lives half of the month.
    lived = output.lived - output.deaths / 24.0
    return np.asarray(output.deaths / (prepared.demography.death_rate * lived) - 1.0)


def _assert_as_counted(prepared: Prepared, output: Output) -> None:
    table, strata = load_population_table(), prepared.strata
    for year in range(21):
        counted = persons_in_strata(strata, table.persons[..., year], table.most_deprived)
        january = output.january[:, year]
        np.testing.assert_allclose(january, np.broadcast_to(counted, january.shape), rtol=1e-3)
    assert output.deaths.min() >= 0.0


def test_the_reference_run_has_the_counted_population_and_deaths(
    prepared: Prepared, reference: Result
) -> None:
    _assert_as_counted(prepared, reference.output)
    gap = np.abs(_death_gap(prepared, reference.output)).max()
    print(f"deaths against table x person-years: largest gap {gap:.1e}")
    assert gap < 1e-3
    assert reference.state.baseline.min() > 0.0


@pytest.fixture(scope="module")
def drawn_runs(catalogue: Catalogue, coarse: Strata) -> tuple[Prepared, Result]:
    """Reference runs of eight prior draws."""
    drawn = projection(catalogue, coarse, draw_priors(catalogue, 8, seed=5))
    return drawn, simulate(drawn, None, 0, MONTHS)


def test_drawn_runs_have_the_counted_population_and_deaths(
    drawn_runs: tuple[Prepared, Result],
) -> None:
    drawn, result = drawn_runs
    _assert_as_counted(drawn, result.output)
    gap = np.abs(_death_gap(drawn, result.output)).max()
    print(f"largest gap {gap:.1e}")
    assert gap < 1e-3
    assert result.state.baseline.min() > 0.0


def test_the_excess_of_a_product_is_ratio_less_one_times_the_deflated_table(
    prepared: Prepared,
) -> None:
    state = simulate(prepared, None, 0, 1).state
    rate = prepared.demography.death_rate[0] * state.deflator[0, 0]
    expected = _by_product(prepared, prepared.rates.excess[0] * state.time[0] * rate)
    overdosed = _by_product(prepared, _fatal(prepared) * state.time[0] * state.spared[0, 0])
    np.testing.assert_allclose(state.overdose_deaths[0], overdosed, rtol=1e-9)
    np.testing.assert_allclose(state.excess_deaths[0], expected + overdosed, rtol=1e-9)


def _fatal(prepared: Prepared) -> Float:
    """Deaths by overdose per person-year of each state in January 2010, (Z, 1)."""
    owner = prepared.structure.product_of_state
    rates = prepared.rates.overdose[0] * prepared.rates.terms.fatality[0, owner]
    return np.asarray(rates[:, None])


def test_the_deflator_is_the_mean_relative_risk_over_all_products(prepared: Prepared) -> None:
    opening = start_state(prepared)
    state = simulate(prepared, None, 0, 1).state
    raised = (prepared.rates.excess[0] * opening.stock[0]).sum(axis=0) / opening.population[0]
    overdosed = (_fatal(prepared) * opening.stock[0]).sum(axis=0) / opening.population[0]
    share = overdosed * state.spared[0, 0] / prepared.demography.death_rate[0]
    assert share.max() <= 0.5 * (1.0 + 1e-12)
    np.testing.assert_allclose(state.deflator[0, 0], (1.0 - share) / (1.0 + raised), rtol=1e-12)


@pytest.mark.parametrize("product", ["tobacco", "alcohol", "opioids"])
def test_a_life_saved_stays_saved(prepared: Prepared, reference: Result, product: str) -> None:
    start = 60
    half = simulate(prepared, None, 0, start).state.with_reference(reference.state)
    forcing = _change(prepared, "mortality", (product,), 0.5, start)
    saved = simulate(prepared, forcing, start, MONTHS, half)
    assert (saved.state.population >= reference.state.population * (1.0 - 1e-12)).all()
    assert saved.state.population.sum() > reference.state.population.sum()
    # Nobody else dies instead: the baseline is that of the reference run, and other products
    # take no more of the people than they did.
    np.testing.assert_array_equal(saved.state.baseline, reference.state.baseline)
    p = prepared.structure.products.index(product)
    now, before = (
        (run.output.excess_deaths[0, 5:] / run.output.lived[0, 5:, None]).sum(axis=2)
        for run in (saved, reference)
    )
    assert (now[:, p] < 0.75 * before[:, p]).all()
    others = np.arange(now.shape[1]) != p
    ratio = now[:, others] / np.maximum(before[:, others], 1e-30)
    print(f"{product}: largest rise in the others' death rates {ratio.max() - 1.0:.1e}")
    assert ratio.max() < 1.01


def test_without_migration_lives_saved_are_deaths_avoided(
    catalogue: Catalogue, coarse: Strata, median_draw: Draws
) -> None:
    world = projection(catalogue, coarse, median_draw)
    still = replace(world.demography, growth=np.ones_like(world.demography.growth))
    prepared = replace(world, demography=still)
    reference = simulate(prepared, None, 0, MONTHS)
    opening = start_state(prepared).with_reference(reference.state)
    forcing = _change(prepared, "mortality", ("tobacco",), 0.5, 60)
    saved = simulate(prepared, forcing, 0, MONTHS, opening)
    avoided = (reference.output.deaths - saved.output.deaths)[0].sum(axis=1)
    more = (saved.output.january - reference.output.january)[0].sum(axis=1)
    np.testing.assert_array_equal(more[:6], 0.0)
    np.testing.assert_allclose(np.diff(more), avoided, atol=1e-9 * 1e7)
    assert (avoided[5:10] > 0.0).all()


def _waits(prepared: Prepared, output: Output) -> Float:
    """Mean years of waiting by product and service, year and region."""
    structure, wiring = prepared.structure, prepared.structure.wiring
    regions = np.searchsorted(prepared.strata.region, np.arange(len(prepared.strata.regions)))
    found = []
    for z in np.flatnonzero(wiring.waiting_service >= 0):
        product = structure.products[structure.product_of_state[z]]
        name = structure.states[z].state
        group = "substitution_start" if name == "waiting_substitution" else "treatment_start"
        admitted = output.counted[0, :, structure.counters_of(group)[product]]
        listed = output.time[0, :, z]
        found.append(
            np.add.reduceat(listed, regions, axis=1) / np.add.reduceat(admitted, regions, axis=1)
        )
    return np.array(found)


@FEW
@given(SEEDS, st.floats(0.3, 2.0), st.floats(1.02, 3.0))
def test_more_capacity_never_lengthens_waiting(
    catalogue: Catalogue, coarse: Strata, seed: int, less: float, factor: float
) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 1, seed))
    opening = start_state(prepared)
    opening = opening.with_reference(simulate(prepared, None, 0, MONTHS).state)
    short, long = (
        _waits(
            prepared,
            simulate(
                prepared,
                _change(prepared, "capacity", prepared.structure.products, places, 24),
                0,
                MONTHS,
                opening,
            ).output,
        )
        for places in (less * factor, less)
    )
    worst = (short / long - 1.0).max()
    assert worst <= 1e-6, f"waiting is longer by {worst:.1e}"


@FEW
@given(SEEDS, st.floats(1.05, 3.0))
def test_a_higher_price_never_raises_own_use(
    catalogue: Catalogue, coarse: Strata, seed: int, price: float
) -> None:
    prepared = _without_feedback(projection(catalogue, coarse, draw_priors(catalogue, 1, seed)))
    reference = simulate(prepared, None, 0, MONTHS)
    opening = start_state(prepared).with_reference(reference.state)
    before = _use(prepared, reference.output)[0].sum(axis=2)
    for product in np.random.default_rng(seed).choice(prepared.structure.products, 5, False):
        p = prepared.structure.products.index(str(product))
        forcing = _change(prepared, "price", (str(product),), price, 24)
        dearer = simulate(prepared, forcing, 0, MONTHS, opening)
        change = _use(prepared, dearer.output)[0, :, p].sum(axis=1) / before[:, p] - 1.0
        assert change.max() <= 1e-9, f"{product} rises by {change.max():.1e}"


def test_halving_the_step_changes_2030_less_and_less(prepared: Prepared, reference: Result) -> None:
    structure = prepared.structure
    states = zip(structure.product_of_state, structure.states, strict=True)
    names = [(structure.products[p], row.state) for p, row in states] + list(structure.counters)
    found = []
    for steps in (1, 2, 4, 8):
        run = reference if steps == 1 else simulate(prepared, None, 0, MONTHS, steps=steps)
        people = run.output.time[0, -1].sum(axis=1)
        counted = run.output.counted[0, -1].sum(axis=1)
        found.append(np.concatenate([people, counted]))
    changes = np.abs(np.diff(found, axis=0) / found[-1])
    largest, middle = changes.max(axis=1), np.median(changes, axis=1)
    print("relative change in 2030 when the step is halved (1, 2, 4 a month to 2, 4, 8)")
    print("median:", middle, "ratios:", middle[:-1] / middle[1:])
    print("largest:", largest, "ratios:", largest[:-1] / largest[1:])
    print("largest in:", [names[int(i)] for i in changes.argmax(axis=1)])
    assert (middle[1:] < 0.7 * middle[:-1]).all()
    assert (largest[1:] < 0.7 * largest[:-1]).all()
    assert largest[0] < 0.05


def _equal(first: Result, second: Result) -> None:
    for a, b in zip(first.output, second.output, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(first.state[1:], second.state[1:], strict=True):
        assert a.tobytes() == b.tobytes()


def test_equal_runs_give_equal_bytes(prepared: Prepared, reference: Result) -> None:
    assert np.all(prepared.rates.trend[..., 3:] == 0.0)
    _equal(simulate(prepared, None, 0, MONTHS), reference)


def test_one_and_two_threads_give_equal_bytes(catalogue: Catalogue) -> None:
    drawn = projection(catalogue, default_strata(), draw_priors(catalogue, 3, seed=7))
    _equal(simulate(drawn, None, 0, 48, threads=1), simulate(drawn, None, 0, 48, threads=2))


def _first_of(catalogue: Catalogue, coarse: Strata, draws: int) -> Float:
    drawn = projection(catalogue, coarse, draw_priors(catalogue, draws, seed=7))
    first: Float = simulate(drawn, None, 0, 60).state.stock[0]
    return first


def test_a_draw_does_not_depend_on_the_draws_beside_it(
    catalogue: Catalogue, coarse: Strata
) -> None:
    one, three = (_first_of(catalogue, coarse, draws) for draws in (1, 3))
    np.testing.assert_allclose(one, three, rtol=1e-11)


def test_a_draw_has_the_same_bits_whatever_the_draws_beside_it(
    catalogue: Catalogue, coarse: Strata
) -> None:
    one, three = (_first_of(catalogue, coarse, draws) for draws in (1, 3))
    np.testing.assert_array_equal(one, three)


def _joined(first: Output, second: Output) -> Output:
    return Output(*(np.where(np.isnan(b), a, b) for a, b in zip(first, second, strict=True)))


@pytest.mark.parametrize("month", [1, 100, 168, 251])
def test_branching_equals_the_uninterrupted_run(
    prepared: Prepared, reference: Result, month: int
) -> None:
    before = simulate(prepared, None, 0, month)
    kept = before.state.copy()
    branch = before.state.with_reference(reference.state)
    after = simulate(prepared, None, month, MONTHS, branch)
    _equal(Result(_joined(before.output, after.output), after.state), reference)
    for now, then in zip(before.state[1:], kept[1:], strict=True):
        np.testing.assert_array_equal(now, then)  # a branch leaves its state as it was


@pytest.mark.parametrize("month", [1, 100, 168, 251])
def test_a_scenario_branch_equals_its_uninterrupted_run(
    catalogue: Catalogue, coarse: Strata, month: int
) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 1, seed=11))
    opening = start_state(prepared)
    opening = opening.with_reference(simulate(prepared, None, 0, MONTHS).state)
    forcing = _random_forcing(prepared, 3)
    whole = simulate(prepared, forcing, 0, MONTHS, opening)
    first = simulate(prepared, forcing, 0, month, opening)
    second = simulate(prepared, forcing, month, MONTHS, first.state)
    _equal(Result(_joined(first.output, second.output), second.state), whole)


def test_a_scenario_is_the_reference_until_it_starts(catalogue: Catalogue, coarse: Strata) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 1, seed=2))
    reference = simulate(prepared, None, 0, MONTHS)
    opening = start_state(prepared).with_reference(reference.state)
    for handle in prepared.structure.handles:
        # The shortest entry time shows only where it is longer than the wait for a place.
        value = 50.0 if handle == "entry_time" else 1.7
        forcing = _change(prepared, handle, prepared.structure.products, value, 120)
        run = simulate(prepared, forcing, 0, 132, opening)
        for now, before in zip(run.output, reference.output, strict=True):
            np.testing.assert_array_equal(now[:, :10], before[:, :10], err_msg=handle)
        same = np.array_equal(run.output.time[:, 10], reference.output.time[:, 10])
        assert same == (handle in OBSERVED), handle


def test_not_a_number_stops_with_draw_and_month(catalogue: Catalogue, coarse: Strata) -> None:
    prepared = projection(catalogue, coarse, draw_priors(catalogue, 3, seed=4))
    multiplier = prepared.multiplier.copy()
    multiplier[2, 3, 30] = np.nan
    with pytest.raises(FloatingPointError, match="draw 2, month 2012-07"):
        simulate(replace(prepared, multiplier=multiplier), None, 0, MONTHS, threads=2)
    base = prepared.rates.base.copy()
    base[1, 7, 5] = np.nan
    broken = replace(prepared, rates=prepared.rates._replace(base=base))
    with pytest.raises(FloatingPointError, match="draw 1, month 2010-01"):
        simulate(broken, None, 0, MONTHS)


def test_months_outside_the_run_are_refused(prepared: Prepared, reference: Result) -> None:
    state: State = reference.state
    for start, stop in ((-1, 12), (0, MONTHS + 1), (24, 12)):
        with pytest.raises(InputError) as refused:
            simulate(prepared, None, start, stop)
        assert refused.value.given == f"{start} to {stop}"
        assert refused.value.allowed == f"0 to {MONTHS}"
    with pytest.raises(InputError, match="another month") as other:
        simulate(prepared, None, 12, 24, state)
    assert other.value.allowed == str(MONTHS)
    with pytest.raises(InputError, match="starts in month 0"):
        simulate(prepared, None, 12, 24)


def test_rates_follow_the_strata_of_the_demography(catalogue: Catalogue, coarse: Strata) -> None:
    draws = draw_priors(catalogue, 2, seed=9)
    structure = build_structure(catalogue, draws)
    world = projection(catalogue, coarse, draws)
    again = prepare(
        structure,
        coarse,
        world.demography,
        build_rates(structure, coarse, world.demography.start, draws),
    )
    np.testing.assert_array_equal(world.rates.base, again.rates.base)
    assert again.draws == 2
