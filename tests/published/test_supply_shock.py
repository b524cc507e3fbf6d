"""C12: the supply shock of published case C12, a precursor control that halved a market's supply.

Reported for methamphetamine in the United States: price about threefold, purity down from 90% to
20%, use among people arrested down by 55%, all back within four months. The case gives the
replacement time and the elasticity (half the supply at three times the price); the rest is ours.
"""

from __future__ import annotations

import math

import numpy as np

from calibration.priors import draw_priors
from model.catalogue import load_catalogue
from model.compartments import simulate
from model.forcing import Change
from model.parameters import Draws
from model.strata import build_strata
from tests.published.bounds import Case, above, below, between
from tests.published.laboratory import projection

PRODUCT = "methamphetamine"
SHOCK = 12  # month
MONTHS = 24
CASE = {
    "amount_price_elasticity": -math.log(2.0) / math.log(3.0),
    "replacement_time": 0.13,  # years: back within four months
    "diversion": 0.0,
    "dilution": 0.4,
    "sticker_time": 1.0 / 12.0,
    "street_purity": 0.9,
    "lowest_purity": 0.05,
}


def _case_draws() -> Draws:
    catalogue = load_catalogue()
    drawn = draw_priors(catalogue, 1, median=True)
    values = dict(drawn.values)
    for name, value in CASE.items():
        row = drawn.require(PRODUCT, "illegal", name, "the case")[0]
        values[row.key] = np.array([value])
    return Draws(drawn.rows, values, drawn.innovations, drawn.seed)


def test_half_the_supply_triples_the_price_for_four_months(case: Case) -> None:
    draws = _case_draws()
    strata = build_strata([10, 18, 25, 35, 65])
    prepared = projection(load_catalogue(), strata, draws)
    months = prepared.demography.months
    halved = np.ones(months)
    halved[SHOCK:] = 0.5
    everyone = np.ones(strata.size, dtype=bool)
    changes = [
        Change(handle, (PRODUCT,), halved, everyone) for handle in ("import_flow", "production")
    ]
    forcing = prepared.forcing(changes)
    reference = simulate(prepared, None, 0, months)
    state = simulate(prepared, None, 0, SHOCK).state.with_reference(reference.state)
    p = prepared.structure.products.index(PRODUCT)
    before = reference.output.market[0, 0, p]
    found = []
    for month in range(SHOCK, MONTHS):
        last = state.market[0, p].copy(), state.taken[0, p, 0].copy()
        if month % 12 == 0:
            last = np.zeros(3), np.zeros(())
        state = simulate(prepared, forcing, month, month + 1, state).state
        if month % 12 == 11:
            break
        found.append([*(state.market[0, p] - last[0]), float(state.taken[0, p, 0] - last[1])])
    price, sticker, purity, taken = np.array(found).T / np.append(before, 1.0)[:, None]
    name = "C12 precursor control"
    case(f"{name}: price of pure substance, times that before", 3.0, price.max(), between(2.7, 3.3))
    assert price.argmax() == 0
    lowest = CASE["street_purity"] * purity.min()
    case(f"{name}: lowest purity", 0.2, lowest, below(0.35))
    assert purity.argmin() < sticker.argmax()
    taken_words = f"{name}: amount taken, times that before (the case halves the supply)"
    case(taken_words, 0.5, taken.min(), between(0.45, 0.55))
    case(f"{name}: price after four months, times that before", 1.0, price[4:].max(), below(1.1))
    case(f"{name}: purity after four months, times that before", 1.0, purity[4:].min(), above(0.9))
