"""Functions with known indices, and designs of SALib for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.sensitivity.problem import Float, Problem

CHECKED = 1e-10


def ishigami(points: Float) -> Float:
    """Ishigami and Homma (1990), a = 7, b = 0.1: (points, 3) to (points,)."""
    x, y, z = points.T
    found: Float = np.sin(x) + 7.0 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)
    return found


def sobol_g(points: Float, weights: Float) -> Float:
    """Sobol's G: product of (|4x - 2| + a) / (1 + a)."""
    found: Float = np.prod((np.abs(4.0 * points - 2.0) + weights) / (1.0 + weights), axis=1)
    return found


def circle(*groups: str) -> Problem:
    """Three factors between -pi and pi."""
    return Problem(("x1", "x2", "x3"), np.array([[-np.pi, np.pi]] * 3), groups or None)


def several(points: Float) -> Float:
    """Four outputs of the three factors (points, 4), of very different sizes."""
    x, y, z = points.T
    first = ishigami(points)
    return np.column_stack([first, 1e6 + 40.0 * first * y, np.exp(x) + 0.3 * z, 1e-4 * (x + y * z)])


def sampled(sampler: Any, problem: Problem, *given: int, **options: Any) -> Float:
    found: Float = sampler.sample(problem.salib(), *given, **options)
    return found
