"""What measures come to: each form by hand, timing, reach, and what policy does to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.compose import Run
from scenarios.library import Library
from scenarios.measures import Acting, acting_measures, policy_of
from scenarios.schema import Plan
from scenarios.sizes import Deal
from tests.scenarios.conftest import BRANCH, MONTHS
from tests.scenarios.made import START, Float, driver, logs, measure, with_drivers, with_measures

MIDDLE = Deal.of(0, 1, 1, central=True)
SHARE = f"{START}, effect: {{central: 0.6}}"


def effects(library: Library, levers: dict[str, float], deal: Deal = MIDDLE) -> list[Acting]:
    span, scopes = (BRANCH, MONTHS), library.known.scopes
    policy = policy_of(levers, library.measures, [], deal, span)
    return list(acting_measures(levers, library.measures, policy, scopes, BRANCH))


def alone(
    library: Library, folder: Path, effect: str, position: float = 100.0, **more: str
) -> Float:
    """Values (months,) of one measure with one effect, the middle of every range."""
    own = with_measures(library, folder, measure("m", effect, **more))
    (one,) = effects(own, {"m": position})
    return np.asarray(one.values[0])


COVERED = "coverage: {central: 0.4}"
POINTS = f"{START}, form: points, points: {{0: 1.0, 25: 0.97, 50: 0.93, 100: 0.9}}"
FORMS = [
    (SHARE, 100, 0.6),
    (SHARE, 50, 0.8),
    (SHARE, -50, 1.2),
    (f"{SHARE}, {COVERED}", 100, 0.84),
    (f"{SHARE}, {COVERED}", 50, 0.92),
    (f"{START}, effect: {{central: 1.5}}, form: dose", 100, 1.5),
    (f"{START}, effect: {{central: 1.5}}, form: dose", -50, 1.5**-0.5),
    (f"{START}, effect: {{central: 1.5}}, form: dose, {COVERED}", 50, 1.5**0.2),
    (POINTS, 25, 0.97),
    (POINTS, 60, 0.924),
    (POINTS, 100, 0.9),
    (POINTS, -100, 1.1),
    (f"{POINTS}, {COVERED}", 100, 0.96),
]


@pytest.mark.parametrize(("effect", "position", "ratio"), FORMS)
def test_each_form_by_hand(
    library: Library, tmp_path: Path, effect: str, position: float, ratio: float
) -> None:
    values = alone(library, tmp_path, effect, position)
    np.testing.assert_array_equal(values[:BRANCH], 0.0)
    np.testing.assert_allclose(np.exp(values[BRANCH:]), ratio)


def test_a_level_is_a_share_of_its_size(library: Library, tmp_path: Path) -> None:
    effect = "handle: price_floor, products: [alcohol], form: level, effect: {central: 0.5}"
    for position, level in ((100, 0.5), (40, 0.2), (-40, 0.0)):
        values = alone(library, tmp_path, effect, position)
        np.testing.assert_allclose(values[BRANCH:], level)
        assert (values[:BRANCH] == 0.0).all()


def test_odds_count_as_hazards(library: Library, tmp_path: Path) -> None:
    effect = f"{START}, effect: {{central: 0.5}}, as: odds_ratio, "
    effect += "baseline: {value: 0.3, source: assumed}"
    hazard = np.log(14 / 17) / np.log(0.7)
    np.testing.assert_allclose(np.exp(alone(library, tmp_path, effect)[-1]), hazard)
    half = np.exp(alone(library, tmp_path, effect, 50)[-1])
    np.testing.assert_allclose(half, 1 + 0.5 * (hazard - 1))  # a share of people, not of odds


def test_lag_ramp_and_fading_by_hand(library: Library, tmp_path: Path) -> None:
    timing = "{start: 2025-01, lag: 0.5, ramp: 1, fades: 0.2}"
    share = 1.0 - np.exp(alone(library, tmp_path, SHARE, timing=timing))
    first = 180 + 6  # January 2025 and half a year
    assert (share[:first] == 0.0).all()
    np.testing.assert_allclose(share[first + 6], 0.4 * 6.5 / 12)
    # Once all is there, a fifth is lost each year.
    np.testing.assert_allclose(share[first + 24], 0.4 * 0.8)
    np.testing.assert_allclose(share[first + 30], 0.4 * 0.8**1.5)


def test_a_measure_that_began_before_the_branch_begins_there(
    library: Library, tmp_path: Path
) -> None:
    values = alone(library, tmp_path, SHARE, timing="{start: 2020-01}")
    assert (values[:BRANCH] == 0.0).all()
    assert (values[BRANCH:] < 0.0).all()


def test_an_effect_may_fade_by_its_own_rate(library: Library, tmp_path: Path) -> None:
    values = alone(library, tmp_path, f"{SHARE}, fades: 0.5", timing="{start: 2024-01, fades: 0.1}")
    np.testing.assert_allclose(np.exp(values[BRANCH + 12]), 1 - 0.4 * 0.5)


def test_reach_differs_by_deprivation(library: Library, run: Run, tmp_path: Path) -> None:
    reach = "{most_deprived: 0.5, others: 1.2}"
    own = with_measures(library, tmp_path, measure("m", f"{SHARE}, {COVERED}", reach=reach))
    by_group = {one.group: np.exp(one.values[0, -1]) for one in effects(own, {"m": 100})}
    assert by_group == pytest.approx(
        {"most_deprived": 1 - 0.4 * 0.4 * 0.5, "others": 1 - 0.4 * 0.4 * 1.2}
    )
    last = logs(Plan({"m": 100.0}, {}), replace(run, library=own))[0, -1]
    strata = run.strata
    poor = strata.deprivation == strata.deprivations.index("most_deprived")
    np.testing.assert_allclose(np.exp(last), np.where(poor, 0.92, 0.808))


def test_handles_of_regions_take_the_mean_of_both_groups(library: Library, tmp_path: Path) -> None:
    reach = "{most_deprived: 0.5, others: 1.1}"
    effect = "handle: price, products: [alcohol], effect: {central: 1.5}"
    own = with_measures(library, tmp_path, measure("m", f"{effect}, {COVERED}", reach=reach))
    (one,) = effects(own, {"m": 100})
    assert one.group is None
    np.testing.assert_allclose(np.exp(one.values[0, -1]), 1 + 0.5 * 0.4 * (0.5 / 3 + 2.2 / 3))


POLICY = [
    ("effect_fidelity", "fidelity: true", {"m"}),
    ("coherence", "joint: true", {"m"}),
    ("effect_fidelity", "joint: true", set()),
    ("coherence", "fidelity: true", set()),
]


@pytest.mark.parametrize(("handle", "kind", "moved"), POLICY)
def test_fidelity_and_coherence_multiply_coverage(
    library: Library, tmp_path: Path, handle: str, kind: str, moved: set[str]
) -> None:
    key, value = kind.split(": ")
    m = measure("m", f"{SHARE}, {COVERED}", **{key: value})
    policy = measure("policy", f"handle: {handle}, form: dose, effect: {{central: 1.5}}")
    own = with_measures(library, tmp_path, m, policy)
    for position in (100.0, 50.0):
        (one,) = effects(own, {"m": 100, "policy": position})
        more = 1.5 ** (position / 100) if moved else 1.0
        np.testing.assert_allclose(np.exp(one.values[0, -1]), 1 - 0.4 * 0.4 * more)


def test_how_well_people_work_makes_no_places(library: Library, tmp_path: Path) -> None:
    effect = "handle: capacity, products: [opioids], effect: {central: 1.5}"
    m = measure("m", effect, fidelity="true", joint="true")
    for handle, ratio in (("effect_fidelity", 1.5), ("coherence", 1.6)):
        policy = measure("policy", f"handle: {handle}, form: dose, effect: {{central: 1.2}}")
        own = with_measures(library, tmp_path, m, policy)
        (one,) = effects(own, {"m": 100, "policy": 100})
        np.testing.assert_allclose(np.exp(one.values[0, -1]), ratio)


def test_a_measure_is_stronger_or_weaker_as_a_whole(library: Library, tmp_path: Path) -> None:
    down = f"{START}, effect: {{central: 0.8, low: 0.5, high: 0.9}}"
    up = "{handle: cessation, products: [cannabis], effect: {central: 1.5, low: 1.2, high: 2.0}}"
    text = measure("m", down) + f"          - {up}\n"
    own = with_measures(library, tmp_path, text)
    fewer, more = (one.values[:, -1] for one in effects(own, {"m": 100}, Deal.of(0, 200, 1)))
    np.testing.assert_array_equal(np.argsort(fewer), np.argsort(-more))


def test_no_policy_reaches_more_people_than_there_are(library: Library, tmp_path: Path) -> None:
    m = measure("m", f"{SHARE}, coverage: {{central: 0.9}}", fidelity="true")
    policy = measure("policy", "handle: effect_fidelity, form: dose, effect: {central: 4}")
    own = with_measures(library, tmp_path, m, policy)
    (one,) = effects(own, {"m": 100, "policy": 100})
    np.testing.assert_allclose(np.exp(one.values[0, -1]), 0.6)


def test_lag_multiplies_the_lag_of_the_selected_measures(library: Library, tmp_path: Path) -> None:
    timing = "{start: 2024-01, lag: 2}"
    m, other = (measure(name, SHARE, timing=timing) for name in ("m", "other"))
    policy = measure("policy", "handle: lag, measures: [m], form: dose, effect: {central: 0.5}")
    own = with_measures(library, tmp_path, m, other, policy)
    one, two = effects(own, {"m": 100, "other": 100, "policy": 100})
    assert np.flatnonzero(one.values[0])[0] == BRANCH + 12
    assert np.flatnonzero(two.values[0])[0] == BRANCH + 24


def test_a_quicker_start_helps_only_what_is_still_to_come(library: Library, tmp_path: Path) -> None:
    m = measure("m", SHARE, timing="{start: 2024-01, lag: 2}")
    effect = "handle: lag, form: dose, effect: {central: 0.5}"
    for lag, months in ((1, 18), (3, 24)):
        policy = measure("policy", effect, timing=f"{{start: 2024-01, lag: {lag}}}")
        own = with_measures(library, tmp_path, m, policy)
        (one,) = effects(own, {"m": 100, "policy": 100})
        assert np.flatnonzero(one.values[0])[0] == BRANCH + months


def test_trends_act_on_measures_through_policy(library: Library, run: Run, tmp_path: Path) -> None:
    m = measure("m", SHARE, timing="{start: 2024-01, lag: 2}")
    own = with_measures(library, tmp_path, m)
    slow = driver("F1.1", "handle: lag, low: 1.0, central: 1.2, high: 2.0, plus: high")
    own = with_drivers(own, tmp_path, slow)
    here = replace(run, library=own)
    for position, months in ((0.0, 24), (100.0, 48)):
        found = logs(Plan({"m": 100.0}, {"F1": position}), here)
        assert np.flatnonzero(found[0, :, 0])[0] == BRANCH + months


def test_position_0_is_no_change(library: Library) -> None:
    assert effects(library, dict.fromkeys(library.measures, 0.0)) == []


def test_all_shipped_measures_act_from_their_start_on(library: Library) -> None:
    for name, one in library.measures.items():
        own = [e for e in one.entry.effects if e.handle in library.known.handles]
        found = effects(library, {name: 100.0}, Deal.of(0, 20, 1))
        assert (len(found) > 0) == (len(own) > 0), name
        for part in found:
            assert np.isfinite(part.values).all(), name
            assert (part.values[:, :180] == 0.0).all(), name  # none begins before 2025


def test_parts_of_the_draws_are_those_of_the_whole(library: Library) -> None:
    levers = dict.fromkeys(library.measures, 60.0)
    whole = effects(library, levers, Deal.of(0, 4, 1))
    parts = [effects(library, levers, Deal.of(first, 2, 1)) for first in (0, 2)]
    for one, left, right in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate([left.values, right.values]), one.values)


POSITIONS = st.tuples(st.floats(-100, 100), st.floats(-100, 100))


@given(POSITIONS, st.floats(0.01, 5), st.floats(0.01, 1))
def test_a_higher_position_never_does_less(
    library: Library,
    tmp_path_factory: pytest.TempPathFactory,
    positions: tuple[float, float],
    ratio: float,
    covered: float,
) -> None:
    low, high = sorted(positions)
    for form in ("share", "dose"):
        effect = f"{START}, form: {form}, effect: {{central: {ratio:.6f}}}, "
        effect += f"coverage: {{central: {covered:.6f}}}"
        own = with_measures(library, tmp_path_factory.getbasetemp(), measure("m", effect))
        size = []
        for position in (low, high):
            found = effects(own, {"m": position})
            size.append(found[0].values[0, -1] if found else 0.0)
        assert (size[1] - size[0]) * np.sign(ratio - 1.0) >= -1e-12
        assert all(abs(np.log(0.01)) + 1e-9 >= abs(one) for one in size)
