"""Value of information against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from experiments.batch.factors import Factor
from experiments.robustness.value_of_information import Choice, Information, information
from model.errors import InputError
from tests.experiments.robustness.sampled_store import trend

Float = npt.NDArray[np.float64]


def told(value: Float, factors: list[Factor], points: Float, **groups: list[str]) -> Information:
    """Two or more policies; ``value`` (policy, point, draw)."""
    names = tuple(f"policy-{i}" for i in range(len(value)))
    return information(Choice(value, names, "persons"), factors, points, groups)


def test_two_policies_in_two_states_equal_the_value_worked_out_by_hand() -> None:
    """Good state (60%): 10 against 6; bad state (40%): 0 against 5.

    Best on average: 6 against 5.6. Knowing the state: 0.6 x 10 + 0.4 x 5 = 8, a gain of 2.
    """
    state = trend("state", kind="structure", values=("good", "bad"), high=2.0)
    bad = np.repeat([0.0, 1.0], [60, 40])
    idle = np.tile([0.0, 1.0], 50)
    value = np.stack([np.where(bad == 0, 10.0, 0.0), np.where(bad == 0, 6.0, 5.0)])[:, :, None]
    found = told(value, [state, trend("idle")], np.stack([bad, idle], axis=1))
    assert found.everything.value == pytest.approx(2.0)
    assert found.best == "policy-0"
    by_name = {one.name: one for one in found.values}
    assert by_name["state"].raw == pytest.approx(2.0, rel=1e-3)
    assert by_name["state"].value == pytest.approx(2.0, rel=0.05)
    assert by_name["state"].changes == 0.4
    assert by_name["state"].low <= 2.0 <= by_name["state"].high
    assert by_name["state"].told
    assert by_name["idle"].value == pytest.approx(0.0, abs=0.05)
    assert not by_name["idle"].told
    assert not found.above


def gaussian(points: int, draws: int, seed: int) -> Information:
    """Difference of two policies: 0.5 + 2 a + 1 b + noise of 1.5, all standard normal."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(points, 3))
    noise = 1.5 * random.normal(size=(points, draws))
    difference = 0.5 + 2.0 * x[:, :1] + x[:, 1:2] + noise
    difference += 0.5 - difference.mean()  # the mean is known, so that errors are of the method
    ends = {"low": -5.0, "high": 5.0}
    factors = [trend(name, **ends) for name in ("a", "b", "idle")]
    return told(np.stack([np.zeros_like(difference), difference]), factors, x, both=["a", "b"])


def expected(mean: float, sd: float) -> float:
    """E max(0, N(mean, sd)) less max(0, mean)."""
    density = math.exp(-0.5 * (mean / sd) ** 2) / math.sqrt(2.0 * math.pi)
    share = 0.5 * (1.0 + math.erf(mean / sd / math.sqrt(2.0)))
    return mean * share + sd * density - max(0.0, mean)


def test_the_gaussian_linear_case_lies_within_the_intervals() -> None:
    wanted = {
        "a": expected(0.5, 2.0),
        "b": expected(0.5, 1.0),
        "both": expected(0.5, math.sqrt(5.0)),
    }
    inside: dict[str, list[bool]] = {name: [] for name in (*wanted, "everything")}
    errors: dict[str, list[float]] = {name: [] for name in wanted}
    for seed in range(10):
        found = gaussian(800, 1, seed)
        for one in found.values:
            if one.name in wanted:
                inside[one.name].append(one.low <= wanted[one.name] <= one.high)
                errors[one.name].append(one.value / wanted[one.name] - 1.0)
                assert one.told
                assert one.value <= found.everything.high
        whole = expected(0.5, math.sqrt(5.0 + 2.25))
        inside["everything"].append(found.everything.low <= whole <= found.everything.high)
        assert not found.above
    assert min(np.mean(held) for held in inside.values()) >= 0.7, inside
    for name, ones in errors.items():
        assert abs(np.mean(ones)) < 0.02 + 2.0 * np.std(ones) / math.sqrt(len(ones)), name


def test_the_draw_has_the_value_that_the_factors_do_not() -> None:
    """The difference is that of the draw alone: -1 or +1.5; knowing it brings 0.5."""
    by_draw = np.tile([-1.0, 1.5], 10)
    value = np.stack([np.zeros((100, 20)), np.tile(by_draw, (100, 1))])
    x = np.random.default_rng(1).random((100, 1))
    found = told(value, [trend("a")], x)
    assert found.draw is not None
    assert found.draw.value == pytest.approx(0.5)
    assert found.everything.value == pytest.approx(0.5)
    assert found.values[0].value == pytest.approx(0.0)


def test_chance_alone_gives_the_draw_no_value() -> None:
    """Draws do nothing: their means over points differ by noise, which is no value."""
    named = []
    for seed in range(15):
        value = np.random.default_rng(seed).normal(size=(2, 60, 30))
        x = np.random.default_rng(1).random((60, 1))
        found = told(value, [trend("a")], x).draw
        assert found is not None
        assert found.raw > 0.02  # what it was before
        assert found.low <= found.value < found.raw <= found.high
        named.append(found.told)
    assert np.mean(named) <= 0.2


def test_what_never_changes_the_choice_has_no_value() -> None:
    x = np.random.default_rng(1).random((200, 1))
    found = told(np.stack([x, x + 1.0])[:, :, :1], [trend("a")], x)
    assert found.everything.value == found.values[0].value == 0.0
    assert not found.values[0].told


def test_missing_futures_are_left_out_of_every_policy() -> None:
    x = np.random.default_rng(1).random((200, 1))
    value = np.stack([x, 1.0 - x])
    value[0, 3, 0] = np.nan
    found = told(value, [trend("a")], x)
    assert found.left_out == 1
    assert found.everything.value == pytest.approx(0.25, abs=0.02)


def test_too_little_is_refused() -> None:
    x = np.random.default_rng(1).random((30, 1))
    with pytest.raises(InputError, match="too few points"):
        told(np.stack([x, 1.0 - x]), [trend("a")], x)
    with pytest.raises(InputError, match="two scenarios"):
        told(x[None], [trend("a")], x)
