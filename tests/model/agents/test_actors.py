"""Actors of illicit markets: the limit of many, balance of capacity, choices, bounds, streams."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mesa import Model

from model.agents.actors import (
    Importer,
    OnlineVendor,
    Seller,
    Wholesaler,
    demand_excess,
    set_prices,
)
from model.agents.enforcement import Enforcement
from model.agents.market_book import (
    CONTRACTED,
    ENTERED,
    EXPANDED,
    IMPORTER,
    LEFT,
    MOVED,
    RETURNED,
    SELLER,
    VENDOR,
    Key,
    layers,
)
from model.agents.marketplace import Actors, frame
from model.arrays import DrawForcing, DrawPaths, Run
from model.compartments import start_state
from model.markets import LARGEST, MONTH, Market, Terms, advance, cleared, shock_response, shocked
from model.prepared import (
    Prepared,
    market_of,
    paths_of,
    rates_of,
    region_starts,
    setting_of,
    state_of,
    work_for,
)
from model.prices import price_paths
from model.trading import _illicit, trade
from tests.model.agents.markets import (
    MANY,
    REGIONS,
    TERMS,
    Float,
    actors_of,
    draw_market,
    flat_paths,
    run,
    with_capacity,
)

CASE = Terms(math.log(2.0) / math.log(3.0), 0.13, 0.4, 1.0 / 12.0, math.log(0.05 / 0.9), 0.105)
SLOW = Terms(0.4, 0.6, 0.4, 0.25, -1.0, 0.5)
HALF = math.log(0.5)


def shared(terms: Terms, path: Float) -> Float:
    """Prices (months, 3) of the market of the equations on a path of log capacity."""
    market, found = Market(0.0, 0.0, 0.0), []
    for month, gap in enumerate(path):
        if month > 0:
            market = advance(market, terms, MONTH)
        market = shocked(market, terms, gap)
        found.append(tuple(cleared(market, terms, 0.0, 0.0)))
    return np.array(found)


def steps(*changes: tuple[int, float], months: int = 30) -> Float:
    path = np.zeros(months)
    for month, value in changes:
        path[month:] = value
    return path


def averaged(terms: Terms, path: Float, seeds: int, number: float = 400.0) -> tuple[Float, Float]:
    """Mean of prices over seeds, and the standard deviation over them of the log price."""
    own = MANY._replace(actor_number=number)
    runs = [
        run(actors_of(terms, own, Key(seed, 0)), with_capacity(flat_paths(path.size), path))[:, 0]
        for seed in range(seeds)
    ]
    return np.mean(runs, axis=0), np.std(runs, axis=0)[:, 0]


# The limit of many


@pytest.mark.parametrize("terms", [CASE, SLOW], ids=["case", "slow"])
@pytest.mark.parametrize(
    "path",
    [
        steps((3, HALF)),
        steps((3, HALF), (9, 0.0)),
        steps((3, -0.3), (8, -0.8), (15, -0.1)),
        steps((3, 0.4)),
        steps((3, 0.4), (9, -0.2)),
        steps((3, -6.0)),
    ],
    ids=["loss", "loss that ends", "losses", "gain", "gain and loss", "nothing comes in"],
)
def test_many_small_actors_follow_the_equations(terms: Terms, path: Float) -> None:
    """Within 0.05 of the logarithm: the mean of four seeds of 400 actors a kind."""
    found, _ = averaged(terms, path, 4)
    assert found == pytest.approx(shared(terms, path), abs=0.05)


def test_scarcity_fades_with_the_replacement_time() -> None:
    found, _ = averaged(SLOW, steps((1, HALF), months=14), 4)
    expected = shock_response(SLOW, HALF, 13)
    assert found[1:, 0] == pytest.approx(np.log(expected[:, 0]), abs=0.05)
    assert found[13, 0] / found[1, 0] == pytest.approx(math.exp(-1.0 / 0.6), abs=0.03)


def test_chance_fades_with_the_root_of_the_number() -> None:
    path = steps((1, HALF), months=8)
    _, few = averaged(SLOW, path, 16, 25.0)
    _, many = averaged(SLOW, path, 16, 400.0)
    assert 2.5 < few[3:].mean() / many[3:].mean() < 6.5


def test_a_market_goes_on_from_the_state_of_the_equations() -> None:
    market = shocked(Market(0.0, 0.0, 0.0), SLOW, -0.6)
    for _ in range(4):
        market = advance(market, SLOW, MONTH)
    actors = actors_of(SLOW, MANY)
    actors.start(6, np.array([-0.5]), np.array([tuple(market)]))
    paths = with_capacity(flat_paths(12), np.full(12, -0.5))
    found = actors.month(6, paths, np.array([0.1]))[0]
    expected = cleared(advance(market, SLOW, MONTH), SLOW, 0.0, 0.0)
    assert found == pytest.approx(tuple(expected), abs=0.05)


def test_more_demand_than_expected_raises_the_price() -> None:
    actors = actors_of(SLOW, MANY)
    found = actors.month(0, flat_paths(1), np.array([0.1]))
    assert found[0, 0] == pytest.approx(0.1 / SLOW.elasticity)


# Balance


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.floats(-2.0, 1.0), min_size=6, max_size=30))
def test_capacity_changes_by_what_the_ledger_says(seed: int, path: list[float]) -> None:
    actors = actors_of(SLOW, key=Key(seed, 1), products=2, police=True)
    before = layers(actors.book.capacity.sum(axis=2))
    run(actors, with_capacity(flat_paths(len(path), 2), path))
    after = layers(actors.book.capacity.sum(axis=2))
    assert before + actors.ledger().sum(axis=2) == pytest.approx(after, abs=1e-9)


def test_nothing_moves_where_nothing_happens() -> None:
    actors = actors_of(SLOW, TERMS._replace(actor_cost_sd=0.0))
    found = run(actors, flat_paths(24))
    assert found == pytest.approx(np.zeros_like(found), abs=1e-12)
    assert actors.ledger() == pytest.approx(np.zeros_like(actors.ledger()), abs=1e-12)


def test_entry_only_where_it_pays_and_exit_where_it_does_not() -> None:
    glut = actors_of(SLOW)
    run(glut, with_capacity(flat_paths(18), steps((2, 0.3), months=18)))
    coming = glut.ledger()[0, 0, [ENTERED, EXPANDED]]
    going = glut.ledger()[0, 0, [LEFT, CONTRACTED]]
    assert coming == pytest.approx(np.zeros(2), abs=1e-12)
    assert going.sum() < -0.15
    loss = actors_of(SLOW)
    run(loss, with_capacity(flat_paths(18), steps((2, HALF), months=18)))
    assert loss.ledger()[0, 0, [ENTERED, EXPANDED]].sum() > 0.25
    assert loss.ledger()[0, 0, [LEFT, CONTRACTED]] == pytest.approx(np.zeros(2), abs=1e-12)


def test_actors_leave_when_they_have_lost_for_long() -> None:
    paths = with_capacity(flat_paths(18), steps((2, 0.4), months=18))
    slower = SLOW._replace(replacement=1.5)
    left = []
    for seed in range(5):
        actors = actors_of(slower, TERMS._replace(actor_cost_sd=0.0), Key(seed, 0))
        run(actors, paths, 0, 8)
        assert actors.ledger()[0, 0, LEFT] == 0.0  # within their patience of six months
        run(actors, paths, 8)
        left.append(actors.ledger()[0, 0, LEFT])
    assert sum(left) < 0.0


def test_what_stood_in_goes_when_a_route_comes_back() -> None:
    actors = actors_of(SLOW)
    path = steps((2, HALF), (20, 0.0), months=24)
    found = run(actors, with_capacity(flat_paths(24), path))
    assert actors.ledger()[0, 0, RETURNED] < -0.1
    assert found[20:, 0, 0] == pytest.approx(np.zeros(4), abs=1e-9)


# Choices


def test_sellers_go_where_more_is_paid() -> None:
    paths = flat_paths(24)
    paths.local[:, :, 1] = 0.5
    there, usual = actors_of(SLOW), actors_of(SLOW)
    run(there, paths)
    run(usual, flat_paths(24))
    for actors, everyone in ((there, True), (usual, False)):
        selling = actors.book.capacity[0, SELLER] > 0.0
        assert (actors.book.route[0, SELLER, selling] == 1).all() == everyone
    vendors = there.book.capacity[0, VENDOR] > 0.0
    assert (there.book.route[0, VENDOR, vendors] == len(REGIONS) + 1).all()


def test_importers_shun_the_border_that_is_watched() -> None:
    actors = actors_of(SLOW, products=2, police=True)
    assert actors.enforcement is not None
    port = len(REGIONS)
    importing = actors.book.capacity[0, IMPORTER] > 0.0
    assert (actors.book.route[0, IMPORTER, importing] == port).any()
    # All that the port has done lately was about the first product.
    actors.enforcement.book.seized[port] = [50.0, 0.0]
    actors.enforcement.book.usual[port] = [0.5, 0.5]
    run(actors, flat_paths(1, 2))
    assert actors.appeal[0, IMPORTER, port] < actors.appeal[0, IMPORTER, port + 1]
    assert actors.appeal[1, IMPORTER, port] > actors.appeal[1, IMPORTER, port + 1]


def test_actors_change_to_the_product_that_pays_more() -> None:
    loss = steps((2, -1.5), months=12)
    ready = actors_of(SLOW, products=2)
    run(ready, with_capacity(flat_paths(12, 2), loss))
    assert ready.ledger()[1, 0, MOVED] < 0.0
    assert ready.ledger()[0, 0, MOVED] == 0.0
    settled = actors_of(SLOW, TERMS._replace(actor_switching=np.inf), products=2)
    run(settled, with_capacity(flat_paths(12, 2), loss))
    assert (settled.ledger()[:, :, MOVED] == 0.0).all()


# Mesa, streams and checkpoints


def test_every_actor_is_an_agent_and_they_are_few() -> None:
    actors = actors_of(SLOW, products=9, police=True)
    run(actors, with_capacity(flat_paths(24, 9), steps((2, HALF), (14, 0.4), months=24)))
    kinds = actors.model.agents_by_type
    for number, kind in enumerate((Importer, Wholesaler, Seller, OnlineVendor)):
        assert len(kinds[kind]) == np.count_nonzero(actors.book.capacity[:, number])
    assert len(actors.model.agents) < 700
    importer = next(iter(kinds[Importer]))
    assert isinstance(importer, Importer)
    assert importer.capacity == actors.book.capacity[importer.place] > 0.0


def test_the_key_alone_makes_the_run() -> None:
    paths = with_capacity(flat_paths(40, 3), steps((4, HALF), (20, 0.2), months=40))
    first = run(actors_of(SLOW, key=Key(5, 2), products=3, police=True), paths)
    again = actors_of(SLOW, key=Key(5, 2), products=3, police=True)
    again.model.random.seed(99)
    assert (run(again, paths) == first).all()
    for other in (Key(6, 2), Key(5, 3)):
        assert (run(actors_of(SLOW, key=other, products=3, police=True), paths) != first).any()


def test_a_run_goes_on_from_its_state_with_the_same_bits() -> None:
    paths = with_capacity(flat_paths(40, 3), steps((4, HALF), (20, 0.2), months=40))
    whole = actors_of(SLOW, key=Key(5, 2), products=3, police=True)
    expected = run(whole, paths)
    first = actors_of(SLOW, key=Key(5, 2), products=3, police=True)
    run(first, paths, 0, 17)
    assert first.enforcement is not None
    kept, units = first.state(), first.enforcement.state()
    run(first, paths, 17)  # what was kept are copies
    second = actors_of(SLOW, key=Key(5, 2), products=3, police=True)
    assert second.enforcement is not None
    second.load(kept)
    second.enforcement.load(units)
    assert (run(second, paths, 17) == expected[17:]).all()
    for name, array in whole.state().items():
        assert (second.state()[name] == array).all(), name


def _run_of(prepared: Prepared) -> Run:
    """January 2010, ready for its prices."""
    forcing, terms = prepared.forcing(), prepared.rates.terms
    first = region_starts(prepared.strata)[:-1]
    paths = price_paths(prepared.structure, terms, forcing, first, 24)
    return Run(
        prepared.structure.wiring,
        setting_of(prepared, forcing.cell),
        rates_of(prepared, 0),
        market_of(prepared, 0),
        paths_of(paths, 0),
        DrawForcing(forcing.series, forcing.values[0], forcing.active),
        state_of(start_state(prepared), 0),
        work_for(prepared),
    )


def test_prices_reach_people_as_those_of_the_equations_do(prepared: Prepared) -> None:
    """The same prices leave the same bits behind, legal products included."""
    theirs, ours, aside = (_run_of(prepared) for _ in range(3))
    products = ours.market.traded.size
    for month in (0, 1, 14):
        trade(theirs, month, False)
        prices = np.zeros((products, 3))
        prices[:, :2] = ours.paths.cost[month, :, None]
        for p in np.flatnonzero(ours.market.traded):
            prices[p] = tuple(_illicit(aside, int(p), month, False))
        set_prices(ours, prices, month)
        for name in ("purity", "market", "signal", "faded", "price", "taken"):
            assert (getattr(ours.state, name) == getattr(theirs.state, name)).all(), name
        assert (ours.work.harm == theirs.work.harm).all()


def test_actors_read_a_run(prepared: Prepared) -> None:
    """Demand over the expected, and the markets in the run's own state."""
    world = _run_of(prepared)
    demand = np.full(world.market.traded.size, np.nan)
    demand_excess(world, 0, demand)
    assert (demand == 0.0).all()  # no reference run yet
    trade(world, 0, True)
    world.state.demand[0] -= 0.1
    demand_excess(world, 0, demand)
    assert demand == pytest.approx(np.where(world.market.traded == 1.0, 0.1, 0.0))
    setting = frame(world.market, prepared.rates.terms.domestic[0], np.array([6.7, 1.2, 3.7]))
    actors = Actors(Model(seed=1), setting, MANY._replace(actor_number=20.0), Key(1, 0))
    size = setting.products.size
    actors.start(0, np.zeros(size), np.zeros((size, 3)))
    prices = actors.month(0, world.paths, demand)
    actors.set_state(world.state.gap, world.state.scarcity, world.state.sticker)
    expected = np.where(world.market.traded == 1.0, world.paths.capacity[0] - demand, 0.0)
    assert world.state.gap == pytest.approx(expected)
    assert world.state.scarcity == pytest.approx(expected)
    assert prices[:, 0] == pytest.approx(
        world.paths.cost[0] - expected / np.maximum(world.market.elasticity, 0.01)
    )


