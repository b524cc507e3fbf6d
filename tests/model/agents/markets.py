"""Illicit markets for tests of their actors: identical products, flat paths, nobody else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from mesa import Model

from calibration.priors import draw_priors
from model.agents.enforcement import Enforcement
from model.agents.market_book import Key
from model.agents.marketplace import Actors, frame
from model.agents.terms import Terms, terms
from model.arrays import DrawMarket, DrawPaths
from model.catalogue import load_catalogue
from model.markets import Terms as MarketTerms

Float = npt.NDArray[np.float64]

REGIONS = ("north", "middle", "south")
TERMS = terms(draw_priors(load_catalogue(), 1, median=True), 0)
# Many, alike, never short downstream, each keeping to its product: the limit of the equations.
MANY = TERMS._replace(
    actor_number=400.0,
    actor_size_sd=0.0,
    actor_cost_sd=0.0,
    actor_slack=50.0,
    actor_switching=np.inf,
)


def draw_market(market: MarketTerms, products: int = 1) -> DrawMarket:
    """The market terms of ``products`` that are alike and illicit."""
    own = market._asdict()
    names = (own.get(name, 0.0) for name in DrawMarket._fields)
    found = DrawMarket(*(np.full(products, value) for value in names))
    return found._replace(traded=np.ones(products))


def flat_paths(months: int, products: int = 1) -> DrawPaths:
    """Paths on which nothing moves."""
    flat = np.zeros((months, products))
    local = np.zeros((months, products, len(REGIONS)))
    return DrawPaths(flat, flat.copy(), flat.copy(), flat + 1.0, local, local + 1.0)


def with_capacity(paths: DrawPaths, path: Sequence[float] | Float) -> DrawPaths:
    """The first product's log capacity of routes by month."""
    paths.capacity[:, 0] = path
    return paths


def actors_of(
    market: MarketTerms,
    own: Terms = TERMS,
    key: Key = Key(1, 0),  # noqa: B008
    products: int = 1,
    police: bool = False,
) -> Actors:
    """Markets as in January 2010."""
    model = Model(seed=1)
    people = np.array([6.7e6, 1.2e6, 3.7e6])
    setting = frame(draw_market(market, products), np.full(products, 0.4), people)
    enforcement = Enforcement(model, REGIONS, products, own) if police else None
    actors = Actors(model, setting, own, key, enforcement)
    actors.start(0, np.zeros(products), np.zeros((products, 3)))
    return actors


def run(actors: Actors, paths: DrawPaths, first: int = 0, last: int | None = None) -> Float:
    """Prices (months, P, 3) with demand as expected."""
    months = range(first, len(paths.cost) if last is None else last)
    idle = np.zeros(paths.cost.shape[1])
    return np.array([actors.month(month, paths, idle) for month in months])
