"""C12 from the actors of the market: half of what comes in is taken away (see test_supply_shock).

The case reports one market; here each seed is a market of some ten actors a kind. What it reports
must hold for the mean over seeds, and the shock itself for each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from mesa import Model

from calibration.priors import draw_priors
from model.agents.enforcement import Enforcement
from model.agents.market_book import Key
from model.agents.marketplace import Actors, frame
from model.agents.terms import terms
from model.catalogue import load_catalogue
from model.forcing import Change
from model.parameters import Draws
from model.prepared import market_of, paths_of, region_starts
from model.prices import price_paths
from model.strata import build_strata
from tests.published.bounds import Case, above, below, between
from tests.published.laboratory import projection, with_values
from tests.published.test_supply_shock import CASE, MONTHS, PRODUCT, SHOCK

Float = npt.NDArray[np.float64]

SEEDS = 24


def _case_draws() -> Draws:
    drawn = draw_priors(load_catalogue(), 1, median=True)
    rows = {name: drawn.require(PRODUCT, "illegal", name, "the case")[0] for name in CASE}
    return with_values(drawn, {row.key: CASE[name] for name, row in rows.items()})


def _series(enforced: bool) -> Float:
    """(seeds, months, 3): price of pure substance, street price and purity, before the shock 1."""
    strata = build_strata([10, 18, 25, 35, 65])
    draws = _case_draws()
    prepared = projection(load_catalogue(), strata, draws)
    structure, rates = prepared.structure, prepared.rates
    halved = np.ones(prepared.demography.months)
    halved[SHOCK:] = 0.5
    everyone = np.ones(strata.size, dtype=bool)
    forcing = prepared.forcing(
        [Change(handle, (PRODUCT,), halved, everyone) for handle in ("import_flow", "production")]
    )
    regions = region_starts(strata)
    paths = paths_of(price_paths(structure, rates.terms, forcing, regions[:-1], MONTHS), 0)
    people = np.add.reduceat(prepared.demography.start, regions[:-1])
    setting = frame(market_of(prepared, 0), rates.terms.domestic[0], people)
    p, markets = structure.products.index(PRODUCT), setting.products.size
    own, idle, found = terms(draws, 0), np.zeros(len(structure.products)), []
    for seed in range(SEEDS):
        model = Model(seed=1)
        units = Enforcement(model, strata.regions, markets, own) if enforced else None
        actors = Actors(model, setting, own, Key(seed, 0), units)
        actors.start(0, np.zeros(markets), np.zeros((markets, 3)))
        prices = np.array([actors.month(month, paths, idle)[p] for month in range(MONTHS)])
        found.append(np.exp(prices[SHOCK:] - prices[:SHOCK].mean(axis=0)))
    return np.array(found)


def _check(case: Case, name: str, found: Float) -> None:
    price, street, purity = np.moveaxis(found, 2, 0)
    # Threefold, at once, in every market; purity goes before the price on the street moves.
    assert (np.abs(price.max(axis=1) - 3.0) < 0.6).all()
    mean = price.mean(axis=0)
    words = "price of pure substance, times that before, mean of markets"
    case(f"{name}: {words}", 3.0, mean.max(), between(2.7, 3.3))
    assert (price.argmax(axis=1) == 0).all()
    lowest = CASE["street_purity"] * purity.min(axis=1)
    case(f"{name}: lowest purity, the market of the highest", 0.2, lowest.max(), below(0.4))
    assert (purity.argmin(axis=1) < street.argmax(axis=1)).all()
    # Back within four months: on average within a fifth, and a tenth a month later. A market of
    # ten waits for the next newcomer, so single ones are earlier or later than the equations.
    after = "times that before, mean of markets"
    case(f"{name}: price after four months, {after}", 1.0, mean[4:].max(), below(1.2))
    case(f"{name}: price after five months, {after}", 1.0, mean[5:].max(), below(1.1))
    assert (np.mean(price[:, 4:] < 1.2, axis=0) > 0.5).all()
    last = float(purity.mean(axis=0)[4:].min())
    case(f"{name}: purity after four months, {after}", 1.0, last, above(0.9))


def test_half_of_what_comes_in_triples_the_price_for_four_months(case: Case) -> None:
    _check(case, "C12 precursor control, agents", _series(enforced=False))


def test_the_same_with_police_and_customs(case: Case) -> None:
    _check(case, "C12 precursor control, agents with police and customs", _series(enforced=True))
