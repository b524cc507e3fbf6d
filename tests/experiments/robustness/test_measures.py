"""Measures of robustness against tables worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from experiments.robustness.aims import outcomes
from experiments.robustness.measures import Robustness, Rule, resamples, robustness

Float = npt.NDArray[np.float64]

# Deaths of three policies in four futures: less is better.
DEATHS = np.array([[10.0, 10.0, 10.0, 10.0], [4.0, 6.0, 8.0, 16.0], [9.0, 9.0, 11.0, 11.0]])
POLICIES = ("base", "bold", "careful")


def measured(
    table: Float,
    better: str = "down",
    threshold: float | None = None,
) -> Robustness:
    """Measures of a table (policy, future); every future is a point of its own."""
    labels = {"outcome": ["deaths"], "aim": ["fewer-harms"], "better": [better]}
    labels |= {"label": ["Deaths"], "unit": ["persons"]}
    thresholds = {} if threshold is None else {"deaths": threshold}
    return robustness(outcomes(table[:, :, None, None], POLICIES, labels), Rule("base", thresholds))


def column(found: Robustness, measure: str, what: str = "value") -> list[float]:
    rows = found.measures[found.measures["measure"] == measure]
    return [float(rows[rows["policy"] == policy][what].iloc[0]) for policy in POLICIES]


HAND = {
    # best in each future: 4, 6, 8, 10; regrets: 6 4 2 0 | 0 0 0 6 | 5 3 3 1
    "regret_max": ([6, 6, 5], [2, 2, 1]),
    "regret_p90": ([6, 6, 5], [2, 2, 1]),
    "regret_mean": ([3, 1.5, 3], [2, 1, 2]),
    "share_best": ([0.25, 0.75, 0], [2, 1, 3]),
    # against the baseline: 0 | -6 -4 -2 6 | -1 -1 1 1
    "baseline_max": ([0, 6, 1], [1, 3, 2]),
    "worst": ([10, 16, 11], [1, 3, 2]),
    "mean": ([10, 8.5, 10], [2, 1, 2]),
    # squares about 8.5: 20.25 + 6.25 + 0.25 + 56.25 = 83, over 3; about 10: 4, over 3
    "sd": ([0, math.sqrt(83 / 3), math.sqrt(4 / 3)], [math.nan] * 3),
    "mean_variance": ([10, 8.5 + math.sqrt(83 / 3), 10 + math.sqrt(4 / 3)], [1, 3, 2]),
    # medians (the lower of the two middle ones): 10, 6, 9; beyond them: 2 + 10, 2 + 2
    "undesired": ([0, 3, 1], [1, 3, 2]),
}


@pytest.mark.parametrize("measure", HAND)
def test_measures_and_ranks_equal_those_worked_out_by_hand(measure: str) -> None:
    found = measured(DEATHS)
    values, places = HAND[measure]
    assert column(found, measure) == pytest.approx(values)
    assert column(found, measure, "rank") == pytest.approx(places, nan_ok=True)


def test_satisficing_is_against_the_baseline_or_a_threshold() -> None:
    against = measured(DEATHS)
    assert column(against, "satisficing") == pytest.approx([math.nan, 0.75, 0.5], nan_ok=True)
    assert column(against, "satisficing", "rank") == pytest.approx([math.nan, 1, 2], nan_ok=True)
    by_number = measured(DEATHS, threshold=9.5)
    assert column(by_number, "satisficing") == [0.0, 0.75, 0.5]
    assert column(by_number, "satisficing", "rank") == [3, 1, 2]
    labels = {name: ["x"] for name in ("outcome", "aim", "label", "unit")} | {"better": ["down"]}
    today = Rule("base", reference=np.array([[9.5], [9.5], [12.0], [math.nan]]))
    found = robustness(outcomes(DEATHS[:, :, None, None], POLICIES, labels), today)
    assert column(found, "satisficing") == pytest.approx([1 / 3, 1, 1])
    assert found.left_out["left_out"].iloc[0] == 1


def test_better_by_rounding_is_a_tie() -> None:
    """The first seven digits are the same: neither better than the baseline, nor ahead of it."""
    table = np.stack([np.full(4, 1000.0), np.full(4, 1000.0 - 1e-4), np.full(4, 990.0)])
    found = measured(table)
    assert column(found, "satisficing") == pytest.approx([math.nan, 0.0, 1.0], nan_ok=True)
    assert column(found, "share_best") == [0.0, 0.0, 1.0]
    assert column(found, "mean", "rank") == [2, 2, 1]
    assert column(found, "mean", "tied") == [1, 1, 0]
    pair = measured(table[[0, 1, 1]])
    assert column(pair, "share_best") == [1.0, 1.0, 1.0]
    assert pair.dominated.empty
    labels = {name: ["x"] for name in ("outcome", "aim", "label", "unit")} | {"better": ["down"]}
    today = Rule("base", reference=np.full((4, 1), 1000.0))
    again = robustness(outcomes(table[:, :, None, None], POLICIES, labels), today)
    assert column(again, "satisficing") == [0.0, 0.0, 1.0]


def test_ranks_that_few_resamples_keep_are_marked() -> None:
    random = np.random.default_rng(3)
    first = 10.0 + random.normal(size=(1, 200))
    rival = first + random.normal(0.005, 1.0, (1, 200))
    found = measured(np.concatenate([first, rival, first - 5.0]))
    assert column(found, "mean", "tied") == [1, 1, 0]


def test_outcomes_of_which_more_is_better_mirror_those_of_which_less_is() -> None:
    down, up = measured(DEATHS), measured(-DEATHS, "up")
    pd.testing.assert_series_equal(down.measures["rank"], up.measures["rank"])
    assert column(up, "worst") == [-10, -16, -11]
    assert column(up, "mean_variance") == pytest.approx(
        [-one for one in column(down, "mean_variance")]
    )
    assert column(up, "regret_max") == column(down, "regret_max")
    assert column(measured(-DEATHS, "up", -9.5), "satisficing") == [0.0, 0.75, 0.5]


def test_a_planted_rank_reversal_is_flagged_and_no_other() -> None:
    found = measured(DEATHS).reversals.set_index(["policy", "other"])
    bold = found.loc[("base", "bold")]
    assert "worst" in bold["ahead_by"]
    assert "mean" in bold["behind_by"].split("; ")
    same_order = np.array([[10.0, 10, 10, 10], [8.0, 8, 8, 8], [6.0, 6, 6, 6]])
    assert measured(same_order).reversals.empty


def test_a_reversal_is_clear_only_when_resamples_keep_both_orders() -> None:
    random = np.random.default_rng(1)
    table = np.stack([np.full(400, 10.0), np.where(random.random(400) < 0.2, 20.0, 5.0)])
    table = np.concatenate([table, table[:1] + random.normal(0, 1e-3, (1, 400))])
    found = measured(table).reversals.set_index(["policy", "other"])
    assert found.loc[("base", "bold"), "clear"]
    # By a hair, and not firmly on both sides.
    assert ("base", "careful") not in found[found["clear"]].index


def test_dominated_in_every_future_is_told() -> None:
    table = DEATHS.copy()
    table[2] = table[0] + [0, 0, 0, 1]
    found = measured(table).dominated
    assert set(zip(found["outcome"], found["policy"], found["by"], strict=True)) == {
        ("deaths", "careful", "base"),
        ("all", "careful", "base"),
    }
    assert measured(DEATHS).dominated.empty


def test_a_future_without_a_value_is_left_out_for_all_policies_and_counted() -> None:
    table = np.concatenate([DEATHS, [[1.0], [99.0], [math.nan]]], axis=1)
    found = measured(table)
    assert column(found, "mean") == column(measured(DEATHS), "mean")
    assert found.left_out[["futures", "left_out"]].iloc[0].tolist() == [4, 1]


def test_intervals_hold_a_known_mean_as_often_as_they_say() -> None:
    """Crossed points and draws: 90% intervals of the mean hold it in 80% to 100% of 60 stores."""
    held = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        values = random.normal(size=(1, 40, 1)) + random.normal(size=(1, 1, 40))
        table = np.repeat(values, 3, axis=0)
        labels = {"outcome": ["x"], "aim": ["a"], "better": ["up"], "label": ["X"], "unit": [""]}
        found = robustness(outcomes(table[..., None], POLICIES, labels), Rule("base"), 60)
        row = found.measures[found.measures["measure"] == "mean"].iloc[0]
        held.append(row["low90"] <= 0.0 <= row["high90"])
    assert 0.8 <= np.mean(held) <= 1.0


def test_resampled_weights_draw_points_and_draws_apart() -> None:
    point, draw = np.repeat(np.arange(5), 3), np.tile(np.arange(3), 5)
    for weight in resamples(point, draw, 10):
        table = weight.reshape(5, 3)
        assert np.linalg.matrix_rank(table) == 1
        assert table.sum() == pytest.approx(15)
