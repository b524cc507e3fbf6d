"""C4: a tobacco tax in the CISNET Tobacco Control Policy model, with the product's parameters.

Published: factors on starting by age group, and on stopping in the year of the tax and 5 and 10
years after it. The parameters come from the shipped table, the responses from the hazards.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import load_catalogue
from model.hazards import arc_price_change, arc_response
from model.rates import profile
from model.strata import Strata, build_strata

# Price, tax, arc change, starting at 10-17, 18-24, 25-44, stopping after 0, 5, 10 years.
PUBLISHED = [
    (8, 1, 0.117647, (0.952941, 0.964706, 0.976471), (1.235294, 1.077101, 1.025265)),
    (8, 2, 0.222222, (0.911111, 0.933333, 0.955556), (1.444444, 1.145636, 1.047722)),
    (8, 3, 0.315789, (0.873684, 0.905263, 0.936842), (1.631579, 1.206956, 1.067815)),
    (10, 1, 0.095238, (0.961905, 0.971429, 0.980952), (1.190476, 1.062415, 1.020452)),
]
PRINTED = 0.6e-6  # half of the last printed digit, and a little for the rounded table value
AGE_GROUPS = (10, 18, 25, 45)


@pytest.fixture(scope="module")
def groups() -> Strata:
    return build_strata(AGE_GROUPS, by_sex=False, by_region=False, by_deprivation=False)


@pytest.fixture(scope="module")
def elasticities(groups: Strata) -> dict[str, list[float]]:
    """Central values of the shipped table, one for each age group."""
    catalogue = load_catalogue()
    draws = draw_priors(catalogue, 1, median=True)
    names = ("initiation_price_elasticity", "cessation_price_elasticity", "price_fading")
    found = {}
    for name in names:
        values = profile(draws, draws.require("tobacco", "legal", name, "case C4"), groups)
        found[name] = np.broadcast_to(values[0], groups.size).tolist()
    return found


@pytest.mark.parametrize(("price", "tax", "change", "starting", "stopping"), PUBLISHED)
def test_tax_reproduces_the_printed_rows(
    elasticities: dict[str, list[float]],
    price: float,
    tax: float,
    change: float,
    starting: tuple[float, float, float],
    stopping: tuple[float, float, float],
) -> None:
    arc = arc_price_change(float(price), float(price + tax))
    assert arc == pytest.approx(change, abs=PRINTED)
    by_age = elasticities["initiation_price_elasticity"]
    responses = [arc_response(arc, elasticity) for elasticity in by_age]
    assert responses == pytest.approx([*starting, 1.0], abs=PRINTED)
    quitting, fading = elasticities["cessation_price_elasticity"][0], elasticities["price_fading"]
    for years, printed in zip((0, 5, 10), stopping, strict=True):
        heard = arc * math.exp(-fading[0] * years)
        assert arc_response(heard, quitting) == pytest.approx(printed, abs=PRINTED)


def test_the_effect_on_stopping_fades_by_a_fifth_a_year(
    elasticities: dict[str, list[float]],
) -> None:
    assert math.exp(-elasticities["price_fading"][0]) == pytest.approx(0.8, abs=1e-8)
