"""A user's own substance, measure, driver, rule, block, scenario and texts, from end to end."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from experiments.runs.study import Options, Study, build_study
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.compose import compose
from scenarios.library import Library, load_library, read_scenario
from scenarios.measures import acting
from scenarios.measures import policy_of as policy
from scenarios.sizes import Deal
from scenarios.texts import text

# A shipped measure with another size: only what a user changes must differ.
OVERRIDE = """\
id: SD1
objectives:
  - id: "1.1"
    measures:
      - id: tobacco-tax
        in_strategy: implied
        grade: expert
        source: example
        range: [-100, 100]
        full: {value: 10, unit: "% on the price", source: example}
        timing: {start: 2026-01}
        effects:
          - {handle: price, products: [tobacco], effect: {central: 1.1}}
        indicator: {id: consumed_kg, product: tobacco, sign: down}
        note: made up
"""


@pytest.fixture
def example(root: Path) -> Path:
    return root / "docs" / "examples" / "kratom"


@pytest.fixture
def own(example: Path, tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return Path(shutil.copytree(example, tmp_path / "own"))


def opened(folder: Path) -> Library:
    return load_library(load_catalogue(folder))


def study_of(folder: Path, *names: str) -> Study:
    return build_study(
        Options(scenarios=names, draws=1, until=2030, prior=True, catalogue=folder, plots="none")
    )


def test_the_example_adds_one_of_everything(example: Path, library: Library) -> None:
    found = opened(example)
    assert set(found.measures) - set(library.measures) == {"kratom-age-limit"}
    assert set(found.drivers) - set(library.drivers) == {"F4.8"}
    assert set(found.rules) - set(library.rules) == {"kratom-starts"}
    assert set(found.blocks) - set(library.blocks) == {"kratom-spreads"}
    assert set(found.futures) - set(library.futures) == {"kratom-limited"}
    assert found.drivers["F4.8"].trend == "F4"
    assert "kratom-age-limit" in found.levers
    assert "kratom-age-limit" not in found.members("SD1")  # outside the strategy's ambition
    np.testing.assert_array_equal(found.cross_impact, library.cross_impact)


def test_the_example_has_its_texts_and_english_where_a_language_lacks(example: Path) -> None:
    texts = opened(example).texts
    assert text(texts, "nl", "scenario.kratom-limited").startswith("Kratom verspreidt")
    assert text(texts, "fr", "scenario.kratom-limited").startswith("Kratom spreads")
    assert text(texts, "nl", "scenario.strategy") != text(texts, "en", "scenario.strategy")


def test_the_example_goes_from_files_to_forcing(example: Path) -> None:
    study = study_of(example, "kratom-limited")
    reference, scenario = study.scenarios
    assert (reference.id, scenario.id, scenario.branch) == ("current-policy", "kratom-limited", 180)
    assert scenario.title == "Kratom spreads and meets a limit of age"
    composed = compose(scenario.plan, study.run_of(scenario, Deal.of(0, 1, 1)))
    moved = {change.handle for change in composed.changes if "kratom" in change.products}
    assert "initiation" in moved
    (rule,) = composed.rules
    assert (rule.id, rule.product) == ("kratom-starts", "kratom")
    # The measure already stands at 100, above what the rule would set.
    assert rule.changes == ()


def test_the_measure_of_the_example_does_what_its_file_says(example: Path) -> None:
    found = opened(example)
    measure, deal, span = (
        found.measures["kratom-age-limit"],
        Deal.of(0, 1, 1, central=True),
        (180, 252),
    )
    levers = {measure.id: 100.0}
    still = policy(levers, found.measures, [], deal, span)
    by_group = {
        one.group: np.exp(one.values[0])
        for one in acting(measure, 100.0, still, found.known.scopes, 186)
    }
    first = 186 + 6
    for group, reach in (("most_deprived", 0.8), ("others", 1.1)):
        values = by_group[group]
        assert (values[:first] == 1.0).all()
        np.testing.assert_allclose(values[first + 24], 1 - 0.7 * reach * 0.4 * 0.9)


def test_an_own_file_replaces_a_shipped_measure(own: Path, library: Library) -> None:
    (own / "levers" / "tax.yaml").write_text(OVERRIDE, encoding="utf-8")
    found = opened(own)
    assert list(found.measures)[: len(library.measures)] == list(library.measures)
    tax = found.measures["tobacco-tax"]
    assert tax.entry.source == "example"
    assert tax.document.file.endswith("tax.yaml")
    assert len(tax.entry.effects) == 1
    assert library.measures["tobacco-tax"].entry.source != "example"
    study = study_of(own, "strategy-sd1")
    composed = compose(study.scenarios[1].plan, study.run_of(study.scenarios[1], Deal.of(0, 1, 1)))
    price = [c for c in composed.changes if (c.handle, c.products) == ("price", ("tobacco",))]
    assert price


def test_an_own_scenario_replaces_a_shipped_one(own: Path) -> None:
    path = own / "futures" / "stress-care-cut.yaml"
    path.write_text("id: stress-care-cut\nlevers: {treatment-capacity: -100}\n", encoding="utf-8")
    found = opened(own)
    assert found.futures["stress-care-cut"] == path
    plan = read_scenario(path, found).plan
    assert plan.levers == {"treatment-capacity": -100.0}


MISTAKES = [
    ("levers/own.yaml", "products: [kratom]", "products: [kratoom]", "products", "kratom"),
    ("levers/own.yaml", "ages: [10, 17]", "ages: [10, 33]", "ages", "30-34"),
    ("levers/own.yaml", "handle: initiation", "handle: medical_start", "products", "sedatives"),
    ("trends/own.yaml", "id: F4.8", "id: F5.8", "id", "a driver of F4"),
    ("trends/own.yaml", "[F1, F4.2]", "[F9]", "interacts_with", "in all"),
    ("rules.yaml", "kratom-age-limit: 50", "kratom-limit: 50", "kratom-limit", "kratom-age-limit"),
    ("blocks.yaml", "[kratom-starts]", "[kratom-start]", "rules", "kratom-starts"),
    ("texts/en.yaml", "product.kratom: Kratom", "products.kratom: Kratom", "products.kratom",
     "GROUP.ID"),
    ("texts/nl.yaml", "product.kratom: Kratom", "product.kratom: '{half}'", "product.kratom",
     "nothing in braces"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "key", "allowed"), MISTAKES)
def test_a_mistake_is_told_with_the_users_file(
    own: Path, name: str, old: str, new: str, key: str, allowed: str
) -> None:
    path = own / name
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        opened(own)
    error = caught.value
    assert (error.file, error.key) == (str(path), key), error
    assert allowed in str(error.allowed), error
    assert error.line is not None


def test_a_mistake_in_an_own_scenario_is_told_when_it_is_asked_for(own: Path) -> None:
    path = own / "futures" / "kratom-limited.yaml"
    path.write_text(path.read_text().replace("source: example", "source: exmaple"))
    opened(own)
    with pytest.raises(InputError) as caught:
        study_of(own, "kratom-limited")
    assert (caught.value.file, caught.value.key) == (str(path), "source")
    assert "example" in str(caught.value.allowed)
