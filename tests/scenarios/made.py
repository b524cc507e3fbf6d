"""Measures and drivers made for a test, in a library of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scenarios.compose import Run, compose
from scenarios.levers import read_levers
from scenarios.library import Library
from scenarios.schema import Plan, Settings
from scenarios.trends import read_trends

Float = npt.NDArray[np.float64]

MEASURE = """\
      - id: {id}
        in_strategy: implied
        grade: rct
        source: assumed
        range: [-100, 100]
        full: {{value: 1, unit: one, source: assumed}}
        timing: {{start: 2024-01, lag: 0, ramp: 0, fades: 0}}
        indicator: {{id: initiations, product: cannabis, sign: down}}
        note: why
{more}        effects:
          - {{{effect}}}
"""
DRIVER = """\
  - id: {id}
    side: {side}
    in_text: implied
    shape: {shape}
    basis: assumed
    source: assumed
    note: why
{more}    effects:
      - {{{effect}}}
"""
START = "handle: initiation, products: [cannabis]"


def measure(name: str, effect: str, **more: str) -> str:
    """A measure as text: at once, for all, for good, unless ``more`` keys say otherwise."""
    text = MEASURE.format(id=name, effect=effect, more="")
    for key, value in more.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"        {key}:")]
        text = "\n".join([*lines[:1], f"        {key}: {value}", *lines[1:]]) + "\n"
    return text


def driver(
    name: str, effect: str, side: str = "adverse", shape: str = "linear", **more: str
) -> str:
    """A driver as text."""
    told = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return DRIVER.format(id=name, effect=effect, side=side, shape=shape, more=told)


def with_measures(library: Library, folder: Path, *texts: str) -> Library:
    """A library whose only measures are these, of objective 1.1."""
    path = folder / "levers.yaml"
    head = 'id: SD1\nobjectives:\n  - id: "1.1"\n    measures:\n'
    path.write_text(head + "".join(texts), encoding="utf-8")
    return replace(library, measures=read_levers([path], library.known), rules={}, blocks={})


def with_drivers(library: Library, folder: Path, *texts: str) -> Library:
    """A library whose only drivers are these, of trend F1."""
    path = folder / "trends.yaml"
    path.write_text("id: F1\ndrivers:\n" + "".join(texts), encoding="utf-8")
    drivers = read_trends([path], library.known, library.measures)
    return replace(library, drivers=drivers, trends=("F1",), cross_impact=np.eye(1), blocks={})


def logs(plan: Plan, run: Run, handle: str = "initiation", product: str = "cannabis") -> Float:
    """Log multiplier of one handle of one product, (D, months, S), all changes together."""
    together = np.zeros((run.deal.count, run.months, len(run.strata.region)))
    for change in compose(plan, run).changes:
        if change.handle == handle and product in change.products:
            values = np.atleast_2d(change.values)[:, : run.months, None]
            together = together + np.where(change.strata, np.log(values), 0.0)
    return together


def moved(positions: dict[str, float], settings: Settings | None = None) -> Plan:
    """A plan that moves measures alone."""
    return Plan(positions, {}, settings=settings or Settings())
