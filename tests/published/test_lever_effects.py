"""Measures alone, as their studies had them: the model's effects beside the published ones.

At the median of every prior, which no fit moves. The page docs/levers-effects.md is of the
posterior.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from calibration.priors import draw_priors
from experiments.checks.lever_effects import (
    Asked,
    Found,
    all_effects,
    effects,
    indicator,
    parts,
    trial,
    trial_bench,
)
from experiments.checks.lever_effects_table import OUTSIDE, csv_text, page
from experiments.commands import effects as effects_command
from experiments.runs.parts import Bench
from experiments.runs.study import Options, Study, build_study
from model.errors import InputError
from tests.published.bounds import Case, between

PAGE = Path(__file__).parents[2] / "docs" / "levers-effects.md"
# What the model does not reach, with the reason in experiments/checks/lever_effects_table.py.
NOT_REACHED = ["minimum-unit-price"]


@pytest.fixture(scope="module")
def study() -> Study:
    found = build_study(Options(draws=1, prior=True))
    return replace(found, draws=draw_priors(found.layout.catalogue, 1, median=True))


@pytest.fixture(scope="module")
def found(study: Study) -> Sequence[Found]:
    return effects(study)


@pytest.fixture(scope="module")
def bench(study: Study) -> Bench:
    return trial_bench(study, {})


def test_nine_of_ten_published_effects_hold_the_models(case: Case, found: Sequence[Found]) -> None:
    assert len(found) >= 15
    assert sum(one.inside for one in found) / len(found) >= 0.9
    for one in found:
        p, name = one.published, one.measure.id
        words = f"Effects of measures, median of priors: {name}, {p.statistic.replace('_', ' ')}"
        reached = name not in NOT_REACHED
        case(words, p.value, one.median, between(p.low, p.high), reached=reached)
        assert one.inside == reached
    assert set(NOT_REACHED) == set(OUTSIDE)


def test_every_measure_with_a_published_effect_is_compared(
    study: Study, found: Sequence[Found]
) -> None:
    known = study.library.measures.values()
    assert {one.measure.id for one in found} == {m.id for m in known if m.entry.published}
    for one in found:
        assert np.isfinite(one.model).all()
        assert one.published.low <= one.published.value <= one.published.high


def test_the_effects_do_not_all_miss_on_one_side(found: Sequence[Found]) -> None:
    """A model that does too little everywhere would be inside many wide ranges."""
    ratios = {one.measure.id: np.log(one.median) / np.log(one.published.value) for one in found}
    assert min(ratios.values()) > 0.0  # none goes the wrong way
    assert 0.5 < float(np.median(list(ratios.values()))) < 1.5


def test_a_trial_reaches_everyone_at_once(study: Study) -> None:
    for measure in study.library.measures.values():
        entry = trial(measure).entry
        assert (entry.timing.start, entry.timing.lag, entry.timing.ramp) == ("2024-01", 0.0, 0.0)
        assert entry.timing.fades == measure.entry.timing.fades
        assert entry.reach.most_deprived == entry.reach.others == 1.0
        assert all(one.coverage.central == 1.0 for one in entry.effects)
        sizes = [(one.effect, one.points, one.handle) for one in entry.effects]
        assert sizes == [(one.effect, one.points, one.handle) for one in measure.entry.effects]


def test_parts_of_years_add_up_to_the_years(bench: Bench) -> None:
    forcing = bench.prepared.forcing()
    branch = min(bench.states)
    total = np.zeros_like(bench.reference.counted[:, 0])
    for first, last in ((0, 5), (5, 11), (11, 12)):
        for year, output, months in parts(bench, forcing, first, last):
            assert (year, months) == (branch // 12, last - first)
            total += months / 12.0 * output.counted[:, year]
    whole = bench.reference.counted[:, branch // 12]
    assert np.allclose(total, whole, rtol=1e-9, atol=1e-6)
    ((year, output, _),) = parts(bench, forcing, 11, 12)
    # A month stands for a whole year: December's people, before the next age group joins.
    assert output.lived[:, year].sum() == pytest.approx(
        bench.reference.lived[:, year].sum(), rel=0.02
    )
    assert [months for _, _, months in parts(bench, forcing, 6, 32)] == [6, 12, 8]
    market = [output.price[:, year] for year, output, _ in parts(bench, forcing, 0, 18)]
    assert np.allclose(market[0], bench.reference.price[:, branch // 12])
    assert 0.5 < (market[1] / bench.reference.price[:, branch // 12 + 1]).mean() < 1.5


def test_an_indicator_of_the_reference_is_that_of_its_years(
    bench: Bench, found: Sequence[Found]
) -> None:
    published = next(one.published for one in found if one.measure.id == "alcohol-excise")
    forcing = bench.prepared.forcing()
    years = [indicator(bench, published, forcing, 12 * i, 12 * i + 12) for i in range(2)]
    both = indicator(bench, published, forcing, 0, 24)
    assert both == pytest.approx((years[0] + years[1]) / 2.0)
    known = {one.measure.id: one.without for one in found}
    assert known["alcohol-excise"] == pytest.approx(both)


def test_only_measures_with_a_published_effect_can_be_asked_for(study: Study) -> None:
    with pytest.raises(InputError, match="no published effect"):
        effects(study, ["treatment-capacity"])
    (one,) = all_effects(Asked(draws=2, prior=True, measures=("breath-testing",)))
    assert one.measure.id == "breath-testing"
    assert one.model.shape == (2,)
    assert one.median == pytest.approx(0.911, abs=1e-3)


def test_the_tables_hold_every_comparison(found: Sequence[Found]) -> None:
    rows: list[Mapping[str, str]] = list(csv.DictReader(io.StringIO(csv_text(found))))
    assert [row["measure"] for row in rows] == [one.measure.id for one in found]
    for row, one in zip(rows, found, strict=True):
        assert float(row["model"]) == one.median
        assert row["inside"] == ("yes" if one.inside else "no")
    text = page(found, "the priors")
    assert all(f"| {one.measure.id} |" in text for one in found)
    assert "not explained yet" not in text
    # Of five tested, two ranges hold no effect and one measure is missed.
    assert "**Without these, 2 of 3 tested lie inside.**" in text


def test_the_command_gives_every_digit() -> None:
    app = typer.Typer()
    app.command()(effects_command.effects)
    wanted = ["--draws", "1", "--prior", "--measure", "breath-testing", "--format", "csv"]
    done = CliRunner().invoke(app, wanted)
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader(io.StringIO(done.output))
    assert (row["measure"], row["inside"]) == ("breath-testing", "yes")
    done = CliRunner().invoke(app, ["--draws", "1", "--prior", "--measure", "none-such"])
    assert done.exit_code == 2
    assert "no published effect" in done.output


def test_the_page_is_of_these_measures_and_numbers(found: Sequence[Found]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if "|" in line}
    for one in found:
        line = lines[one.measure.id]
        p = one.published
        assert f"{p.value:.3g} ({p.low:.3g} to {p.high:.3g})" in line
        assert ("**no**" in line) == (one.measure.id in NOT_REACHED)
