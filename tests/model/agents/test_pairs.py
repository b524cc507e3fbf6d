"""What common random numbers are worth: scenario pairs with one seed against two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from model.agents.build import MarketRule
from model.agents.engine import Request, Switches, persons_per_agent, simulate_agents
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


def run(prepared: Prepared, forcing: Forcing, switches: Switches) -> Output:
    """All seeds from January 2024 to the end of 2030."""
    _, states = reference_and_branches(prepared, [FROM])
    request = Request(SIZE, tuple(range(1, PAIRS + 1)), switches)
    stop = prepared.demography.months
    return simulate_agents(prepared, 0, forcing, states[FROM], stop, request, threads=2).output


@pytest.mark.long
@pytest.mark.parametrize("markets", ["shared", "actors"])
def test_pairs_of_one_seed_tell_a_measure_from_chance(
    prepared: Prepared, capsys: pytest.CaptureFixture[str], markets: MarketRule
) -> None:
    """Of people with a disorder the difference has 25 times less variance, or better.

    Of people who use it cannot: the measure changes a twentieth of them, each by chance, so that
    pairs have at least as much variance as so many people have who change one by one. It is held to
    four times that, and printed.
    """
    switches = Switches(markets=markets)
    values = np.ones(prepared.demography.months)
    values[FROM:] = MEASURE
    everyone = np.ones(prepared.strata.size, dtype=np.bool_)
    change = Change("initiation", ("cannabis",), values, everyone)
    current = run(prepared, prepared.forcing(), switches)
    changed = run(prepared, prepared.forcing([change]), switches)
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
                f"\n{markets} markets, cannabis, {states}: difference {np.mean(one - two):.0f}"
                f" people, sd {paired**0.5:.0f} with one seed and {apart**0.5:.0f} with two,"
                f" variance {apart / paired:.0f} times smaller ({PAIRS} pairs of {SIZE} agents)"
            )
        assert np.mean(one - two) < 0.0
        moved = abs(float(np.mean(one - two))) * persons_per_agent(SIZE)  # persons squared
        assert states == "harmed" or paired <= 4.0 * moved
    assert ratios["harmed"] <= LARGEST
    # Other products hardly notice: nobody's luck there depends on the measure.
    for product in ("alcohol", "tobacco"):
        one, two = (users(o, prepared, product, "using") for o in (changed, current))
        assert np.var(one - two) <= LARGEST * (np.var(one) + np.var(two))
