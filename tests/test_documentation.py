"""What the documents show must work as shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.priors import draw_priors
from model.catalogue import MODIFIERS, load_catalogue
from model.compartments import prepare, simulate
from model.population import load_demography
from model.rates import build_rates
from model.strata import build_strata
from model.structure import build_structure

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "kratom"


def test_the_example_catalogue_runs_and_leaves_the_other_products_alone() -> None:
    strata = build_strata([10, 18, 25, 65], by_region=False, by_deprivation=False)
    demography = load_demography(strata)
    outputs = []
    for folder in (None, EXAMPLE):
        catalogue = load_catalogue(folder)
        draws = draw_priors(catalogue, 1, median=True)
        structure = build_structure(catalogue, draws)
        rates = build_rates(structure, strata, demography.start, draws)
        prepared = prepare(structure, strata, demography, rates)
        outputs.append((structure, simulate(prepared, None, 0, demography.months).output))
    shipped, _ = outputs[0]
    extended, output = outputs[1]
    assert extended.products == (*shipped.products, "kratom")
    kratom = extended.product_of_state == extended.products.index("kratom")
    never, light, heavy, stopped = output.time[0, -1, kratom].sum(axis=1)
    assert never > stopped > light > heavy > 0.0
    others = output.time[0][:, ~kratom]
    assert np.allclose(others, outputs[0][1].time[0], rtol=1e-9)


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
