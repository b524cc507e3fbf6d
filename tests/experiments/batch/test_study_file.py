"""Study files: what is refused, with file, line, key, what was given and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.batch.factor_entries import SETTINGS, history_in_words, switch_names
from experiments.batch.plan import read_batch
from experiments.batch.study_file import read_study_file
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.schema import Settings
from tests.experiments.batch.studies import factor_file, stand_in, written


@pytest.fixture(autouse=True)
def _inputs(posterior: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A posterior of seven draws, and a stand-in for what applies."""
    assert posterior.is_file()
    stand_in(monkeypatch)


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_batch(path)
    error = caught.value
    assert error.file is not None
    assert error.line is not None
    assert error.allowed
    return error


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ({"draws": "drawz: 3"}, "drawz", "unknown key"),
        ({"id": ""}, "id", "a key is missing"),
        ({"draws": "draws: 2.5"}, "draws", "malformed"),
        ({"draws": "draws: 0"}, "draws", "malformed"),
        ({"id": "id: Mine!"}, "id", "malformed"),
        ({"prior": "prior: maybe"}, "prior", "malformed"),
        ({"version": "version: 2"}, "version", "malformed"),
        ({"sample": "sample: {method: random, n: 4}"}, "method", "malformed"),
        ({"years": "  years: [2030, soon]"}, "years", "malformed"),
        ({"years": "  years: {from: 2030, to: 2024}"}, "years", "malformed"),
        ({"draws": "draws: 3\ndraws: 4"}, "draws", "the key stands twice"),
        ({"scenarios": "scenarios: []"}, "scenarios", "malformed"),
        ({"agents": "engine: agents\nagents: many"}, "agents", "malformed"),
    ],
)
def test_the_shape_is_refused_with_its_line(
    tmp_path: Path, line: dict[str, str], key: str, words: str
) -> None:
    path = written(tmp_path, **line)
    with pytest.raises(InputError, match=words) as caught:
        read_study_file(path)
    assert caught.value.key == key
    assert caught.value.line is not None


def test_a_lever_without_quotes_is_told_so(tmp_path: Path) -> None:
    path = factor_file(tmp_path, "{lever: 1.1, low: 0, high: 100}")
    with pytest.raises(InputError) as caught:
        read_study_file(path)
    assert 'in quotes, such as "1.1"' in str(caught.value.allowed)


def test_switch_values_without_quotes_are_told_so(tmp_path: Path) -> None:
    path = factor_file(tmp_path, "{structure: network, values: [on, off]}")
    with pytest.raises(InputError, match="without quotes"):
        read_study_file(path)


def test_an_unknown_scenario_names_those_that_are_near(tmp_path: Path) -> None:
    error = refused(written(tmp_path, scenarios="scenarios: [current-policy, stratgy]"))
    assert (error.key, error.line, error.given) == ("scenarios", 4, "stratgy")
    assert "strategy" in str(error.allowed)


def test_a_scenario_file_that_lacks_is_refused(tmp_path: Path) -> None:
    error = refused(written(tmp_path, scenarios="scenarios: [gone.yaml]"))
    assert "no such scenario file" in error.message
    assert error.given == "gone.yaml"


def test_a_scenario_twice_is_refused(tmp_path: Path) -> None:
    error = refused(written(tmp_path, scenarios="scenarios: [strategy, strategy]"))
    assert "stands twice" in error.message


def test_an_empty_list_of_factors_is_refused(tmp_path: Path) -> None:
    text = "id: mine\ntitle: A\nscenarios: [strategy]\ndraws: 2\nfactors: []\n"
    error = refused(written(tmp_path, text))
    assert (error.key, error.line) == ("factors", 5)


FACTORS = [
    ("{low: 0, high: 1}", "names nothing", "factors"),
    ("{}", "names nothing", "factors"),
    ("{trend: F1, lever: SD1, low: 0, high: 1}", "names two things", "lever"),
    ("{trend: F9, low: 0, high: 1}", "unknown trend", "trend"),
    ("{lever: SD9, low: 0, high: 1}", "unknown lever", "lever"),
    ("{effect: tobaco-tax, low: 0.1, high: 0.9}", "unknown measure", "effect"),
    ("{parameter: cannabis/nothing, low: 0.1, high: 0.9}", "unknown parameter", "parameter"),
    ("{parameter: cannabis/ever_start, low: 0.1, high: 0.9}", "is fitted", "parameter"),
    ("{parameter: agents/influence, low: 0.1, high: 0.9}", "engine: agents", "parameter"),
    ("{structure: nothing, low: 0.1, high: 0.9}", "unknown structure", "structure"),
    ("{structure: network, values: ['on', 'off']}", "engine: agents", "structure"),
    ("{seed: 4}", "engine: agents", "seed"),
    ("{trend: F1, low: 50, high: -50}", "bounds are reversed", "high"),
    ("{trend: F1, low: 50, high: 50}", "bounds are equal", "high"),
    ("{trend: F1, low: 0}", "a key is missing", "high"),
    ("{trend: F1, low: -101, high: 0}", "out of range", "low"),
    ("{lever: SD1, low: -1, high: 100}", "out of range", "low"),
    ("{lever: SD1, low: 0, high: 101}", "out of range", "high"),
    ("{effect: smoke-free-extension, low: 0, high: 0.9}", "out of range", "low"),
    ("{effect: smoke-free-extension, low: 0.1, high: 1}", "out of range", "high"),
    ("{structure: subadditivity, low: 0.2, high: 1}", "out of range", "low"),
    ("{structure: floor, low: 0.1, high: 1.5}", "out of range", "high"),
    ("{trend: F1, low: 0, high: 1, values: [a]}", "the wrong key", "values"),
    ("{posterior: 8}", "there are fewer draws", "posterior"),
    ("{posterior: 5}", "beside a factor posterior", "draws"),
]


