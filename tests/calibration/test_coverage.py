"""The study of coverage: masses that are uniform where they must be, and breaks that break."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import coverage as module
from calibration.blocks import load_blocks
from calibration.coverage import (
    CUT,
    DRIFT,
    JUMP_YEAR,
    LATENT,
    LATENT_YEARS,
    LEVELS,
    TRUTHS,
    UNKNOWN_BREAK,
    WITH_LOADS,
    Bench,
    Chunk,
    Quantity,
    chunks,
    covered,
    prepare_bench,
    read_quantities,
    refit,
    run_chunk,
    study,
    write_quantities,
)
from calibration.fit import Settings
from calibration.series import Group, Series
from model.population import load_demography
from model.rates import build_rates
from model.structure import build_structure
from model.trend import initiation_multiplier
from tests.calibration.fitted_blocks import tables

Float = npt.NDArray[np.float64]

TINY = Settings(draws=30, proposals=30, warmup=60, first=200, later=60, rounds=1, chains=4, thin=1)


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Amphetamine: surveys and loads, nothing upstream."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STUDY", TINY)
        catalogue, figures = tables()
        block = next(row for row in load_blocks() if row.block == "amphetamine")
        return prepare_bench(catalogue, figures, block, threads=1)


def world(bench: Bench, truth: str, seed: int = 5) -> Any:
    return module._world(bench, truth, np.random.default_rng(seed))


# What is counted


def test_the_share_covered_is_counted_from_the_middle() -> None:
    masses = np.array([0.0, 0.2, 0.25, 0.5, 0.75, 0.9, 1.0])
    assert covered(masses, 0.5) == pytest.approx(3 / 7)
    assert covered(masses, 0.8) == pytest.approx(5 / 7)
    assert covered(masses, 1.0) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_wider_intervals_cover_no_less(masses: list[float], one: float, other: float) -> None:
    given_masses = np.array(masses)
    narrow, wide = sorted((one, other))
    assert 0 <= covered(given_masses, narrow) <= covered(given_masses, wide) <= 1


def test_masses_of_a_conjugate_truth_are_uniform() -> None:
    # Truth z ~ N(0, 1), figure y = z + e: the posterior is N(y/2, 1/2), here by 100 of its draws.
    rng = np.random.default_rng(1)
    z = rng.standard_normal(4000)
    y = z + rng.standard_normal(4000)
    draws = y[:, None] / 2 + np.sqrt(0.5) * rng.standard_normal((4000, 100))
    masses = (draws < z[:, None]).mean(axis=1)
    for level in LEVELS:
        # Half a draw at each end is what 100 draws cannot tell.
        error = 4 * np.sqrt(level * (1 - level) / len(z)) + 0.01
        assert covered(masses, level) == pytest.approx(level, abs=error)
    # Too narrow by a third: this is what the study would see of a fit that is too sure.
    narrow = (y[:, None] / 2 + 0.5 * rng.standard_normal((4000, 100)) < z[:, None]).mean(axis=1)
    assert covered(narrow, 0.8) < 0.72


# Truths


def test_a_block_is_made_ready_with_its_latent_outputs(bench: Bench) -> None:
    latent = bench.names[bench.figures :]
    assert latent == tuple(f"amphetamine/{i}/{y}" for i in LATENT for y in LATENT_YEARS)
    assert len(bench.known) == len(bench.model.targets) == len(bench.names)
    years = np.array([target.last for target in bench.model.targets[: bench.figures]])
    np.testing.assert_array_equal(bench.known[: bench.figures], years <= CUT)
    assert not bench.known[bench.figures :].any()
    assert np.isfinite(bench.errors.observed).all()
    assert 10 < len(bench.model.inputs) < 100


def test_a_truth_from_the_prior_has_figures_around_it(bench: Bench) -> None:
    found = world(bench, "prior")
    again = world(bench, "prior")
    np.testing.assert_array_equal(found.observed, again.observed)
    figures = bench.figures
    worlds = [world(bench, "prior", seed) for seed in range(20)]
    gaps = np.array([one.observed - one.values[:figures] for one in worlds])
    scores = gaps / np.sqrt(np.diag(bench.errors.covariance()))
    assert np.abs(scores.mean(axis=0)).max() < 1.0
    assert 0.8 < scores.std() < 1.25


def test_initiation_doubles_at_the_knot(bench: Bench) -> None:
    model = bench.model
    scores = world(bench, "prior").scores[None]
    jumped = module._jumped(model, scores, np.zeros(1, dtype=np.int64))
    moved = [one.name for one, z in zip(model.inputs, (jumped - scores)[0], strict=True) if z != 0]
    assert moved == [f"amphetamine/innovation[{JUMP_YEAR}]"]
    years = np.array([2010.0, JUMP_YEAR, JUMP_YEAR + 1.0])
    multipliers = []
    for at in (scores, jumped):
        draws = model.draws(at, np.zeros(1, dtype=np.int64))
        structure = build_structure(model.catalogue, draws)
        start = load_demography(model.strata, last_year=2010).start
        rates = build_rates(structure, model.strata, start, draws)
        multipliers.append(initiation_multiplier(rates, years)[0, 0])
    ratio = multipliers[1] / multipliers[0]
    np.testing.assert_allclose(ratio[:2], [1.0, 2.0], rtol=1e-12)
    assert ratio[2] >= 2.0
    # The figures and the latent outputs follow; the scores stand for a world without the jump.
    usual, broken = world(bench, "prior"), world(bench, "initiation jump")
    np.testing.assert_array_equal(usual.scores, broken.scores)
    rise = (broken.values - usual.values)[bench.figures :]
    assert (rise > 0.02).all()


def test_a_drift_of_purity_moves_loads_alone(bench: Bench) -> None:
    moved = world(bench, "purity drift").observed - world(bench, "prior").observed
    years = np.array([target.last for target in bench.model.targets[: bench.figures]])
    loads = np.array([family == "wastewater" for family in bench.errors.family])
    assert loads.any()
    assert not loads.all()
    np.testing.assert_allclose(moved, np.where(loads, DRIFT * (years - 2011), 0.0), atol=1e-12)


def test_noisier_waves_break_the_survey_of_2013(bench: Bench) -> None:
    # With no noise in any wave the break alone is left.
    still = np.full((len(bench.errors.groups), 2), [-50.0, 0.0])
    quiet = replace(bench, errors=replace(bench.errors, tau=still))
    moved = world(quiet, "noisier waves").observed - world(quiet, "prior").observed
    years = np.array([target.last for target in bench.model.targets[: bench.figures]])
    survey = np.array([family == "health survey" for family in bench.errors.family])
    hit = survey & (years == 2013)
    assert hit.any()
    assert (years[~hit] == 2013).any()
    np.testing.assert_allclose(moved, np.where(hit, UNKNOWN_BREAK, 0.0), atol=1e-9)


# One set, and all of them


@pytest.mark.long
def test_one_set_places_every_truth(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STUDY", TINY)
    rng = np.random.default_rng(23)
    scores = rng.standard_normal((TINY.first, len(bench.model.inputs)))
    values = bench.model.values(scores, rng.integers(0, TINY.draws, TINY.first))
    rows = refit(bench, "prior", 2, (scores, values))
    kinds = [row.kind for row in rows]
    assert kinds.count("input") == len(bench.model.inputs)
    assert kinds.count("latent") == len(LATENT) * len(LATENT_YEARS)
    assert kinds.count("figure") == (~bench.known[: bench.figures]).sum()
    assert {(row.truth, row.number, row.block) for row in rows} == {("prior", 2, "amphetamine")}
    masses = np.array([row.mass for row in rows])
    assert ((masses >= 0) & (masses <= 1)).all()
    # Mostly inputs of which nothing is learnt: their masses are uniform even in so short a fit.
    assert 0.3 < covered(masses, 0.5) < 0.75
    assert covered(masses, 0.95) > 0.8


def test_sets_are_shared_out_in_chunks() -> None:
    found = chunks(["amphetamine", "tobacco"], per_block=6, per_broken=3)
    for block in ("amphetamine", "tobacco"):
        for truth in TRUTHS:
            numbers = [n for c in found if (c.block, c.truth) == (block, truth) for n in c.numbers]
            count = 6 if truth == "prior" else 3
            if truth == "purity drift" and block not in WITH_LOADS:
                count = 0
            assert numbers == list(range(count))
    assert max(len(chunk.numbers) for chunk in found) == 4


class _Pool:
    """Work done at once, in this process."""

    def __init__(self, processes: int, mp_context: object) -> None:
        self.jobs: list[Future[Any]] = []

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures

    def submit(self, task: Any, *given: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(task(*given))
        return done


def one_row(chunk: Chunk, number: int) -> list[Quantity]:
    kinds = ("input", "latent")
    return [
        Quantity(chunk.truth, number, chunk.block, kind, "x", number / 7, 1.01) for kind in kinds
    ]


def test_a_study_goes_on_where_it_was_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[tuple[str, str, int]] = []

    def run(_: object, __: object, chunk: Chunk, done: frozenset[int]) -> list[Quantity]:
        left = [number for number in chunk.numbers if number not in done]
        made.extend((chunk.block, chunk.truth, number) for number in left)
        return [row for number in left for row in one_row(chunk, number)]

    monkeypatch.setattr(module, "ProcessPoolExecutor", _Pool)
    monkeypatch.setattr(module, "run_chunk", run)
    catalogue, figures = tables()
    path = tmp_path / "study.csv"
    assert read_quantities(path) == []
    wanted = chunks(["tobacco", "cocaine"], per_block=5, per_broken=2)
    first = [chunk for chunk in wanted if chunk.truth != "prior"]
    study(catalogue, figures, first, path, 1)
    assert len(made) == 2 * (2 + 2) + 2
    made.clear()
    told: list[int] = []
    found = study(catalogue, figures, wanted, path, 1, told.append)
    assert {truth for _, truth, _ in made} == {"prior"}
    assert len(made) == 10
    assert sum(told) == sum(len(chunk.numbers) for chunk in wanted)
    rows = read_quantities(path)
    key = {(row.truth, row.block, row.number, row.kind) for row in found}
    assert {(row.truth, row.block, row.number, row.kind) for row in rows} == key
    assert len(rows) == len(found) == 2 * 20
    assert [(TRUTHS.index(r.truth), r.block, r.number) for r in rows] == sorted(
        (TRUTHS.index(r.truth), r.block, r.number) for r in rows
    )
    made.clear()
    before = path.read_bytes()
    study(catalogue, figures, wanted, path, 1)
    assert made == []
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [
        Quantity("purity drift", 3, "cocaine", "figure", "ww_cocaine_2016, Antwerp", 0.12345, 1.0),
        Quantity("prior", 11, "mdma", "input", "mdma/ever_start[,,,,]", 1.0, 1.25),
        Quantity("prior", 2, "mdma", "input", "history/pandemic/2020-03", 0.0, 1.25),
    ]
    path = tmp_path / "rows.csv"
    write_quantities(path, rows)
    assert read_quantities(path) == [rows[2], rows[1], rows[0]]


def test_sets_that_are_done_are_not_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> Bench:
        raise AssertionError("prepared in vain")

    monkeypatch.setattr(module, "prepare_bench", never)
    catalogue, figures = tables()
    chunk = Chunk("tobacco", "prior", (0, 1))
    assert run_chunk(catalogue, figures, chunk, frozenset({0, 1, 2})) == []


def test_latent_outputs_are_of_adults(bench: Bench) -> None:
    adults = Group("all", 15, 64, "Belgium")
    series = [target.series for target in bench.model.targets[bench.figures :]]
    assert set(series) == {Series("amphetamine", i, adults, "proportion") for i in LATENT}
