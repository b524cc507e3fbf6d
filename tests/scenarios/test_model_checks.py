"""Every lever and trend moves the model as it should: scenarios/checks.yaml, run on two draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.checks import model_checks
from experiments.checks.lever_effects import START, trial_bench
from experiments.checks.model_checks import Case, Checked, Ground, Wanted, cases, check_study
from experiments.runs.parts import Bench
from experiments.runs.study import Options, Study, build_study
from model.errors import InputError
from scenarios.checks import CHECKS, ChecksFile, Limits, limits, read_checks
from scenarios.levers import Indicator
from scenarios.schema import Plan

DRAWS = 2
# Measures about which nothing can be said: what they do is over by 2030, or acts on others alone.
UNTESTED = 10


@pytest.fixture(scope="module")
def study() -> Study:
    return build_study(Options(draws=DRAWS, prior=True))


@pytest.fixture(scope="module")
def file(study: Study) -> ChecksFile:
    return read_checks(study.library)


@pytest.fixture(scope="module")
def found(study: Study) -> Sequence[Checked]:
    return check_study(study)


@pytest.fixture(scope="module")
def bench(study: Study) -> Bench:
    return trial_bench(study, {}, START)


@pytest.fixture(scope="module")
def ground(bench: Bench, file: ChecksFile) -> Ground:
    ground = Ground(bench, file)
    ground.check([])
    return ground


def test_nothing_moves_against_what_is_expected(found: Sequence[Checked]) -> None:
    wrong = [
        f"{one.group} {one.id}: {one.what} ({one.told})" for one in found if one.verdict == "wrong"
    ]
    assert wrong == []


def test_everything_is_checked(study: Study, file: ChecksFile, found: Sequence[Checked]) -> None:
    library = study.library
    counts = Counter((one.group, one.verdict) for one in found)
    assert counts["measure", "untested"] <= UNTESTED
    backwards = sum(measure.entry.range[0] < 0 for measure in library.measures.values())
    assert backwards >= 5
    measures = counts["measure", "right"] + counts["measure", "untested"]
    assert measures == len(library.measures) + backwards
    assert counts["coverage 0", "right"] == len(library.measures) + backwards
    assert counts["position 0", "right"] == len(library.levers) + len(library.trends) + 1
    ran = cases(library, file)
    assert counts["bounds", "right"] == len(ran) + 1
    assert {case.id for case in ran if case.group == "objective"} == {
        f"{lever} +100" for lever in library.levers if lever not in library.measures
    }
    assert sum(case.group == "trend" for case in ran) == 2 * len(library.trends)


def test_what_is_untested_says_why(found: Sequence[Checked]) -> None:
    assert [one.id for one in found if one.verdict == "untested" and not one.told] == []


def test_every_measure_backwards_is_expected_the_other_way(study: Study, file: ChecksFile) -> None:
    by_id = {case.id: case for case in cases(study.library, file)}
    for name, measure in study.library.measures.items():
        low, high = measure.entry.range
        if low < 0:
            signs = [by_id[f"{name} {x:+d}"].expected[0].sign for x in (low, high)]
            assert sorted(signs) == ["down", "up"]


def _expect(sign: str) -> Indicator:
    return Indicator.model_validate({"id": "overdose_deaths", "product": "opioids", "sign": sign})


def test_a_check_can_fail(ground: Ground) -> None:
    plan = Plan({"naloxone-take-home": 100.0}, {})
    expected = tuple(_expect(sign) for sign in ("down", "up"))
    _, right, wrong = ground.case(Case("measure", "naloxone", plan, expected))
    assert (right.verdict, right.against) == ("right", 0)
    assert (wrong.verdict, wrong.against) == ("wrong", DRAWS)
    assert right.told == wrong.told
    assert right.told.startswith("-")


def test_what_does_not_move_is_wrong(ground: Ground) -> None:
    plan = Plan({"security-health-coordination": 100.0}, {})
    _, still = ground.case(Case("measure", "alone", plan, (_expect("down"),)))
    assert (still.verdict, still.told) == ("wrong", "+0%")


def test_a_value_out_of_bounds_is_found(ground: Ground) -> None:
    case = Case("bounds", "spoilt", Plan({}, {}))
    assert ground.bounds(case, ground.reference).verdict == "right"
    for name, value, told in (
        ("current_use", 1.1, "current_use is 1.1, above 1"),
        ("waiting", -2.0, "waiting is -2, below 0"),
        ("price_index", 0.0, "price_index is 0, not above 0"),
        ("treatment", np.nan, "treatment is no number"),
        ("treatment", np.inf, "treatment is no number"),
    ):
        spoilt = ground.reference[name].copy()
        first = tuple(int(i) for i in np.argwhere(np.isfinite(spoilt))[0])
        spoilt[first] = value
        found = ground.bounds(case, {name: spoilt})
        assert (found.verdict, found.told) == ("wrong", told)


def test_a_measure_that_moves_where_nobody_is_reached_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_checks, "_reaching_nobody", lambda measure: measure)
    found = [one for one in model_checks.unchanged(bench) if one.group == "coverage 0"]
    wrong = {one.id: one.told for one in found if one.verdict == "wrong"}
    assert wrong["naloxone-take-home +100"] == "still moves overdose_fatality"


def test_limits_of_a_name_come_before_those_of_its_unit(study: Study, file: ChecksFile) -> None:
    known = limits(file, study.layout.catalogue)
    assert known["current_use"] == Limits(low=0.0, high=1.0)
    assert known["price_index"] == Limits(above=0.0)
    everyone = {row.id for row in study.layout.catalogue.indicators}
    assert set(known) == everyone
    own = file.bounds[0].model_copy(
        update={"units": [], "indicators": ["current_use"], "high": 0.5}
    )
    changed = file.model_copy(update={"bounds": [*file.bounds, own]})
    assert limits(changed, study.layout.catalogue)["current_use"] == Limits(low=0.0, high=0.5)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("SD1:", "SD9:", "unknown objectives"),
        ("  F1:", "  F11:", "unknown trends"),
        ("product: all, sign: down", "product: none, sign: down", "unknown product"),
        ("id: daly_attributable", "id: dalys", "unknown indicator"),
        ("driver: F1.4", "driver: F1.44", "unknown driver"),
        ("levers: {SD1: 100", "levers: {SD12: 100", "unknown lever"),
        ("units: [proportion], low: 0, high: 1", "low: 0", "a value is malformed"),
    ],
)
def test_mistakes_are_refused_with_their_line(
    tmp_path: Path, study: Study, old: str, new: str, told: str
) -> None:
    text = CHECKS.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "checks.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=told) as error:
        read_checks(study.library, path)
    assert error.value.line is not None


def test_an_objective_without_a_check_is_refused(tmp_path: Path, study: Study) -> None:
    text = CHECKS.read_text(encoding="utf-8")
    start, stop = text.index('  "3.7":'), text.index('  "4.1":')
    path = tmp_path / "checks.yaml"
    path.write_text(text[:start] + text[stop:], encoding="utf-8")
    with pytest.raises(InputError, match="a check lacks"):
        read_checks(study.library, path)


def test_an_unknown_sign_needs_a_reason(tmp_path: Path, study: Study) -> None:
    text = CHECKS.read_text(encoding="utf-8").replace("sign: down}", "sign: unknown}", 1)
    path = tmp_path / "checks.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_checks(study.library, path)
    assert error.value.key == "why"


def test_the_summary_counts_and_lists(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    kept = [
        Checked("measure", "a +100", "waiting of all down", "right", "-2%", 1),
        Checked("measure", "b +100", "waiting of all down", "wrong", "+1%", 2),
        Checked("trend", "F1 +100", "waiting of all unknown", "untested", "no reason"),
        Checked("trend", "F1 -100", "waiting of all up", "right", "+1%"),
    ]
    monkeypatch.setattr(model_checks, "run_checks", lambda wanted: kept)
    assert not model_checks.print_checks(Wanted(), Console(width=100))
    text = capsys.readouterr().out
    assert "wrong: measure b +100: waiting of all down (+1%; 2 of 2 draws against)" in text
    assert "right: measure a +100" in text
    assert "F1 -100" not in text
    monkeypatch.setattr(model_checks, "run_checks", lambda wanted: kept[2:])
    assert model_checks.print_checks(Wanted(), Console(width=100), whole=True)
    assert "F1 -100" in capsys.readouterr().out
    assert replace(kept[0], against=0).against == 0
