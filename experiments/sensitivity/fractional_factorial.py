"""Main effects and interactions of a two-level design, of all outputs at once: one product."""

from __future__ import annotations

import numpy as np

from experiments.sensitivity.problem import (
    Estimate,
    Float,
    Plan,
    Problem,
    Settings,
    no_groups,
    refuse_size,
)


def contrast(columns: int) -> Float:
    """Signs (factors 1 or -1) of each column in each run, as SALib's design has them.

    Shape (2 x columns, columns).
    """
    from scipy.linalg import hadamard

    signs = hadamard(columns).astype(np.float64)
    return np.vstack([signs, -signs])


def columns_of(factors: int) -> int:
    """The next power of two: columns beyond the factors are spare."""
    return 1 << (factors - 1).bit_length()


class _Factorial:
    def __init__(self, factors: int, second: bool) -> None:
        self.factors, self.second = factors, second
        self.signs = contrast(columns_of(factors)) / (2.0 * columns_of(factors))

    def __call__(self, values: Float) -> Estimate:
        effects = self.signs.T @ values
        main, spare = effects[: self.factors], np.abs(effects[self.factors :])
        # Spare columns hold interactions that the design mixes with main effects: how far a main
        # effect may be off. Without any nothing can be said.
        outputs = values.shape[1]
        reach = spare.max(axis=0) if len(spare) else np.full(outputs, np.nan)
        tables = {"ME": main, "ME_conf": np.broadcast_to(reach, main.shape).copy()}
        if self.second:
            tables["IE"] = self._pairs(values)
        return Estimate(tables, "ME", ("ME_conf",), reach, main[None], share=False)

    def _pairs(self, values: Float) -> Float:
        """Interactions (factors, factors, outputs), above the diagonal."""
        columns = self.signs.shape[1]
        found = np.full((self.factors, self.factors, values.shape[1]), np.nan)
        for one in range(self.factors):
            product = self.signs[:, one, None] * self.signs[:, one + 1 : self.factors]
            found[one, one + 1 :] = 2.0 * columns * (product.T @ values)
        return found


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError for groups, factors without an order, or points that are no such design.
    """
    no_groups(problem, "fractional-factorial", "each factor stands at its low or its high end")
    wanted = 2 * columns_of(problem.size)
    if len(points) != wanted:
        raise refuse_size("fractional-factorial", len(points), f"{wanted}")
    factorial = _Factorial(problem.size, settings.second_order)
    spare = columns_of(problem.size) - problem.size
    note = (
        f"no intervals: the largest of {spare} spare columns stands for how far effects are mixed"
        if spare
        else "no intervals and no spare column: nothing says how far effects are mixed"
    )
    pairs = problem.size**2 if settings.second_order else 0
    working = 8 * (2 * wanted + 4 * problem.size + pairs)
    return Plan(factorial, wanted, (wanted,), problem.labels, working, notes=(note,))
