"""What the tests of scenarios share: the shipped library, read once, and small files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.strata import Strata, default_strata
from model.structure import Structure, build_structure
from scenarios.compose import Run
from scenarios.library import Library, load_library
from scenarios.sizes import Deal

BRANCH, MONTHS = 168, 252  # January 2024, to the end of 2030
Written = Callable[[str], Path]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped tables."""
    return load_catalogue()


@pytest.fixture(scope="session")
def library(catalogue: Catalogue) -> Library:
    """Everything shipped that scenarios may name."""
    return load_library(catalogue)


@pytest.fixture(scope="session")
def structure(catalogue: Catalogue) -> Structure:
    return build_structure(catalogue, draw_priors(catalogue, 1))


@pytest.fixture(scope="session")
def strata() -> Strata:
    return default_strata()


@pytest.fixture(scope="session")
def run(library: Library, structure: Structure, strata: Strata) -> Run:
    """From January 2024 on, the middle of every range, one draw."""
    return Run(library, structure, strata, BRANCH, MONTHS, Deal.of(0, 1, 1, central=True))


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a text as a YAML file and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "file.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
