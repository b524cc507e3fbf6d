"""What the tests of the engine share: the shipped catalogue and one median projection."""

from __future__ import annotations

import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.compartments import Prepared, Result, simulate
from model.parameters import Draws
from model.strata import Strata, build_strata, default_strata
from tests.published.laboratory import projection


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped tables."""
    return load_catalogue()


@pytest.fixture(scope="session")
def median_draw(catalogue: Catalogue) -> Draws:
    """One draw at the median of every prior."""
    return draw_priors(catalogue, 1, median=True)


@pytest.fixture(scope="session")
def prepared(catalogue: Catalogue, median_draw: Draws) -> Prepared:
    """The projection at the median, all 264 strata."""
    return projection(catalogue, default_strata(), median_draw)


@pytest.fixture(scope="session")
def reference(prepared: Prepared) -> Result:
    """The reference run of ``prepared`` to the end of 2030. Not to be changed."""
    return simulate(prepared, None, 0, prepared.demography.months)


@pytest.fixture(scope="session")
def coarse() -> Strata:
    """60 strata, for tests over many parameters."""
    return build_strata([10, 18, 25, 35, 65])