@pytest.mark.parametrize(("factor", "words", "key"), FACTORS)
def test_factors_are_refused(tmp_path: Path, factor: str, words: str, key: str) -> None:
    error = refused(factor_file(tmp_path, factor))
    assert words in error.message
    assert error.key == key
    assert error.line == (5 if key == "draws" else 7)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ("{trend: F1, low: 0, high: 1}\n{trend: F1, low: 0, high: 2}", "stands twice"),
        ("{lever: SD1, low: 0, high: 1}\n{lever: '1.1', low: 0, high: 2}", "overlaps SD1"),
        ("{lever: '1.1', low: 0, high: 1}\n{lever: tobacco-tax, low: 0, high: 2}", "overlaps 1.1"),
    ],
)
def test_factors_that_set_the_same_are_refused(tmp_path: Path, factors: str, words: str) -> None:
    error = refused(factor_file(tmp_path, factors))
    assert words in error.message
    assert error.line == 8
    assert "line 7" in str(error.allowed)


def test_a_fixed_parameter_is_refused(tmp_path: Path) -> None:
    fixed = next(row for row in load_catalogue().parameters if row.distribution == "fixed")
    error = refused(factor_file(tmp_path, f'{{parameter: "{fixed.key}", low: 0.1, high: 0.9}}'))
    assert "is fixed" in error.message


def test_a_measure_whose_effects_have_no_range_is_refused(tmp_path: Path) -> None:
    error = refused(factor_file(tmp_path, "{effect: tobacco-tax, low: 0.1, high: 0.9}"))
    assert "no range" in error.message


def test_agents_take_seeds_switches_and_their_own_parameters(tmp_path: Path) -> None:
    factors = """
    {structure: network, values: ["on", "off"]}
    {parameter: agents/influence, low: 0.1, high: 0.9}
    {seed: 3}
    """
    lines = {"engine": "engine: agents", "agents": "agents: 2000"}
    batch = read_batch(factor_file(tmp_path, factors, **lines))
    assert [factor.history for factor in batch.factors] == [True, True, True]
    assert [factor.ordered for factor in batch.factors] == [False, True, False]
    assert set(batch.rows["seed"].tolist()) <= {0, 1, 2}
    assert batch.seeds == 1


@pytest.mark.parametrize(
    ("factor", "lines", "words"),
    [
        ("{seed: 3}", {"seeds": "seeds: 2"}, "beside a factor seed"),
        ("{structure: network, values: ['on']}", {}, "too few values"),
        ("{structure: network, values: ['on', 'maybe']}", {}, "unknown value"),
        (
            "{structure: network, values: ['on', 'off']}",
            {"switches": "switches: [network=off]"},
            "is a factor as well",
        ),
        ("{trend: F1, low: 0, high: 1}", {"switches": "switches: [nothing=off]"}, "unknown switch"),
        ("{trend: F1, low: 0, high: 1}", {"agents": "agents: 999_999_999"}, "a number"),
    ],
)
def test_requests_of_agents_are_refused(
    tmp_path: Path, factor: str, lines: dict[str, str], words: str
) -> None:
    error = refused(factor_file(tmp_path, factor, engine="engine: agents", **lines))
    assert words in error.message


