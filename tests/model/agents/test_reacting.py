"""Rules that watch agents: each seed decides for itself, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.adaptive import NEVER, Part, Rule
from model.agents.engine import AgentRun, Checkpoints, Request, simulate_agents
from model.agents.reacting import Reacted, Reaction, simulate_reacting
from model.catalogue import Catalogue
from model.compartments import Prepared, Result, State
from model.errors import InputError
from model.forcing import Change
from model.parameters import Draws
from tests.model.agents.twins import SIZE

States = dict[int, State]

FROM, SINCE, STOP = 168, 180, 204  # January 2024, 2025 and 2027
WATCHED = 2024 - 2010
REQUEST = Request(SIZE, (1, 2))


@pytest.fixture(scope="module")
def part(prepared: Prepared, median_draw: Draws, catalogue: Catalogue) -> Part:
    return Part(prepared, median_draw, catalogue)


@pytest.fixture(scope="module")
def rule(prepared: Prepared) -> Rule:
    """Always met, half a year after the year's end: initiation of cannabis falls by a half."""
    everyone = np.ones(prepared.strata.size, dtype=np.bool_)
    return Rule(
        id="act",
        indicator="initiations",
        product="cannabis",
        region="Belgium",
        when="above",
        threshold=-np.inf,
        window=1,
        noise=0.0,
        delay=np.array([6.0]),
        interval=np.array([1.0]),
        changes=(Change("initiation", ("cannabis",), np.array([[0.5]]), everyone),),
    )


def reacted(
    part: Part,
    states: States,
    reference: Result,
    rule: Rule,
    checkpoints: Checkpoints | None = None,
) -> Reacted:
    reaction = Reaction(part, (rule,), SINCE, 5, reference.output)
    forcing = part.prepared.forcing()
    return simulate_reacting(reaction, forcing, states[FROM], STOP, REQUEST, 2, checkpoints)


def plain(prepared: Prepared, states: States, *changes: Change) -> AgentRun:
    forcing = prepared.forcing(changes)
    return simulate_agents(prepared, 0, forcing, states[FROM], STOP, REQUEST, 2)


def assert_same(found: AgentRun, expected: AgentRun) -> None:
    for array, same in zip(found.output, expected.output, strict=True):
        np.testing.assert_array_equal(array, same)
    for name, array in found.extra.items():
        np.testing.assert_array_equal(array, expected.extra[name])
    assert found[2:] == expected[2:]


@pytest.fixture(scope="module")
def unmoved(prepared: Prepared, states: States) -> AgentRun:
    return plain(prepared, states)


def initiations(part: Part, run: AgentRun) -> list[float]:
    """Of cannabis in 2024, by seed."""
    counter = part.prepared.structure.counters_of("initiation")["cannabis"]
    return [float(n) for n in run.output.counted[:, WATCHED, counter].sum(axis=1)]


def test_where_no_rule_acts_the_bits_are_those_without_rules(
    part: Part, states: States, reference: Result, rule: Rule, unmoved: AgentRun
) -> None:
    kept = Checkpoints(SINCE - 1)
    never = replace(rule, threshold=np.inf)
    for checkpoints in (None, kept, kept):
        found = reacted(part, states, reference, never, checkpoints)
        np.testing.assert_array_equal(found.taken, [[NEVER, NEVER]])
        assert_same(found.run, unmoved)
    assert sorted(kept.saved) == [1, 2]
    # A checkpoint after the rules begin is neither used nor left.
    late = Checkpoints(SINCE + 1, dict(kept.saved))
    assert_same(reacted(part, states, reference, never, late).run, unmoved)


def test_what_a_rule_does_is_what_the_change_would_do(
    part: Part, states: States, reference: Result, rule: Rule
) -> None:
    found = reacted(part, states, reference, rule)
    month = SINCE + 6
    np.testing.assert_array_equal(found.taken, [[month, month]])
    values = np.ones(part.prepared.demography.months)
    values[month:] = 0.5
    known = plain(part.prepared, states, replace(rule.changes[0], values=values))
    assert_same(found.run, known)
    handle = part.prepared.structure.handles.index("initiation")
    p = part.prepared.structure.products.index("cannabis")
    before = part.prepared.forcing().yearly(handle, p)
    for forcing in found.forcings:
        np.testing.assert_allclose((forcing.yearly(handle, p) / before)[0, 15], 0.75)


def test_each_seed_decides_on_its_own_figures(
    part: Part, states: States, reference: Result, rule: Rule, unmoved: AgentRun
) -> None:
    one, other = initiations(part, unmoved)
    assert one != other
    between = replace(rule, threshold=(one + other) / 2, delay=np.array([0.0]))
    found = reacted(part, states, reference, between)
    acting = int(other > one)
    assert found.taken[0, acting] == SINCE
    assert found.taken[0, 1 - acting] >= SINCE + 12 or found.taken[0, 1 - acting] == NEVER
    still = found.run.output.time[1 - acting, WATCHED + 1]
    np.testing.assert_array_equal(still, unmoved.output.time[1 - acting, WATCHED + 1])
    moved = found.run.output.time[acting, WATCHED + 1]
    assert (moved != unmoved.output.time[acting, WATCHED + 1]).any()


def test_rules_that_cannot_be_watched_are_refused_before_anything_runs(
    part: Part, states: States, reference: Result, rule: Rule
) -> None:
    for wrong in (
        replace(rule, indicator="happiness"),
        replace(rule, indicator="alcohol_per_capita", product="tobacco"),
        replace(rule, threshold=np.nan),
    ):
        with pytest.raises(InputError, match="the rule act"):
            reacted(part, {FROM: None}, reference, wrong)  # type: ignore[dict-item]
    many = replace(part.prepared, multiplier=np.repeat(part.prepared.multiplier, 2, axis=0))
    with pytest.raises(InputError, match="one draw"):
        reacted(replace(part, prepared=many), states, reference, rule)
