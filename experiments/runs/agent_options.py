"""What can be asked of a run with agents: how many, how many seeds, what is switched off."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from model.errors import InputError

if TYPE_CHECKING:
    from model.agents.engine import Request, Switches
    from model.agents.terms import Terms

WHOLE = "whole"
DEFAULT_AGENTS, DEFAULT_SEEDS = 100_000, 4
DEFAULT_DRAWS = {"compartments": 200, "agents": 4}
YES, NO = "on", "off"


@dataclass(frozen=True)
class Agents:
    """A run with agents; ``number`` None is one for each inhabitant of 1 January 2023.

    ``switches``: NAME=VALUE as given, of those that are not as they are by default.
    """

    number: int | None = DEFAULT_AGENTS
    seeds: int = DEFAULT_SEEDS
    switches: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many agents there are."""
        from model.agents.engine import inhabitants

        return inhabitants() if self.number is None else self.number

    @property
    def persons(self) -> float:
        """Persons that one agent stands for."""
        from model.agents.engine import inhabitants

        return inhabitants() / self.size

    @property
    def asked(self) -> str:
        """The options of the command line that ask for this."""
        number = WHOLE if self.number is None else self.number
        switches = "".join(f" --switch {one}" for one in self.switches)
        return f"--engine agents --agents {number} --seeds {self.seeds}{switches}"

    def request(self, numbers: Sequence[int], terms: Terms) -> Request:
        """What the engine is asked for, with these numbers of seeds. Raises InputError."""
        from model.agents.engine import Request

        return Request(self.size, tuple(numbers), read_switches(self.switches), terms)

    def check(self) -> None:
        """Refuse what cannot run, before anything does. Raises InputError."""
        from model.agents.engine import check_request

        read_switches(self.switches)
        check_request(self.size, self.seeds)


def read_agents(
    engine: str, number: str | None, seeds: int | None, switches: Sequence[str]
) -> Agents | None:
    """What was given on the command line; None for compartments. Raises InputError."""
    if engine != "agents":
        for key, given in (
            ("--agents", number),
            ("--seeds", seeds),
            ("--switch", switches or None),
        ):
            if given is not None:
                raise InputError(
                    "only a run with agents has this",
                    key=key,
                    given=given,
                    allowed=f"together with --engine agents, or no {key}",
                )
        return None
    return Agents(
        DEFAULT_AGENTS if number is None else _number(number),
        DEFAULT_SEEDS if seeds is None else seeds,
        tuple(switches),
    )


def _number(given: str) -> int | None:
    if given == WHOLE:
        return None
    try:
        return int(given.replace("_", ""))
    except ValueError:
        raise _bad_number(given) from None


def _bad_number(given: object) -> InputError:
    allowed = f"a whole number from 1 on, or {WHOLE}: one agent for each inhabitant"
    return InputError("not a number of agents", key="--agents", given=given, allowed=allowed)


def read_switches(given: Sequence[str]) -> Switches:
    """Switches from NAME=VALUE (on or off, or the name of a variant). Raises InputError."""
    from model.agents.engine import Switches

    kinds, found = get_type_hints(Switches), dict[str, Any]()
    names = [one.name for one in fields(Switches)]
    for text in given:
        name, sign, value = text.partition("=")
        if name not in names or not sign:
            allowed = [f"{one}={'|'.join(_values(kinds[one]))}" for one in names]
            raise InputError("unknown switch", key="--switch", given=text, allowed=allowed)
        values = _values(kinds[name])
        if value not in values:
            allowed = [f"{name}={one}" for one in values]
            what = "unknown value of a switch"
            raise InputError(what, key="--switch", given=text, allowed=allowed)
        found[name] = values[value]
    return Switches(**found)


def _values(kind: object) -> dict[str, bool | str]:
    """Values of a switch by what is written for them."""
    if get_origin(kind) in (Literal, types.UnionType):
        return {str(one): one for one in get_args(kind)}
    return {YES: True, NO: False}


def switches_text(switches: Switches) -> str:
    """All switches and their values: "network=on ageing=cohorts"."""
    told = {True: YES, False: NO}
    values = ((one.name, getattr(switches, one.name)) for one in fields(switches))
    return " ".join(f"{name}={told.get(value, value)}" for name, value in values)


def attributes(agents: Agents) -> dict[str, str | int]:
    """Attributes of datasets made with agents. ``seeds`` is the seed of the draws.

    Raises InputError for unknown switches.
    """
    return {
        "engine": "agents",
        "agents": agents.size,
        "agent_seeds": agents.seeds,
        "persons_per_agent": f"{agents.persons:.9g}",
        "switches": switches_text(read_switches(agents.switches)),
    }
