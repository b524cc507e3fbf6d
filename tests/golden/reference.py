"""The golden baseline of the compartments: every indicator of the median reference run, Belgium."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.compartments import FIRST_YEAR, Output, Prepared, assemble, simulate
from model.observation import observe
from model.parameters import Draws

GOLDEN = Path(__file__).with_name("reference.json")
YEARS = (2010, 2023, 2030)

Baseline = dict[str, dict[str, list[float]]]


def compute() -> Baseline:
    """Values in YEARS by indicator and product or union; what is missing has no entry."""
    catalogue = load_catalogue()
    draws = draw_priors(catalogue, 1, median=True)
    prepared = assemble(catalogue, draws)
    output = simulate(prepared, None, 0, prepared.demography.months).output
    return seen_in(prepared, draws, catalogue, output)


def seen_in(prepared: Prepared, draws: Draws, catalogue: Catalogue, output: Output) -> Baseline:
    """The baseline that a run gives."""
    everyone = np.ones((1, prepared.strata.size))
    seen = observe(prepared, draws, catalogue, output, None, everyone)
    owners = [row.id for row in catalogue.products] + [row.id for row in catalogue.unions]
    at = [year - FIRST_YEAR for year in YEARS]
    found: Baseline = {}
    for name in sorted(seen):
        values = {owner: seen[name][0, at, o, 0] for o, owner in enumerate(owners)}
        found[name] = {o: v.tolist() for o, v in values.items() if not np.isnan(v).any()}
    return found


def differences(old: Baseline, new: Baseline, tolerance: float) -> list[str]:
    """Lines that say what moved by more than ``tolerance`` (relative)."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, {}), new.get(name, {})
        for owner in sorted(before.keys() | after.keys()):
            was, now = before.get(owner), after.get(owner)
            if was is None or now is None:
                lines.append(f"{name} of {owner}: {was} -> {now}")
            elif not np.allclose(was, now, rtol=tolerance, atol=1e-12):
                lines.append(f"{name} of {owner} in {YEARS}: {was} -> {now}")
    return lines


def text(baseline: Baseline) -> str:
    """JSON with a line for each indicator, so that a difference is read by indicator."""
    lines = (f"{json.dumps(name)}: {json.dumps(baseline[name])}" for name in sorted(baseline))
    return "{\n" + ",\n".join(lines) + "\n}\n"
