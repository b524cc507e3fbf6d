"""From plans to forcing: whom changes reach, and how effects combine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError
from model.forcing import Forcing, build_forcing
from model.handles import reading_products
from model.structure import NOBODY
from scenarios.compose import Run, compose
from scenarios.library import Library, read_scenario
from scenarios.schema import Plan, Settings
from scenarios.sizes import Deal
from tests.scenarios.conftest import MONTHS, Written
from tests.scenarios.made import START, driver, logs, measure, moved, with_drivers, with_measures

SHARE = f"{START}, effect: {{central: 0.6}}"


def planned(written: Written, run: Run, *changes: str) -> Plan:
    listed = "".join(f"\n  - {{{change}}}" for change in changes)
    text = f"id: a\ntitle: A\ndescription: A.\nchanges:{listed or ' []'}\n"
    return read_scenario(written(text), run.library).plan


def forced(plan: Plan, run: Run) -> Forcing:
    """The forcing of a plan alone, without history."""
    return build_forcing(run.structure, run.strata, MONTHS, compose(plan, run).changes)


def test_a_change_reaches_its_products_months_and_strata(written: Written, run: Run) -> None:
    plan = planned(
        written,
        run,
        "handle: initiation, products: [kind:behaviour], regions: [Brussels], ages: [10, 24], "
        "sexes: [male], from: 2024-03, to: 2025-02, multiplier: 0.5",
    )
    forcing, structure, strata = forced(plan, run), run.structure, run.strata
    handle = structure.handles.index("initiation")
    reached = {structure.products[p] for p in np.flatnonzero(forcing.series[handle] != NOBODY)}
    assert reached == {"gambling_offline", "gambling_online", "gaming"}
    assert (np.delete(forcing.series, handle, axis=0) == NOBODY).all()
    number = forcing.series[handle, structure.products.index("gaming")]
    values = forcing.values[0, number][:, forcing.cell]
    month = np.arange(MONTHS)
    when = (month >= 170) & (month < 182)
    who = (strata.region == 2) & (strata.sex == 0) & (strata.age_high <= 24)
    np.testing.assert_array_equal(values, np.where(when[:, None] & who, 0.5, 1.0))


def test_changes_multiply_where_they_meet(written: Written, run: Run) -> None:
    change = "handle: price, products: [alcohol, kind:legal], from: 2024-01, multiplier: 1.5"
    forcing = forced(planned(written, run, change, change), run)
    handle = run.structure.handles.index("price")
    number = forcing.series[handle, run.structure.products.index("alcohol")]
    assert forcing.values[0, number, -1].tolist() == [2.25] * forcing.values.shape[-1]


def test_no_change_is_the_reference(written: Written, run: Run) -> None:
    plan = planned(written, run)
    assert compose(plan, run).changes == ()
    forcing = forced(plan, run)
    assert (forcing.series == NOBODY).all()
    assert not forcing.active.any()


def test_everything_can_be_reached(written: Written, run: Run) -> None:
    change = "handle: mortality, products: all, ages: [null, null], from: 2024-01, multiplier: 0"
    forcing = forced(planned(written, run, change), run)
    reached = forcing.series[run.structure.handles.index("mortality")] != NOBODY
    assert reached.all()  # every product has a state with excess mortality
    assert (forcing.values[0, :, 168:] == 0.0).all()


@pytest.mark.parametrize(
    ("change", "message", "key", "given"),
    [
        ("handle: capacity, ages: [15, 24]", "whole regions", "ages", [15, 24]),
        ("handle: mortality, sexes: male", "whole regions", "sexes", ["male"]),
        ("handle: entry_time, deprivation: others", "whole regions", "deprivation", ["others"]),
        ("handle: excise, regions: Brussels", "the whole nation", "regions", ["Brussels"]),
        ("handle: excise, ages: [15, 24]", "the whole nation", "ages", [15, 24]),
        ("handle: violence, sexes: male", "the whole nation", "sexes", ["male"]),
        ("handle: initiation, ages: [30, 49]", "cut a band", "ages", [30, 49]),
        ("handle: initiation, ages: [0, 9]", "reach nobody", "ages", [0, 9]),
    ],
)
def test_strata_that_cannot_be_reached_are_refused_when_the_file_is_read(
    written: Written, run: Run, change: str, message: str, key: str, given: object
) -> None:
    good = "handle: price, from: 2024-01, multiplier: 2"
    with pytest.raises(InputError, match=message) as caught:
        planned(written, run, good, f"{change}, from: 2024-01, multiplier: 2")
    error = caught.value
    assert (error.line, error.key, error.given) == (6, key, given)
    assert error.allowed


@pytest.mark.parametrize(
    ("change", "given", "allowed"),
    [
        ("handle: medical_start, products: cannabis", "cannabis", "sedatives"),
        ("handle: medical_start, products: [sedatives, alcohol]", "alcohol", "sedatives"),
        ("handle: medical_start, products: [kind:illegal]", "kind:illegal", "sedatives"),
        ("handle: consumption, products: gaming", "gaming", "alcohol"),
        ("handle: transit_share, products: alcohol", "alcohol", "cocaine"),
        ("handle: excise, products: [tobacco, gaming]", "gaming", "alcohol"),
        ("handle: capacity, products: nitrous_oxide", "nitrous_oxide", "alcohol"),
    ],
)
def test_a_change_that_would_do_nothing_is_refused(
    written: Written, run: Run, change: str, given: str, allowed: str
) -> None:
    with pytest.raises(InputError, match="does nothing here") as caught:
        planned(written, run, f"{change}, from: 2024-01, multiplier: 2")
    error = caught.value
    assert (error.line, error.key, error.given) == (5, "products", given)
    listed = str(error.allowed).split(", ")
    assert allowed in listed
    assert given not in listed


def test_a_handle_on_whole_regions_may_choose_regions(written: Written, run: Run) -> None:
    change = "handle: capacity, regions: Brussels, ages: all, from: 2024-01, multiplier: 2"
    forcing = forced(planned(written, run, change), run)
    number = forcing.series[run.structure.handles.index("capacity"), 0]
    last = forcing.values[0, number, -1][forcing.cell]
    np.testing.assert_array_equal(last, np.where(run.strata.region == 2, 2.0, 1.0))


def test_all_and_kinds_mean_the_products_that_read_the_handle(written: Written, run: Run) -> None:
    cases = {
        ("excise", "all"): ["alcohol", "tobacco"],
        ("capacity", "kind:other"): ["performance_enhancers"],
        ("transit_share", "kind:other"): ["performance_enhancers"],
    }
    for (handle, named), wanted in cases.items():
        change = f"handle: {handle}, products: {named}, from: 2024-01, multiplier: 2"
        forcing = forced(planned(written, run, change), run)
        reached = forcing.series[run.structure.handles.index(handle)] != NOBODY
        assert [run.structure.products[p] for p in np.flatnonzero(reached)] == wanted


def test_every_handle_is_read_by_some_product(library: Library) -> None:
    for row in library.catalogue.handles:
        assert reading_products(library.catalogue, row.id), row.id


def test_levels_start_at_nothing_and_the_highest_counts(written: Written, run: Run) -> None:
    low = "handle: price_floor, products: alcohol, from: 2024-01, level: 0.3"
    high = "handle: price_floor, products: alcohol, from: 2025-01, to: 2025-12, level: 0.5"
    forcing = forced(planned(written, run, low, high), run)
    handle = run.structure.handles.index("price_floor")
    (path,) = forcing.nation(handle, run.structure.products.index("alcohol"))
    month = np.arange(MONTHS)
    wanted = np.where(month < 168, 0.0, np.where((month >= 180) & (month < 192), 0.5, 0.3))
    np.testing.assert_array_equal(path, wanted)
    (idle,) = forcing.nation(handle, run.structure.products.index("tobacco"))
    assert (idle == 0.0).all()


def test_changes_come_in_the_order_of_the_file(written: Written, run: Run) -> None:
    texts = (
        "handle: excise, products: tobacco, from: 2024-01, multiplier: 2",
        "handle: price_floor, products: alcohol, from: 2024-01, level: 0.4",
    )
    found = compose(planned(written, run, *texts), run).changes
    assert [change.handle for change in found] == ["excise", "price_floor"]
    for change, neutral, size in zip(found, (1.0, 0.0), (2.0, 0.4), strict=True):
        assert (change.values[:168] == neutral).all()
        assert (change.values[168:] == size).all()
        assert change.strata.all()


# How effects combine


def last_ratio(levers: dict[str, float], run: Run, settings: Settings | None = None) -> float:
    """The multiplier of starting with cannabis in the last month, the same everywhere."""
    found = logs(moved(levers, settings), run)[0, -1]
    assert np.ptp(found) == 0.0
    return float(np.exp(found[0]))


def twins(run: Run, folder: Path, count: int, effect: str = SHARE) -> Run:
    texts = [measure(f"m{i}", effect) for i in range(count)]
    return replace(run, library=with_measures(run.library, folder, *texts))


def test_one_measure_alone_keeps_its_effect(run: Run, tmp_path: Path) -> None:
    here = twins(run, tmp_path, 2)
    for s in (0.3, 0.7, 1.0):
        assert last_ratio({"m0": 100}, here, Settings(subadditivity=s)) == pytest.approx(0.6)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("s", [0.5, 0.7, 1.0])
def test_equal_measures_add_up_to_less_than_their_sum(
    run: Run, tmp_path: Path, count: int, s: float
) -> None:
    here, settings = twins(run, tmp_path, count), Settings(subadditivity=s, floor=0.01)
    levers = {f"m{i}": 100.0 for i in range(count)}
    assert last_ratio(levers, here, settings) == pytest.approx(0.6 ** (count**s))


def test_with_exponent_1_effects_multiply(run: Run, tmp_path: Path) -> None:
    texts = [
        measure(name, f"{START}, effect: {{central: {size}}}")
        for name, size in (("a", 0.6), ("b", 0.9), ("c", 1.3))
    ]
    here = replace(run, library=with_measures(run.library, tmp_path, *texts))
    plain = Settings(subadditivity=1.0)
    levers = {"a": 100.0, "b": 100.0, "c": 100.0}
    assert last_ratio(levers, here, plain) == pytest.approx(0.6 * 0.9 * 1.3)
    # Below 1 the sum shrinks, by the same share whatever the directions.
    sizes, s = np.log([0.6, 0.9, 1.3]), 0.7
    share = (np.abs(sizes) ** (1 / s)).sum() ** s / np.abs(sizes).sum()
    assert last_ratio(levers, here) == pytest.approx(np.exp(share * sizes.sum()))


def test_what_is_supplied_adds_up_plainly(run: Run, tmp_path: Path) -> None:
    effect = "handle: capacity, products: [opioids], form: dose, effect: {central: 1.2}"
    here = twins(run, tmp_path, 3, effect)
    found = logs(moved({f"m{i}": 100.0 for i in range(3)}), here, "capacity", "opioids")
    np.testing.assert_allclose(np.exp(found[0, -1]), 1.2**3)


def test_the_floor_holds_both_ways(run: Run, tmp_path: Path) -> None:
    levers = {f"m{i}": 100.0 for i in range(6)}
    for effect, wanted in (("0.3", 0.2), ("3", 5.0)):
        here = twins(run, tmp_path, 6, f"{START}, effect: {{central: {effect}}}")
        assert last_ratio(levers, here, Settings(floor=0.2)) == pytest.approx(wanted)


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_levers_does_not_matter(
    run: Run, tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    sizes = {"a": 0.5, "b": 0.8, "c": 1.4, "d": 0.9}
    texts = [measure(k, f"{START}, effect: {{central: {size}}}") for k, size in sizes.items()]
    own = with_measures(run.library, tmp_path_factory.getbasetemp(), *texts)
    here = replace(run, library=own)
    straight = last_ratio(dict.fromkeys(sizes, 70.0), here)
    assert last_ratio(dict.fromkeys(order, 70.0), here) == pytest.approx(straight, rel=1e-12)


def test_measures_meet_only_where_they_reach_the_same_people(run: Run, tmp_path: Path) -> None:
    young = measure("young", f"{SHARE}, ages: [15, 24]")
    men = measure("men", f"{SHARE}, sexes: [male]")
    here = replace(run, library=with_measures(run.library, tmp_path, young, men))
    found = logs(moved({"young": 100, "men": 100}), here)[0, -1] / np.log(0.6)
    strata = run.strata
    age = (strata.age_low >= 15) & (strata.age_high <= 24)
    sex = strata.sex == strata.sexes.index("male")
    np.testing.assert_allclose(found, np.where(age & sex, 2**0.7, np.where(age | sex, 1.0, 0.0)))


def test_trends_multiply_with_measures_and_changes(
    written: Written, run: Run, tmp_path: Path
) -> None:
    own = with_measures(run.library, tmp_path, measure("m", SHARE))
    own = with_drivers(
        own, tmp_path, driver("F1.1", f"{START}, low: 1, central: 1.5, high: 2, plus: high")
    )
    change = "handle: initiation, products: cannabis, from: 2024-01, multiplier: 0.9"
    plan = replace(planned(written, run, change), levers={"m": 100.0}, trends={"F1": 100.0})
    found = logs(plan, replace(run, library=own))[0, -1]
    np.testing.assert_allclose(np.exp(found), 0.6 * 2.0 * 0.9)


def test_position_0_of_everything_is_current_policy(library: Library, run: Run) -> None:
    plan = Plan(dict.fromkeys(library.measures, 0.0), dict.fromkeys(library.trends, 0.0))
    assert plan.idle
    assert compose(plan, run).changes == ()


def test_parts_of_the_draws_are_those_of_the_whole(library: Library, run: Run) -> None:
    levers = dict.fromkeys(library.members("SD1"), 80.0)
    plan = Plan(levers, {"F4": 50.0}, central_trends=True)
    whole, left, right = (replace(run, deal=Deal.of(*of, 1)) for of in ((0, 4), (0, 2), (2, 2)))
    # An event that happens in none of a part's draws leaves no change there, so sums are compared.
    for handle, product in (
        ("initiation", "tobacco"),
        ("overdose", "opioids"),
        ("price", "alcohol"),
    ):
        parts = [logs(plan, here, handle, product)[:, ::6] for here in (left, right)]
        wanted = logs(plan, whole, handle, product)[:, ::6]
        assert wanted.any()
        np.testing.assert_array_equal(np.concatenate(parts), wanted)


def test_nothing_moves_before_the_branch(library: Library, run: Run) -> None:
    levers = dict.fromkeys(library.measures, 100.0)
    plan = Plan(levers, dict.fromkeys(library.trends, 100.0), central_trends=True)
    later = replace(run, branch=204, deal=Deal.of(0, 3, 1))
    for change in compose(plan, later).changes:
        neutral = run.structure.neutral[run.structure.handles.index(change.handle)]
        assert (np.atleast_2d(change.values)[:, :204] == neutral).all()


def test_rules_take_up_measures_where_they_stand(library: Library, run: Run) -> None:
    (rule,) = compose(Plan({}, {}, rules=("cocaine-loads",)), run).rules
    entry = library.rules["cocaine-loads"].entry
    assert float(rule.delay[0]) == entry.delay
    assert float(rule.interval[0]) == entry.interval
    assert rule.changes
    already = dict.fromkeys(entry.then, 100.0)
    (idle,) = compose(Plan(already, {}, rules=("cocaine-loads",)), run).rules
    assert idle.changes == ()


def test_rules_decide_sooner_and_know_earlier_through_policy(library: Library, run: Run) -> None:
    levers = dict.fromkeys(library.members("SD5"), 100.0)
    (rule,) = compose(Plan(levers, {}, rules=("treatment-demand",)), run).rules
    entry = library.rules["treatment-demand"].entry
    assert (rule.delay < entry.delay).all()
    assert (rule.interval < entry.interval).all()
    assert (rule.interval >= 1.0).all()


@given(st.floats(0.001, 1000), st.floats(-100, 100), st.sampled_from(["share", "dose"]))
def test_whatever_a_file_may_say_the_engine_can_take(
    run: Run,
    tmp_path_factory: pytest.TempPathFactory,
    size: float,
    position: float,
    form: str,
) -> None:
    # The logarithm of the price is taken, so that it must never come near 0.
    effect = f"handle: price, products: [tobacco], form: {form}, effect: {{central: {size:.4f}}}"
    policy = "handle: effect_fidelity, form: dose, effect: {central: 1000}"
    texts = [measure(name, effect, fidelity="true") for name in ("a", "b")]
    texts.append(measure("policy", policy))
    own = with_measures(run.library, tmp_path_factory.getbasetemp(), *texts)
    plan = moved({"a": position, "b": position, "policy": 100.0}, Settings(floor=0.01))
    forcing = forced(plan, replace(run, library=own))
    assert np.isfinite(forcing.values).all()
    assert (forcing.values >= 0.01 - 1e-12).all()