def test_a_catalogue_without_illicit_products_has_no_actors() -> None:
    setting = frame(draw_market(SLOW)._replace(traded=np.zeros(1)), np.zeros(1), np.ones(3))
    model = Model(seed=1)
    actors = Actors(model, setting, TERMS, Key(1, 0), Enforcement(model, REGIONS, 0, TERMS))
    actors.start(0, np.zeros(0), np.zeros((0, 3)))
    assert (run(actors, flat_paths(4)) == 0.0).all()


# Bounds

TERMS_OF_MARKETS = st.builds(
    Terms,
    elasticity=st.floats(0.05, 2.0),
    replacement=st.floats(0.05, 3.0),
    dilution=st.floats(0.0, 1.0),
    sticker_time=st.floats(0.02, 2.0),
    floor=st.floats(-3.0, 0.0),
    ceiling=st.floats(0.0, 2.0),
)


@settings(max_examples=25, deadline=None)
@given(
    TERMS_OF_MARKETS,
    st.lists(st.tuples(st.floats(-4.6, 3.0), st.floats(-1.0, 1.0)), min_size=3, max_size=24),
    st.integers(0, 1000),
)
def test_prices_stay_within_bounds(
    terms: Terms, path: list[tuple[float, float]], seed: int
) -> None:
    actors = actors_of(terms, key=Key(seed, 0), police=True)
    capacity = np.array(path)[:, 0]
    paths: DrawPaths = with_capacity(flat_paths(len(path)), capacity)
    for month, (_, demand) in enumerate(path):
        price, sticker, purity = actors.month(month, paths, np.array([demand]))[0]
        assert abs(price) <= LARGEST * (1.0 + 1e-9)
        assert terms.floor <= purity <= terms.ceiling
        assert sticker - purity == pytest.approx(price, abs=1e-9)
        assert (actors.book.capacity >= 0.0).all()
        assert np.isfinite(actors.margin).all()
