"""Adaptive rules with agents: what rules watch is what the agents did, their chance included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from model.adaptive import Advance, Branch, Part, Rule, check_known, run_with_rules
from model.agents.engine import (
    AgentRun,
    Checkpoints,
    OneSeed,
    Request,
    each_seed,
    finish,
    go_on,
    set_out,
    setting_for,
    together,
)
from model.errors import InputError
from model.forcing import Forcing
from model.prepared import Output, Prepared, State

if TYPE_CHECKING:
    from model.agents.twin import Twin

Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reaction:
    """``rules`` that decide from month ``since`` on; ``part`` is of one draw.

    ``seed`` is that of the noise of figures, which is the same for all seeds of a draw.
    ``reference``: output of the compartments, in which every figure must be known.
    """

    part: Part
    rules: tuple[Rule, ...]
    since: int
    seed: int
    reference: Output


class Reacted(NamedTuple):
    """A run of agents with rules; seeds differ in what their rules did."""

    run: AgentRun
    forcings: tuple[Forcing, ...]  # what was really forced, by seed
    taken: Int  # (rules, seeds) month in which each acted, -1 for never


def simulate_reacting(
    reaction: Reaction,
    forcing: Forcing,
    state: State,
    stop: int,
    request: Request,
    threads: int = 1,
    checkpoints: Checkpoints | None = None,
) -> Reacted:
    """As ``simulate_agents`` under ``forcing`` and rules, each seed with decisions of its own.

    Where no rule acts, the bits are those without rules. A figure that few agents leave unknown
    passes nothing. Raises InputError for rules that do not fit and for more than one draw.
    """
    part = reaction.part
    if part.prepared.draws != 1:
        what = "rules act on agents of one draw at a time"
        raise InputError(what, key="part", given=part.prepared.draws, allowed="1")
    check_known(part, reaction.reference, part.prepared.forcing(), reaction.rules)
    if checkpoints is not None and checkpoints.month > reaction.since:
        checkpoints = None  # rules may act before it

    def one(seed: int, threads: int) -> tuple[OneSeed, Forcing, Int]:
        setting = setting_for(part.prepared, 0, state, request, seed)
        twin = set_out(setting, forcing, state, threads, checkpoints)
        go_on(twin, reaction.since, checkpoints)
        output = Output(**{name: a[None].copy() for name, a in twin.records.output.items()})
        branch = Branch(forcing, state._replace(month=reaction.since), output, chance=True)
        walk = advance_of(twin)
        decided = run_with_rules(part, branch, reaction.rules, stop, reaction.seed, walk)
        return finish(twin), decided.forcing, decided.taken[:, 0]

    found = each_seed(one, request, threads)
    return Reacted(
        together([own for own, _, _ in found], request.size),
        tuple(own for _, own, _ in found),
        np.stack([own for _, _, own in found], axis=1),
    )


def advance_of(twin: Twin) -> Advance:
    """How a run with rules moves ``twin``; of the state it hands over only the month is true."""

    def advance(
        output: Output, prepared: Prepared, forcing: Forcing, after: int, state: State
    ) -> State:
        twin.crowd.set_forcing(forcing)  # rules may have written into its values
        go_on(twin, after)
        first, last = state.month // 12, after // 12
        for name, array in twin.records.output.items():
            # Of the January after the last year people are known, and nothing else.
            end = last + 1 if name == "january" else last
            getattr(output, name)[0, first:end] = array[first:end]
        return state._replace(month=after)

    return advance
