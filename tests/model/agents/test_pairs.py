"""What common random numbers are worth: scenario pairs with one seed against two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from model.agents.engine import Request, simulate_agents
from model.compartments import Output, Prepared, reference_and_branches
from model.forcing import Change, Forcing

Float = npt.NDArray[np.float64]

PAIRS = 24
SIZE = 100_000
FROM = 168  # January 2024
MEASURE = 0.9  # initiation of cannabis
LARGEST = 1.0 / 25.0


def users(output: Output, prepared: Prepared, product: str, states: str) -> Float:
    """Mean number of people in 2030 who use a product, or have a disorder, by seed."""
    structure = prepared.structure
    own = structure.product_of_state == structure.products.index(product)
    chosen = own & (getattr(structure.wiring, states) == 1)
    return np.asarray(output.time[:, -1, chosen].sum(axis=(1, 2)))


def run(prepared: Prepared, forcing: Forcing) -> Output:
    """All seeds from January 2024 to the end of 2030."""
    _, states = reference_and_branches(prepared, [FROM])
    request = Request(SIZE, tuple(range(1, PAIRS + 1)))
    stop = prepared.demography.months
    return simulate_agents(prepared, 0, forcing, states[FROM], stop, request, threads=2).output


@pytest.mark.long
def test_pairs_of_one_seed_tell_a_measure_from_chance(
    prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.ones(prepared.demography.months)
    values[FROM:] = MEASURE
    everyone = np.ones(prepared.strata.size, dtype=np.bool_)
    change = Change("initiation", ("cannabis",), values, everyone)
    current = run(prepared, prepared.forcing())
    changed = run(prepared, prepared.forcing([change]))
    ratios = {}
    for states in ("using", "harmed"):
        one = users(changed, prepared, "cannabis", states)
        two = users(current, prepared, "cannabis", states)
        paired = float(np.var(one - two, ddof=1))
        # Of two runs whose seeds have nothing in common.
        apart = float(np.var(one, ddof=1) + np.var(two, ddof=1))
        ratios[states] = paired / apart
        with capsys.disabled():
            print(
                f"\ncannabis, {states}: difference {np.mean(one - two):.0f} people, sd"
                f" {paired**0.5:.0f} with one seed and {apart**0.5:.0f} with two, variance"
                f" {apart / paired:.0f} times smaller ({PAIRS} pairs of {SIZE} agents)"
            )
        assert np.mean(one - two) < 0.0
    assert ratios["using"] <= LARGEST
    # Other products hardly notice: nobody's luck there depends on the measure.
    for product in ("alcohol", "tobacco"):
        one, two = (users(o, prepared, product, "using") for o in (changed, current))
        assert np.var(one - two) <= LARGEST * (np.var(one) + np.var(two))
