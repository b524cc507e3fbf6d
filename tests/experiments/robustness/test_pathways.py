"""Adaptive pathways in a linear world whose tipping years and signpost are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from experiments.robustness.futures import GRID, Futures, check_futures_design
from experiments.robustness.pathways import (
    Aim,
    World,
    intervals,
    lasting_map,
    most_telling,
    read_world,
    resampled,
    tipping_points,
    tipping_table,
    transfers,
    trends_of,
    use_by_table,
)
from experiments.robustness.pathways_table import Asked, print_pathways
from experiments.robustness.signposts import PREDICTS, _halves, _interval, areas, signposts
from model.errors import InputError

YEARS = np.arange(2024, 2031)
POINTS, DRAWS = 160, 20
AIM = Aim("harm", "drug", 115.0)
PACKAGES = ("current-policy", "early", "steady")


def world_of(signal: float = 1.0, keep: slice = slice(None)) -> xr.Dataset:
    """A store: harm grows by 10 a year at F1 = 100 from 100 (current policy) or 90 (early).

    ``steady`` stays at 114 + F2 / 50: it misses 115 at once where F2 > 50, and lasts elsewhere.
    ``sign``: an indicator that shows F1 by ``signal``, with noise; ``noise`` shows nothing.
    """
    random = np.random.default_rng(5)
    sample = random.uniform(-100.0, 100.0, (POINTS, 3))
    grid = np.meshgrid(np.arange(DRAWS), np.arange(POINTS), np.arange(3), indexing="ij")
    draw, point, package = (one.ravel() for one in grid)
    slope, other = sample[point, 0] / 10.0, sample[point, 1]
    start = np.array([100.0, 90.0, 114.0])[package]
    growth = np.where(package == 2, 0.0, slope)[:, None] * (YEARS - 2024)
    harm = start[:, None] + growth + np.where(package == 2, other / 50.0, 0.0)[:, None]
    shape = (len(point), len(YEARS))
    sign = signal * sample[point, 0][:, None] + random.normal(0.0, 10.0, shape)
    noise = random.normal(0.0, 1.0, shape)
    values = np.concatenate([harm, sign, noise], axis=1)[:, keep]
    outputs = [(one, year) for one in ("harm", "sign", "noise") for year in YEARS][keep]
    count = len(outputs)
    return xr.Dataset(
        {"values": (("run", "output"), values.astype(np.float32))},
        {
            "scenario": ("run", np.array(PACKAGES)[package]),
            "point": ("run", point),
            "draw": ("run", draw),
            "seed": ("run", 0 * draw),
            "state": ("run", np.full(len(point), "done")),
            "indicator": ("output", np.array([one for one, _ in outputs])),
            "product": ("output", np.full(count, "drug")),
            "group": ("output", np.full(count, "Belgium")),
            "year": ("output", np.array([year for _, year in outputs])),
            "unit": ("output", np.full(count, "persons")),
            "factor": ("factor", np.array(["trend:F1", "trend:F2", "lever:1.1"])),
            "factor_kind": ("factor", np.array(["trend", "trend", "lever"])),
            "factor_label": ("factor", np.array(["F1 One", "F2 Two", "1.1 Lever"])),
            "factor_low": ("factor", np.full(3, -100.0)),
            "factor_high": ("factor", np.full(3, 100.0)),
            "sample": (("points", "factor"), sample),
        },
    )


def expected(world: World) -> np.ndarray:
    """First year above 115 by hand, in single precision as the store has it."""
    slope = world.sample[:, 0] / 10.0
    found = []
    for start in (100.0, 90.0):
        harm = (start + slope[:, None] * (YEARS[1:] - 2024)).astype(np.float32)
        over = harm > 115.0
        found.append(np.where(over.any(axis=1), YEARS[1:][over.argmax(axis=1)], np.inf))
    found.append(np.where(world.sample[:, 1] > 50.0, 2025.0, np.inf))
    return np.array(found)


def test_tipping_years_are_those_known() -> None:
    store = world_of()
    world = read_world(store, AIM)
    assert world.futures == POINTS * DRAWS
    assert world.dropped == 0
    found = tipping_points(world, AIM)
    assert np.array_equal(found.year, expected(world))
    table = tipping_table(found).set_index("package")
    lasts = np.isinf(expected(world)).mean(axis=1)
    assert table["lasts"].tolist() == pytest.approx(lasts.tolist())
    assert np.all(table["lasts_low90"] <= table["lasts"])
    assert np.all(table["lasts"] <= table["lasts_high90"])
    assert np.isinf(table.loc["early", "year"])  # lasts in more than half of futures
    assert table.loc["steady", "year_low90"] == 2025.0
    by = use_by_table(found)
    for name, share in zip(PACKAGES, lasts, strict=True):
        own = by[by["package"] == name]
        assert own["tipped"].iloc[-1] == pytest.approx(1.0 - share)
        assert own["tips"].sum() == pytest.approx(1.0 - share)
        assert own["year"].tolist() == list(range(2025, 2031))


def test_aims_relative_to_today_and_to_the_baseline() -> None:
    world = read_world(world_of(), AIM)
    today = tipping_points(world, Aim("harm", "drug", 1.15, relative="today"))
    assert np.array_equal(today.lasts, np.isinf(expected(world)))
    beside = tipping_points(world, Aim("harm", "drug", 0.95, relative="baseline"))
    assert np.all(beside.year[0] == 2025.0)  # never 5% below itself
    up = tipping_points(world, Aim("harm", "drug", 95.0, better="up", first=2026))
    falls = world.sample[:, 0] / 10.0 * 2.0 + 90.0 < 95.0  # from 2026 on, two years after the start
    assert np.array_equal(~up.lasts[1], falls)
    assert up.year.min() == 2026.0


def test_the_map_shows_who_lasts_where_and_ties() -> None:
    found = tipping_points(read_world(world_of(), AIM), AIM)
    assert trends_of(found.world) == (0, 1)
    assert set(most_telling(found)) == {0, 1}
    table = lasting_map(found, [0, 1], bins=2)
    calm = table[(table["high1"] <= 0.0) & (table["high2"] <= 0.0)]
    assert calm["lasts"].tolist() == [1.0, 1.0, 1.0]
    assert calm["tie"].all()
    assert calm["longest"].all()
    fast = table[(table["low1"] >= 0.0) & (table["high2"] <= 0.0)].set_index("package")
    assert fast["longest"].tolist() == [False, False, True]
    assert not fast["tie"].any()
    assert fast.loc["steady", "lasts"] == 1.0
    one = lasting_map(found, [1], bins=4).set_index(["package", "low1"])["lasts"]
    assert one["steady"].tolist() == [1.0, 1.0, 1.0, 0.0]


def test_who_takes_over() -> None:
    found = tipping_points(read_world(world_of(), AIM), AIM)
    table = transfers(found).set_index(["package", "then"])
    slope, other = found.world.sample[:, 0], found.world.sample[:, 1]
    tipped = found.year[0] <= 2030
    longer = (found.year[2] > found.year[0])[tipped].mean()
    row = table.loc[("current-policy", "steady")]
    assert row["share"] == pytest.approx(longer)
    assert row["to_the_end"] == pytest.approx((other <= 50.0)[tipped].mean())
    assert row["share_low90"] <= row["share"] <= row["share_high90"]
    # Where both fail, the steady one fails in 2025 and the early one later.
    assert ("steady", "early") in table.index
    assert ("early", "current-policy") not in table.index  # it never lasts longer
    assert ("current-policy", "") not in table.index  # the early one always lasts longer
    early = found.year[1] <= 2030
    nobody = (found.year[2] <= found.year[1])[early].mean()
    assert table.loc[("early", ""), "share"] == pytest.approx(nobody)
    assert np.ptp(slope) > 0.0


def test_the_known_signpost_is_found_early() -> None:
    store = world_of()
    found = tipping_points(read_world(store, AIM), AIM)
    table = signposts(found, store, delay=1)
    early = table[(table["package"] == "early") & (table["year"] == 2024)].iloc[0]
    assert early["verdict"] == "predicts"
    assert early["indicator"] == "sign"
    assert early["side"] == "high"
    assert early["auc"] > 0.9
    assert early["auc_low90"] <= early["auc"] <= early["auc_high90"] <= 1.0
    assert early["trigger"] == pytest.approx(41.7, abs=15.0)  # 25 more in 6 years: F1 > 41.7
    assert early["caught"] > 0.8
    assert early["false_alarms"] < 0.2
    assert early["lead"] >= 1.0
    assert early["candidates"] == 2  # in 2024 the harm of a package is the same in all futures


def test_without_a_signpost_it_says_so() -> None:
    store = world_of(signal=0.0)
    aim = Aim("harm", "drug", 115.0)
    table = signposts(tipping_points(read_world(store, aim), aim), store)
    early = table[table["package"] == "early"]
    assert "predicts" not in early["verdict"].tolist()
    assert early.iloc[0]["verdict"] == "nothing predicts"
    later = early[early["year"] == 2026].iloc[0]
    assert later["own_auc"] > 0.95  # the harm itself tells
    steady = table[table["package"] == "steady"]
    assert steady["verdict"].iloc[-1] == "too few futures"  # all that miss have missed


def test_what_is_known_too_late_is_no_signpost() -> None:
    store = world_of()
    found = tipping_points(read_world(store, AIM), AIM)
    table = signposts(found, store, delay=6)
    told = table[table["package"] == "early"]["verdict"].tolist()
    assert set(told) <= {"warns too late", "too few futures"}
    assert told[0] == "warns too late"
    later = tipping_points(found.world, Aim("harm", "drug", 115.0, first=2029))
    early = signposts(later, store).set_index(["package", "year"])
    assert early.loc[("early", 2024), "verdict"] == "predicts"  # before the aim holds
    assert early.loc[("early", 2024), "lead"] == 4.0


def test_areas_are_those_of_sklearn() -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(2)
    values = random.integers(0, 8, (60, 5)).astype(np.float64)  # with ties
    missed = random.random(60) < 0.4
    wanted = [roc_auc_score(missed, values[:, j]) for j in range(5)]
    assert areas(values, missed).tolist() == pytest.approx(wanted, abs=1e-12)


def test_failed_futures_are_left_out_and_counted() -> None:
    store = world_of()
    store["state"].values[3] = "failed"
    store["values"].values[3] = np.nan
    assert read_world(store, AIM).dropped == 1
    half = store.isel(run=slice(0, 7))
    assert read_world(half, AIM).futures == 1  # the second lacks its failed row, the third two
    empty = store.copy(deep=True)
    empty["state"].values[:] = "missing"
    with pytest.raises(InputError, match="no future has a value"):
        read_world(empty, AIM)


def test_shares_of_all_or_none_keep_an_interval() -> None:
    flags = np.stack([np.ones(40), np.zeros(40)], axis=1)[None]
    found = intervals(flags, resampled(np.arange(40) // 2))[0]
    assert found[0] == pytest.approx([1.0, 0.05 ** (1 / 20), 1.0])
    assert found[1] == pytest.approx([0.0, 0.0, 1.0 - 0.05 ** (1 / 20)])
    crossed = intervals(flags, resampled(np.arange(40) // 2, np.arange(40) % 2))[0]
    assert crossed[0, 1] == pytest.approx(0.05 ** (1 / 2))  # two draws vouch for little


def test_futures_of_a_point_are_drawn_together() -> None:
    weights = resampled(np.array([0, 0, 1, 1, 2])).weights
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert np.all(weights[:, [0, 2, 4]].sum(axis=1) == 3.0)
    assert len(np.unique(resampled(np.zeros(4, dtype=np.int64)).weights)) > 1
    nested = resampled(np.arange(6), np.array([4, 4, 7, 7, 9, 9])).weights  # a draw of each point
    assert np.array_equal(nested[:, 0], nested[:, 1])
    assert np.all(nested[:, ::2].sum(axis=1) == 3.0)


@pytest.mark.parametrize(("draws", "least", "most"), [(5, 0.6, 0.9), (20, 0.8, 1.0)])
def test_intervals_hold_a_share_where_all_points_share_draws(
    draws: int, least: float, most: float
) -> None:
    """Half of the spread is of draws: points alone gave 28% in place of 90%. With 5 draws: ~75%."""
    from scipy.stats import norm

    known = float(norm.sf(0.3 / np.sqrt(2.0)))
    point, draw = np.repeat(np.arange(100), draws), np.tile(np.arange(draws), 100)
    again, alone = resampled(point, draw), resampled(point)
    held = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        sums = random.normal(size=100)[point] + random.normal(size=draws)[draw]
        flags = (sums > 0.3).astype(np.float64)
        ends = [intervals(flags[None, :, None], one)[0, 0] for one in (again, alone)]
        held.append([low <= known <= high for _, low, high in ends])
    share = np.mean(held, axis=0)
    assert least <= share[0] <= most
    assert share[1] < share[0] - 0.2


def test_what_varies_by_draw_alone_is_no_signpost_by_luck() -> None:
    """50 indicators that have nothing to do with the aim, but are the same in all points."""
    draws = 20
    told: list[bool] = []
    alone: list[bool] = []
    point, draw = np.repeat(np.arange(100), draws), np.tile(np.arange(draws), 100)
    for seed in range(40):
        random = np.random.default_rng(seed)
        missed = random.normal(size=100)[point] + random.normal(size=draws)[draw] > 0.3
        unrelated = random.normal(size=(draws, 50))[draw]
        points_alone = (point < 50, point >= 50)
        for choose, judge, of, out in (
            (*_halves(point, draw), draw, told),
            (*points_alone, 0 * draw, alone),
        ):
            area = areas(unrelated[choose], missed[choose])
            best = int(np.abs(area - 0.5).argmax())
            values = np.sign(area[best] - 0.5) * unrelated[judge, best]
            low, _ = _interval(values, missed[judge], point[judge], of[judge])
            out.append(low > PREDICTS)
    assert np.mean(told) <= 0.1
    assert np.mean(alone) > 0.5  # the fault that this keeps out


def test_with_few_draws_no_signpost_is_judged() -> None:
    store = world_of()
    store = store.isel(run=np.flatnonzero(store["draw"].values < 5))
    found = tipping_points(read_world(store, AIM), AIM)
    assert set(signposts(found, store)["verdict"]) == {"not judged"}


def test_halves_share_no_point_and_no_draw() -> None:
    point, draw = np.repeat(np.arange(30), 20), np.tile(np.arange(20), 30)
    choose, judge = _halves(point, draw)
    for one in (point, draw):
        assert not set(one[choose]) & set(one[judge])
    assert choose.sum() == judge.sum() == 150
    choose, judge = _halves(np.arange(40), np.arange(40) // 2)  # each point has its draw
    assert not set((np.arange(40) // 2)[choose]) & set((np.arange(40) // 2)[judge])
    assert (choose ^ judge).all()


@pytest.mark.parametrize("method", ["sobol", "morris", "fast", "fractional-factorial"])
def test_points_of_a_sensitivity_method_are_no_futures(method: str) -> None:
    store = world_of().assign_attrs(design_method=method)
    with pytest.raises(InputError, match="placed for a sensitivity analysis") as refused:
        read_world(store, AIM)
    assert refused.value.given == method
    with pytest.raises(InputError, match="placed for a sensitivity analysis"):
        Futures(store)
    with pytest.raises(InputError, match="s3://somewhere"):
        check_futures_design(store.attrs, "s3://somewhere")
    for allowed in ("latin", "sobol-sequence", "grid", ""):
        assert read_world(store.assign_attrs(design_method=allowed), AIM).futures
    assert GRID in Futures(store.assign_attrs(design_method="grid")).about([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indicator": "harms"}, "the store lacks this"),
        ({"product": "wine"}, "the store lacks this"),
        ({"first": 2040}, "no such year"),
        ({"relative": "today", "baseline": "nothing"}, "the store lacks this"),
    ],
)
def test_wrong_questions_are_refused(change: dict[str, object], message: str) -> None:
    given = {"indicator": "harm", "product": "drug", "threshold": 115.0, **change}
    aim = Aim(**given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        tipping_points(read_world(world_of(), aim), aim)


def test_stores_that_have_no_pathways_are_refused() -> None:
    with pytest.raises(InputError, match="years in a row"):
        read_world(world_of(keep=slice(0, 1)), AIM)
    store = world_of().assign_coords(statistic=("run", np.full(POINTS * DRAWS * 3, "mean")))
    with pytest.raises(InputError, match="quantiles over draws"):
        read_world(store, AIM)


def test_tables_have_one_shape() -> None:
    found = tipping_points(read_world(world_of(), AIM), AIM)
    for table in (tipping_table(found), use_by_table(found), transfers(found)):
        assert isinstance(table, pd.DataFrame)
        assert len(table)


def test_the_command_prints_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: world_of())
    asked = Asked("store", "harm", "drug", 115.0, better="down", out=tmp_path / "tables")
    screen = Console(record=True, width=120)
    print_pathways(asked, screen)
    told = screen.export_text()
    assert "at most 115, from 2025 on" in told
    assert "sign of drug above" in told
    assert "after 2030" in told
    assert "No run switches" in told
    assert "tests, one for each package and year" in " ".join(told.split())
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "lasting-by-trend.csv",
        "lasting-by-two-trends.csv",
        "signposts.csv",
        "tipping-points.csv",
        "transfers.csv",
        "use-by.csv",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"better": None}, "which direction is better"),
        ({"bins": 1}, "bins"),
        ({"aim": float("nan")}, "no aim"),
        ({"delay": -1}, "not known early"),
    ],
)
def test_wrong_options_are_refused(
    change: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: world_of())
    given = {"store": "store", "indicator": "harm", "product": "drug", "aim": 115.0}
    asked = Asked(**{"better": "down", **given, **change})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        print_pathways(asked, Console(quiet=True))
