"""The Mesa peers live by the engine's rules: expected stocks and transitions of a year."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from model.structure import NOBODY
from tests.benchmarks.agents_mesa import EVERYTHING, PLAIN, Month, Rules, Society
from tests.benchmarks.agents_mesa_tuned import TunedSociety
from tests.benchmarks.agents_tables import Tables, year_tables
from tests.benchmarks.problem import prepared

Float = npt.NDArray[np.float64]

YEAR = 5
PEOPLE = 2000


@pytest.fixture(scope="module")
def tables() -> Tables:
    return year_tables(prepared(), YEAR)


@pytest.fixture(scope="module")
def bare() -> Tables:
    return year_tables(prepared(), YEAR, own=True)


def lived(
    kind: type[Society], tables: Tables, rules: Rules, seeds: range
) -> tuple[Float, Float, Float]:
    """Mean over seeds of people by state, transitions by counter and excess deaths of a year."""
    counter = tables.wiring.counter
    stock, deaths = np.zeros(tables.stock.shape[0]), 0.0
    counted = np.zeros(int(tables.wiring.counter_start[-1]))
    months: list[Month] | None = None
    for seed in seeds:
        society = kind(tables, PEOPLE, seed, rules, months)
        months = society.months
        for _ in range(12):
            society.step()
        stock += society.counts()
        moves = np.array(society.counted, dtype=np.float64)
        np.add.at(counted, counter[counter != NOBODY], moves[counter != NOBODY])
        deaths += society.died
        society.remove_all_agents()  # Mesa keeps models
    return stock / len(seeds), counted / len(seeds), np.array([deaths / len(seeds)])


def scores(found: Float, expected: Float, seeds: range, *, of: float = np.inf) -> Float:
    """z of cells with 25 or more expected; of ``of`` people, or rare events."""
    large = expected * len(seeds) >= 25.0
    error = np.sqrt(expected * (1.0 - expected / of) / len(seeds))
    return np.asarray((found - expected)[large] / error[large])


def rms(values: Float) -> float:
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.parametrize(
    ("kind", "seeds"),
    [
        (Society, range(8)),
        (TunedSociety, range(20)),
        # Enough people to see a peer whose people make one move a month at most (z of -7).
        pytest.param(TunedSociety, range(300, 400), marks=pytest.mark.long),
    ],
)
def test_peer_meets_the_compartmental_engine(
    kind: type[Society], seeds: range, tables: Tables
) -> None:
    stock, counted, deaths = lived(kind, tables, PLAIN, seeds)
    weight = tables.population.sum() / PEOPLE
    people = float(tables.end.population.sum()) / weight
    expected = tables.output.counted[0, YEAR].sum(axis=1) / weight
    of_counted = scores(counted, expected, seeds)
    excess = np.array([tables.output.excess_deaths[0, YEAR].sum() / weight])
    living = stock[: tables.wiring.state_start[1]].sum()
    assert living == pytest.approx(people, rel=0.005)
    stock *= people / living  # shares: births, deaths and migration scatter all cells together
    of_stock = scores(stock, tables.end.stock[0].sum(axis=1) / weight, seeds, of=people)
    assert len(of_stock) > 50
    assert rms(of_stock) < 1.3
    assert len(of_counted) > 30
    assert rms(of_counted) < 1.3
    whole = scores(counted.sum(keepdims=True), expected.sum(keepdims=True), seeds)
    assert abs(whole).max() < 3.0
    assert abs(scores(deaths, excess, seeds)).max() < 3.0


@pytest.mark.long
def test_both_peers_are_one_process_with_ties_liability_own_use_and_lists(bare: Tables) -> None:
    plain, tuned = range(5), range(100, 116)
    stock, counted, _ = lived(Society, bare, EVERYTHING, plain)
    other, others, _ = lived(TunedSociety, bare, EVERYTHING, tuned)
    for one, two in ((stock, other), (counted, others)):
        both = (one * len(plain) + two * len(tuned)) / (len(plain) + len(tuned))
        large = both * len(plain) >= 25.0
        error = np.sqrt(both * (1.0 / len(plain) + 1.0 / len(tuned)))[large]
        assert rms((one - two)[large] / error) < 1.3


def test_lists_keep_within_places(bare: Tables) -> None:
    society = TunedSociety(bare, PEOPLE, 1)
    starting = {id(c): c.treated for row in society.centres for c in row}
    for _ in range(12):
        society.step()
    treated = [[0] * len(row) for row in society.centres]
    for person in society.agents_by_type[society.person]:
        for p, z in enumerate(person.state):
            if (service := society.treating[p][z]) != NOBODY:
                treated[service][society.region[person.stratum]] += 1
    for row, counts in zip(society.centres, treated, strict=True):
        for centre, count in zip(row, counts, strict=True):
            assert centre.treated == count
            assert count <= max(centre.places, starting[id(centre)])