@pytest.mark.parametrize(
    "line",
    [{"seeds": "seeds: 2"}, {"agents": "agents: 1000"}, {"switches": "switches: [network=off]"}],
)
def test_compartments_take_nothing_of_agents(tmp_path: Path, line: dict[str, str]) -> None:
    error = refused(written(tmp_path, **line))
    assert "only a study with agents" in error.message
    assert error.key == next(iter(line))


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ({"draws": "draws: 8"}, "draws", "fewer draws"),
        ({"seed": "seed: 2"}, "sample", "wrong seed"),
        ({"until": "until: 2023"}, "until", "too early"),
        ({"until": "until: 2031"}, "until", "too early or late"),
        ({"sample": ""}, "sample", "a key is missing"),
        ({"sample": "sample: {method: sobol-sequence, n: 100}"}, "n", "power of two"),
        ({"sample": "sample: {method: grid, n: 1}"}, "n", "too small"),
        ({"sample": "sample: {method: grid, n: 400}"}, "n", "too many points"),
        ({"indicators": "  indicators: [nothing]"}, "indicators", "unknown indicator"),
        ({"indicators": "  indicators: [all, treatment]"}, "indicators", "beside others"),
        ({"products": "  products: [cannabis, cannabis]"}, "products", "stands twice"),
        ({"products": "  products: [nothing]"}, "products", "unknown product"),
        ({"groups": "  groups: [Bavaria]"}, "groups", "unknown group"),
        ({"years": "  years: [2022]"}, "years", "outside the run"),
        ({"years": "  years: [2030, 2031]"}, "years", "outside the run"),
        ({"years": "  years: [2030, 2030]"}, "years", "stands twice"),
        ({"groups": "  quantiles: [0.5, 1.5]"}, "quantiles", "no quantile"),
        ({"groups": "  quantiles: [0.5, 0.5]"}, "quantiles", "stands twice"),
        ({"draws": "draws: 1", "groups": "  quantiles: [0.5]"}, "quantiles", "single draw"),
    ],
)
def test_what_is_run_and_kept_is_refused(
    tmp_path: Path, line: dict[str, str], key: str, words: str
) -> None:
    if "seed" in line:  # the sample has a seed too
        path = written(tmp_path, draws="draws: 3\nseed: 2")
        key = "seed"
    else:
        path = written(tmp_path, **line)
    error = refused(path)
    assert words in error.message
    assert error.key == key


def test_an_indicator_of_none_of_the_products_is_refused(tmp_path: Path) -> None:
    line = {"indicators": "  indicators: [treatment]", "products": "  products: [cocaine]"}
    error = refused(written(tmp_path, **line))
    assert "applies to none" in error.message
    assert error.given == "treatment"


def test_a_batch_beyond_all_disks_is_refused_with_its_size(tmp_path: Path) -> None:
    lines = {
        "draws": "draws: 7",
        "sample": "sample: {method: latin, n: 500000}",
        "indicators": "  indicators: all",
        "products": "  products: all",
    }
    error = refused(written(tmp_path, **lines))
    assert "GB" in str(error.given)
    assert "quantiles" in str(error.allowed)


def test_a_parameter_that_is_fitted_may_vary_on_the_priors(tmp_path: Path) -> None:
    factor = "{parameter: cannabis/ever_start, low: 0.1, high: 0.9}"
    batch = read_batch(factor_file(tmp_path, factor, draws="draws: 2\nprior: true"))
    (found,) = batch.factors
    assert found.name == "cannabis/ever_start[,,,,]"
    assert (found.history, found.group, found.unit) == (True, "cannabis", "quantile")


def test_settings_have_the_ends_of_scenario_files() -> None:
    for name, field in Settings.model_fields.items():
        ends = {type(mark).__name__: mark for mark in field.metadata}
        assert SETTINGS[name][:2] == (ends["Ge"].ge, ends["Le"].le)
    assert set(SETTINGS) == set(Settings.model_fields)
    assert not set(SETTINGS) & set(switch_names())


def test_factors_say_what_they_are_and_when_they_act(tmp_path: Path) -> None:
    factors = """
    {trend: F1, low: -100, high: 100}
    {lever: "1.1", low: 0, high: 100, group: mine}
    {structure: floor, low: 0.1, high: 0.5}
    {parameter: ketamine/ever_start, low: 0.05, high: 0.95}
    """
    batch = read_batch(factor_file(tmp_path, factors))
    trend, lever, floor, parameter = batch.factors
    assert trend.label == "F1 Technology and artificial intelligence"
    assert [factor.group for factor in batch.factors] == ["F1", "mine", "structure", "ketamine"]
    assert lever.label.startswith("1.1 ")
    assert floor.assumed
    assert parameter.label == "Ever start, Ketamine"
    replayed, branched = history_in_words(batch.factors)
    assert "2010" in replayed
    assert parameter.label in replayed
    assert trend.label in branched


def test_validate_and_schema_know_studies(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from experiments.cli import app

    done = CliRunner().invoke(app, ["validate", str(written(tmp_path))])
    assert done.exit_code == 0, done.output
    assert "study mine: 2 scenarios, 3 factors, 4 points, 24 rows of 6 outputs" in done.output
    done = CliRunner().invoke(app, ["validate", str(written(tmp_path, draws="draws: 0"))])
    assert done.exit_code == 2
    done = CliRunner().invoke(app, ["schema", "study"])
    made = json.loads(done.output)
    assert "F1" in made["$defs"]["name.trend"]["enum"]
    assert made["$defs"]["FactorEntry"]["properties"]["trend"]["anyOf"][0]["$ref"]


def test_a_scenario_is_no_study(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("id: a\nlevers: {SD1: 50}\n", encoding="utf-8")
    with pytest.raises(InputError, match="this is a scenario, not a study") as caught:
        read_study_file(path)
    assert (caught.value.line, caught.value.key) == (2, "levers")
