"""The methods: what each answers, which designs it can read, whether it honours groups."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from experiments.sensitivity.problem import Float, Plan, Problem, Settings
from model.errors import InputError

GIVEN = ("latin", "sobol-sequence", "rbd-fast", "pawn", "delta", "hdmr")


@dataclass(frozen=True)
class Method:
    """``designs``: methods of a batch's design that it reads; ``doubling``: N a power of two."""

    id: str
    title: str
    designs: tuple[str, ...]
    main: str  # the index that factors are ranked by
    half_width: str
    groups: bool = False
    doubling: bool = False
    slow: bool = False  # a second or more an output
    fixed: bool = False  # its size follows from the factors: more runs are of no use

    @property
    def prepare(self) -> Callable[[Float, Problem, Settings], Plan]:
        """Loaded when asked for: some compile."""
        module = importlib.import_module(f"experiments.sensitivity.{self.id.replace('-', '_')}")
        prepare: Callable[[Float, Problem, Settings], Plan] = module.prepare
        return prepare


METHODS = {
    one.id: one
    for one in (
        Method("sobol", "Sobol indices", ("sobol",), "ST", "ST_conf", groups=True, doubling=True),
        Method(
            "morris", "Elementary effects (Morris)", ("morris",), "mu_star", "mu_star_conf", True
        ),
        Method("fast", "Extended FAST", ("fast",), "ST", "ST_conf"),
        Method("rbd-fast", "RBD-FAST", GIVEN, "S1", "S1_conf"),
        Method("pawn", "PAWN", GIVEN, "median", "median_conf", groups=True),
        Method("delta", "Delta (Borgonovo)", GIVEN, "delta", "delta_conf", slow=True),
        Method("hdmr", "HDMR", GIVEN, "ST", "ST_conf", slow=True),
        Method(
            "fractional-factorial",
            "Fractional factorial",
            ("fractional-factorial",),
            "ME",
            "ME_conf",
            fixed=True,
        ),
    )
}


def method_of(name: str) -> Method:
    """By id. Raises InputError for an unknown one."""
    if name not in METHODS:
        raise InputError("no such method", key="METHOD", given=name, allowed=METHODS)
    return METHODS[name]


def check_design(method: Method, design: str) -> None:
    """Raises InputError where a batch of that design cannot be analysed so; says which can."""
    if design not in method.designs:
        allowed = [one.id for one in METHODS.values() if design in one.designs]
        raise InputError(
            f"{method.id} needs a design of its own; the points of this store are of another",
            key="design_method",
            given=design,
            allowed=f"of this store: {', '.join(allowed)}" if allowed else "none of this store",
        )
