"""Compile the kernels ahead of the first run: ``python -m experiments.precompile``.

Installing does this once, so that no user waits for it.
"""

from __future__ import annotations

from calibration.priors import draw_priors
from model.catalogue import load_catalogue
from model.compartments import prepare, simulate
from model.population import load_demography
from model.rates import build_rates
from model.strata import default_strata
from model.structure import build_structure


def precompile() -> None:
    """Run one month of the median draw; numba keeps what it compiles on disk."""
    catalogue = load_catalogue()
    draws = draw_priors(catalogue, 1, median=True)
    structure = build_structure(catalogue, draws)
    strata = default_strata()
    demography = load_demography(strata)
    rates = build_rates(structure, strata, demography.start, draws)
    simulate(prepare(structure, strata, demography, rates), None, 0, 1)


if __name__ == "__main__":
    precompile()
