"""What the documents show must work as shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import MODIFIERS, load_catalogue
from model.compartments import assemble, simulate
from model.strata import build_strata
from tests.posteriors import write_stand_in

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "kratom"


def test_the_example_catalogue_runs_and_leaves_the_other_products_alone() -> None:
    strata = build_strata([10, 18, 25, 65], by_region=False, by_deprivation=False)
    outputs = []
    for folder in (None, EXAMPLE):
        catalogue = load_catalogue(folder)
        prepared = assemble(catalogue, draw_priors(catalogue, 1, median=True), strata)
        months = prepared.demography.months
        outputs.append((prepared.structure, simulate(prepared, None, 0, months).output))
    shipped, _ = outputs[0]
    extended, output = outputs[1]
    assert extended.products == (*shipped.products, "kratom")
    kratom = extended.product_of_state == extended.products.index("kratom")
    never, light, heavy, stopped = output.time[0, -1, kratom].sum(axis=1)
    assert never > stopped > light > heavy > 0.0
    others = output.time[0][:, ~kratom]
    assert np.allclose(others, outputs[0][1].time[0], rtol=1e-9)


def test_the_python_example_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("calibration.posterior.SHIPPED", write_stand_in(tmp_path))
    page = (ROOT / "docs" / "python.md").read_text()
    code = page.split("```python\n")[1].split("```")[0].replace("catalogue, 20", "catalogue, 2")
    exec(code, {})
    low, median, high = (float(part) for part in capsys.readouterr().out.strip(" []\n").split())
    assert 0.0 < low <= median <= high < 1.0


def test_the_python_example_of_scenarios_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("calibration.posterior.SHIPPED", write_stand_in(tmp_path))
    page = (ROOT / "docs" / "python.md").read_text()
    code = page.split("```python\n")[2].split("```")[0]
    names: dict[str, Any] = {}
    exec(code.replace("draws=10", "draws=2").replace("0, 10)", "0, 2)"), names)
    simulated, reference = names["simulated"].output, names["bench"].reference
    assert len(names["composed"].changes) > 50
    np.testing.assert_array_equal(simulated.deaths[:, :14], reference.deaths[:, :14])
    assert not np.array_equal(simulated.deaths, reference.deaths)


def test_the_python_example_of_agents_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("calibration.posterior.SHIPPED", write_stand_in(tmp_path))
    page = (ROOT / "docs" / "python.md").read_text()
    code = page.split("```python\n")[3].split("```")[0]
    names: dict[str, Any] = {}
    exec(code.replace("seeds=(1, 2, 3, 4)", "seeds=(1, 2)"), names)
    run, untied, twin = names["run"], names["untied"], names["twin"]
    assert run.extra["joint_use"].shape[0] == 2
    assert np.isnan(run.extra["joint_use"][:, :14]).all()
    assert not np.array_equal(run.output.time, untied.output.time, equal_nan=True)
    assert list(names["months"]["month"]) == [169, 170, 171]
    assert len(names["full"]) < len(names["centres"])
    assert "cocaine" in names["someone"].uses
    assert twin.persons_where(limit=3)
    assert "centres," in capsys.readouterr().out


def test_the_catalogue_guide_names_every_modifier() -> None:
    guide = (ROOT / "docs" / "catalogue.md").read_text()
    assert [name for name in MODIFIERS if f"`{name}`" not in guide] == []


def test_links_between_documents_lead_somewhere() -> None:
    import re

    broken = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []
