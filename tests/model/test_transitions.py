"""The core kernel, and a product declared only by files, against exact linear solutions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from model.catalogue import load_catalogue
from model.compartments import simulate
from model.strata import build_strata
from model.transitions import propagate
from tests.published.laboratory import (
    closed_world,
    fixed,
    flow,
    people_in,
    stock,
    write_catalogue,
)

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
MONTH = 1.0 / 12.0


def _matrix(states: int, origin: Sequence[int], into: Sequence[int], hazard: Float) -> Float:
    """Generator of dx/dt = A x + b with b in the last column (a state that stays at 1)."""
    matrix = np.zeros((states + 1, states + 1))
    for come, go, rate in zip(origin, into, hazard, strict=True):
        if come >= 0:
            matrix[come, come] -= rate
        if go >= 0:
            matrix[go, come if come >= 0 else states] += rate
    return matrix


class _Block:
    """Random flows between a few states, in the flat layout of the kernel."""

    def __init__(self, seed: int, largest: float) -> None:
        rng = np.random.default_rng(seed)
        self.width, self.states = int(rng.integers(1, 6)), int(rng.integers(2, 8))
        pairs = [(i, j) for i in range(self.states) for j in range(self.states) if i != j]
        chosen = [pairs[k] for k in rng.permutation(len(pairs))[: 2 * self.states]]
        chosen.sort(key=lambda pair: pair[1])
        self.origin: Int = np.array([pair[0] for pair in chosen])
        self.into: Int = np.array([pair[1] for pair in chosen])
        self.hazard = largest * rng.random((len(chosen), self.width)) ** 3
        self.start = 1000.0 * rng.random((self.states, self.width))

    def after(self, years: float) -> tuple[Float, Float]:
        """Stocks after a step and their time integral, (states, width)."""
        leaving = np.zeros_like(self.start)
        np.add.at(leaving, self.origin, self.hazard)
        level, work = self.start.ravel().copy(), np.zeros(3 * self.start.size)
        propagate(
            self.width, self.origin, self.into, self.hazard.ravel(), leaving.ravel(), level, work,
            years,
        )  # fmt: skip
        shape = self.start.shape
        return level.reshape(shape), work[: level.size].reshape(shape)


SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.floats(0.01, 300.0), st.floats(0.001, 0.2))
def test_a_step_keeps_everyone_and_nobody_is_negative(
    seed: int, largest: float, years: float
) -> None:
    block = _Block(seed, largest)
    level, lived = block.after(years)
    people = block.start.sum(axis=0)
    assert level.min() >= -1e-12 * people.max()
    assert lived.min() >= 0.0
    np.testing.assert_allclose(level.sum(axis=0), people, rtol=1e-11)
    np.testing.assert_allclose(lived.sum(axis=0), people * years, rtol=1e-11)
    # Transitions are hazards times person-years: they account for every change of a stock.
    moved = block.hazard * lived[block.origin]
    change = np.zeros_like(level)
    np.add.at(change, block.into, moved)
    np.subtract.at(change, block.origin, moved)
    np.testing.assert_allclose(level - block.start, change, atol=1e-9 * people.max())


@given(SEEDS, st.floats(0.01, 60.0))
def test_a_month_is_near_the_exact_solution(seed: int, largest: float) -> None:
    block = _Block(seed, largest)
    level, _ = block.after(MONTH)
    for s in range(block.width):
        matrix = _matrix(block.states, list(block.origin), list(block.into), block.hazard[:, s])
        exact = (expm(matrix * MONTH) @ np.append(block.start[:, s], 1.0))[:-1]
        assert np.abs(level[:, s] - exact).max() < 1e-5 * block.start.sum()


PRODUCT = "own_product"
STATES = ("light", "heavy", "stopped")
# Flow: origin and destination (-1: outside). Both using states exchange people and have two ways
# out; people come in from outside at a constant pace.
FLOWS = {
    "entry": (-1, 0),
    "more": (0, 1),
    "less": (1, 0),
    "light_out": (0, -1),
    "light_stop": (0, 2),
    "heavy_out": (1, -1),
    "heavy_stop": (1, 2),
    "again": (2, 0),
}
YEARS = 30


def _own_catalogue(folder: Path, rates: dict[str, float]) -> Path:
    """A product in two modules of its own, by files only."""
    product = {
        "id": PRODUCT, "name": "Own", "kind": "other", "mode": "scenario-only",
        "modules": "own_use own_harm", "why": "a test",
    }  # fmt: skip
    states = [
        ("own_use", "never", "never", "no"),
        ("own_use", "light", "occasional", "yes"),
        ("own_harm", "heavy", "problematic", "yes"),
        ("own_harm", "stopped", "former", "no"),
    ]
    flows = [
        {
            "id": name,
            "module": "own_use" if name == "entry" else "own_harm",
            "origin": "outside" if come < 0 else STATES[come],
            "destination": "outside" if go < 0 else STATES[go],
            "hazard": "amount" if come < 0 else "rate",
            "family": "own",
            "rates": f"own_{name}",
            "counts": name,
        }
        for name, (come, go) in FLOWS.items()
    ]
    return write_catalogue(
        folder,
        {
            "products": [product],
            "states": [
                dict(zip(("module", "state", "reported", "using"), row, strict=True))
                for row in states
            ],
            "flows": flows,
            "parameters": [
                fixed(
                    PRODUCT, f"own_{name}", rate,
                    "persons per year" if name == "entry" else "per year",
                )
                for name, rate in rates.items()
            ],
        },
    )  # fmt: skip


def _exact(rates: dict[str, float], start: Float, years: float) -> Float:
    pairs = list(FLOWS.values())
    matrix = _matrix(
        len(STATES),
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
        np.array([rates[name] for name in FLOWS]),
    )
    solution: Float = (expm(matrix * years) @ np.append(start, 1.0))[:-1]
    return solution


RATE = st.floats(np.log(0.01), np.log(5.0)).map(lambda x: float(np.exp(x)))


@settings(max_examples=25)
@given(
    st.fixed_dictionaries(dict.fromkeys(FLOWS, RATE)),
    st.floats(1.0, 100.0),
    st.lists(st.floats(1.0, 1000.0), min_size=3, max_size=3),
)
def test_a_product_declared_by_files_only_is_solved_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    rates: dict[str, float],
    entry: float,
    start: list[float],
) -> None:
    rates = {**rates, "entry": entry}
    catalogue = load_catalogue(_own_catalogue(tmp_path_factory.mktemp("own"), rates))
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    prepared = closed_world(catalogue, strata, 3000.0, YEARS)
    state = people_in(prepared, PRODUCT, dict(zip(STATES, start, strict=True)))
    rows = [stock(prepared, PRODUCT, name) for name in STATES]
    month = 0
    for year in (1, 2, 5, 10, 20, YEARS):
        state = simulate(prepared, None, month, 12 * year, state).state
        month = 12 * year
        # Entries are persons per year in all, spread over the two strata of equal size.
        exact = _exact({**rates, "entry": entry / strata.size}, np.array(start), year)
        for s in range(strata.size):
            found = state.stock[0, rows, s]
            np.testing.assert_allclose(found, exact, rtol=1e-6)


def test_the_files_add_a_product_and_leave_the_others_alone(tmp_path: Path) -> None:
    rates = dict.fromkeys(FLOWS, 0.5)
    catalogue = load_catalogue(_own_catalogue(tmp_path, rates))
    shipped = load_catalogue()
    assert [row.id for row in catalogue.products] == [
        *[row.id for row in shipped.products],
        PRODUCT,
    ]
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    worlds = [closed_world(tables, strata, 3000.0, 2) for tables in (catalogue, shipped)]
    more, less = (simulate(world, None, 0, 24).state.stock for world in worlds)
    np.testing.assert_array_equal(more[:, : less.shape[1]], less)
    prepared = worlds[0]
    assert prepared.rates.base[0, flow(prepared, PRODUCT, "heavy_out")] == pytest.approx(0.5)
