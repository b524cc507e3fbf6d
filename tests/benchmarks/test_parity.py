"""The twins solve the engine's problem: same numbers over a short time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.benchmarks import core_c, core_numba, core_numpy, core_scipy
from tests.benchmarks.problem import Core, core, prepared

Float = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def problem() -> Core:
    return core(prepared())


def difference(found: tuple[Float, Float], expected: tuple[Float, Float]) -> float:
    """Largest difference, relative to each number or to a person where it is smaller."""
    return max(
        float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1.0)))
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.skipif(core_c.compiler() is None, reason="there is no C compiler (cc)")
def test_c_twin(problem: Core, tmp_path: Path) -> None:
    problem = problem.first_months(26)  # two Januaries, and a year begun
    run = core_c.build(tmp_path)
    assert difference(run(problem), core_numba.run(problem)) < 1e-9


def test_numpy_twin_in_every_draw(problem: Core) -> None:
    problem = problem.first_months(14)
    lived, stock = core_numpy.run(problem, draws=2)
    expected = core_numba.run(problem)
    for d in range(2):
        assert difference((lived[d], stock[d]), expected) < 1e-9


def test_general_solver_agrees(problem: Core) -> None:
    problem = problem.first_months(13)
    solved = core_scipy.run(problem, rtol=1e-8, atol=1e-8)
    found = core_numba.run(problem)
    assert difference(found, solved) < 1e-5
