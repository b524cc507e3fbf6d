"""Compile the kernels ahead of the first run: ``python -m experiments.precompile``.

Installing does this once, so that no user waits for it.
"""

from __future__ import annotations

from calibration.priors import draw_priors
from model.catalogue import load_catalogue
from model.compartments import assemble, simulate


def precompile() -> None:
    """Run one month of the median draw; numba keeps what it compiles on disk."""
    catalogue = load_catalogue()
    simulate(assemble(catalogue, draw_priors(catalogue, 1, median=True)), None, 0, 1)


if __name__ == "__main__":
    precompile()
