"""The golden baseline: persons by product and reported state of the median reference run.

``make golden`` writes it anew; do so only with a line under "Changes results" in CHANGELOG.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from calibration.priors import draw_priors
from model.catalogue import REPORTED, load_catalogue
from model.compartments import FIRST_YEAR, assemble, simulate

GOLDEN = Path(__file__).with_name("reference.json")
YEARS = (2010, 2023, 2030)

Baseline = dict[str, dict[str, list[float]]]


def compute() -> Baseline:
    """Persons (yearly means of YEARS) by product and reported state, all of Belgium."""
    catalogue = load_catalogue()
    prepared = assemble(catalogue, draw_priors(catalogue, 1, median=True))
    structure, months = prepared.structure, prepared.demography.months
    persons = simulate(prepared, None, 0, months).output.time[0].sum(axis=-1)
    found: Baseline = {}
    for p, product in enumerate(structure.products):
        found[product] = {}
        for k, state in enumerate(REPORTED):
            chosen = (structure.product_of_state == p) & (structure.reported == k)
            values = persons[[year - FIRST_YEAR for year in YEARS]][:, chosen].sum(axis=1)
            found[product][state] = [float(value) for value in values]
    return found


def differences(old: Baseline, new: Baseline, tolerance: float) -> list[str]:
    """Lines that say what moved by more than ``tolerance`` (relative)."""
    lines = []
    for product in sorted(old.keys() | new.keys()):
        for state in REPORTED:
            before = old.get(product, {}).get(state)
            after = new.get(product, {}).get(state)
            if before is None or after is None:
                lines.append(f"{product} {state}: {before} -> {after}")
            elif not np.allclose(before, after, rtol=tolerance, atol=1e-6):
                lines.append(f"{product} {state} in {YEARS}: {before} -> {after}")
    return lines


if __name__ == "__main__":
    fresh = compute()
    if GOLDEN.exists():
        moved = differences(json.loads(GOLDEN.read_text()), fresh, 1e-9)
        print("\n".join(moved) or "nothing moved")
    GOLDEN.write_text(json.dumps(fresh, indent=1) + "\n")
