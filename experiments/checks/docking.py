"""How near agents come to the compartments, and what each refinement changes: the tables of
docs/agents-docking.md.

``python -m experiments.checks.docking`` runs both (some ten minutes on two
cores) and writes the page.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.posterior import drawn
from experiments.checks.odd_tables import filled
from model.agents.engine import (
    DOCKED,
    AgentRun,
    Request,
    Switches,
    persons_per_agent,
    simulate_agents,
)
from model.agents.terms import terms
from model.catalogue import load_catalogue
from model.compartments import Output, Prepared, assemble, reference_and_branches
from model.forcing import Change
from model.parameters import Draws
from model.population import load_demography
from model.prepared import State, region_starts
from model.strata import default_strata
from model.structure import NOBODY

Float = npt.NDArray[np.float64]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "agents-docking.md"
LEAST = 25.0  # agents that a cell needs
UNBOUNDED = 1e6  # times the places of 2010: nobody waits for one
LEAST_SIZES = 3  # of which a slope says something
FAR = 3.0  # standard errors
# Bounds of the verdict: of rms z over that of Student's t, of the slope, of the share beyond FAR.
RMS, SLOPE, MOST_BEYOND = (0.9, 1.1), (-0.55, -0.45), 0.006
LEAST_SEEDS = 32  # with fewer, Student's t puts more than MOST_BEYOND beyond FAR

# What the refinements are compared by, in 2030.
OUTCOMES = (
    "people using illegal drugs",
    "people with a disorder, illegal drugs",
    "people with a disorder, all products",
    "first use of illegal drugs",
    "people waiting for care",
    "people in treatment",
    "excess deaths",
)
ALONE: dict[str, dict[str, object]] = {
    "network": {"network": True},
    "liability": {"liability": True},
    "own couplings": {"couplings": True},
    "pooled places": {"centres": "pooled"},
    "queues at centres": {"centres": "queues"},
    "market actors": {"markets": "actors"},
    "outreach": {"outreach": True},
    "birth cohorts": {"ageing": "cohorts"},
    "deaths of persons": {"deaths": "own"},
}


@dataclass(frozen=True)
class Place:
    """One draw to run: compartments, its state of January 2010, parameters of the agents."""

    prepared: Prepared
    draws: Draws
    reference: Output
    state: State


@dataclass(frozen=True)
class Docking:
    """Differences from the compartments at one number of agents, over all cells large enough."""

    agents: int
    seeds: int
    cells: int
    rms_z: float
    beyond: float  # share of cells more than FAR standard errors off
    largest: float
    error: float  # root mean square of the relative difference of one run, cells of LEAST at 1e4


def place(*, unbounded: bool, until: int = 2030) -> Place:
    """The first draw of the posterior. ``unbounded``: places without limit, as docking needs."""
    catalogue = load_catalogue()
    draws, _ = drawn(catalogue, 1, 1, prior=False)
    strata = default_strata()
    prepared = assemble(catalogue, draws, strata, load_demography(strata, last_year=until))
    if unbounded:
        prepared = replace(prepared, history=(*prepared.history, *_without_limit(prepared)))
    reference, states = reference_and_branches(prepared, [0])
    return Place(prepared, draws, reference, states[0])


def _without_limit(prepared: Prepared) -> list[Change]:
    structure, wiring = prepared.structure, prepared.structure.wiring
    treated = set(structure.product_of_state[wiring.treating_service != NOBODY].tolist())
    products = tuple(structure.products[p] for p in sorted(treated))
    everyone = np.ones(prepared.strata.size, dtype=np.bool_)
    values = np.full(prepared.demography.months, UNBOUNDED)
    return [Change("capacity", products, values, everyone)]


def run(where: Place, size: int, seed: int, switches: Switches) -> AgentRun:
    """Agents from 2010 to the end of the place's years, one seed."""
    request = Request(size, (seed,), switches, terms(where.draws, 0))
    prepared = where.prepared
    months = prepared.demography.months
    return simulate_agents(prepared, 0, prepared.forcing(), where.state, months, request)


def by_region(prepared: Prepared, values: Float) -> Float:
    """Sum over the strata of each region, (..., R), in the same unit."""
    found: Float = np.add.reduceat(values, region_starts(prepared.strata)[:-1], axis=-1)
    return found


def docked(where: Place, size: int, seeds: Sequence[int], threads: int = 1) -> Float:
    """Person-years by state, then transitions by group, and region (seeds, years, Z + C, R)."""

    def one(seed: int) -> Float:
        found: Float = counts(where.prepared, run(where, size, seed, DOCKED).output)[0]
        return found

    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(one, seeds)))


def counts(prepared: Prepared, output: Output) -> Float:
    """What docking compares: person-years by state, then transitions (D, years, Z + C, R)."""
    return by_region(prepared, np.concatenate([output.time, output.counted], axis=2))


def dock(expected: Float, size: int, found: Float) -> Docking:
    """Set numbers of all seeds (seeds, years, rows, R) against the expected (years, rows, R).

    Cells are those with LEAST expected agents. The standard error is that of the mean of the
    seeds, from their own spread. The error of one run is taken over the cells that would have
    LEAST of 10,000 agents, the same for all sizes.
    """
    seeds = len(found)
    mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    chosen = (expected / persons_per_agent(size) >= LEAST) & (spread > 0.0)
    z = (mean - expected)[chosen] / (spread[chosen] / np.sqrt(seeds))
    usual = expected / persons_per_agent(10_000) >= LEAST
    relative = (found[:, usual] - expected[usual]) / expected[usual]
    return Docking(
        size,
        seeds,
        int(chosen.sum()),
        float(np.sqrt(np.mean(z**2))),
        float(np.mean(np.abs(z) > FAR)),
        float(np.abs(z).max()),
        float(np.sqrt(np.mean(relative**2))),
    )


def slope(rows: Sequence[Docking]) -> float:
    """Of the logarithm of the error of a run on that of the number of agents."""
    sizes = np.log([row.agents for row in rows])
    return float(np.polyfit(sizes, np.log([row.error for row in rows]), 1)[0])


def outcomes(prepared: Prepared, output: Output) -> Float:
    """OUTCOMES of the last year, (seeds, OUTCOMES): persons, or persons a year."""
    structure, wiring = prepared.structure, prepared.structure.wiring
    illegal = np.array([kind == "illegal" for kind in structure.kinds])
    product = structure.product_of_state
    time = output.time[:, -1].sum(axis=2)
    starts = [
        i
        for i, (name, group) in enumerate(structure.counters)
        if group == "initiation" and illegal[structure.products.index(name)]
    ]
    columns = [
        time[:, (wiring.using == 1) & illegal[product]].sum(axis=1),
        time[:, (wiring.harmed == 1) & illegal[product]].sum(axis=1),
        time[:, wiring.harmed == 1].sum(axis=1),
        output.counted[:, -1, starts].sum(axis=(1, 2)),
        time[:, wiring.waiting_service != NOBODY].sum(axis=1),
        time[:, wiring.treating_service != NOBODY].sum(axis=1),
        output.excess_deaths[:, -1].sum(axis=(1, 2)),
    ]
    return np.stack(columns, axis=1)


def refine(
    size: int, seeds: Sequence[int], threads: int, told: Callable[[str], None]
) -> dict[str, Float]:
    """OUTCOMES of each refinement alone and of all together, (seeds, OUTCOMES) by name.

    "compartments" and "agents, docked" are what they are compared with; where places are limited
    the compartments have limits too.
    """
    free, limited = place(unbounded=True), place(unbounded=False)
    found = {
        "compartments": outcomes(free.prepared, free.reference),
        "compartments, limited places": outcomes(limited.prepared, limited.reference),
    }
    settings = {"agents, docked": DOCKED}
    settings |= {name: replace(DOCKED, **change) for name, change in ALONE.items()}  # type: ignore[arg-type]
    settings["all together"] = Switches()
    for name, switches in settings.items():
        where = free if switches.centres == "unbounded" else limited

        def one(seed: int, where: Place = where, switches: Switches = switches) -> Float:
            values: Float = outcomes(where.prepared, run(where, size, seed, switches).output)[0]
            return values

        with ThreadPoolExecutor(threads) as pool:
            found[name] = np.stack(list(pool.map(one, seeds)))
        told(name)
    return found


def docking_table(rows: Sequence[Docking]) -> str:
    """The table of the page."""
    lines = [
        "| agents | seeds | cells | rms z | beyond 3 SE | largest z | error of one run |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.agents:,} | {row.seeds} | {row.cells:,} | {row.rms_z:.3f} | {row.beyond:.2%} | "
        f"{row.largest:.2f} | {row.error:.2%} |"
        for row in rows
    ]
    if len(rows) < LEAST_SIZES:
        return "\n".join([*lines, "", f"No slope: it takes {LEAST_SIZES} sizes or more."])
    told = f"Slope of log error on log agents: {slope(rows):.3f}."
    return "\n".join([*lines, "", told, "", verdict(rows)])


def verdict(rows: Sequence[Docking]) -> str:
    """Whether the agents dock, in a sentence with the bounds that say so."""
    seeds = min(row.seeds for row in rows)
    if seeds < LEAST_SEEDS or len(rows) < LEAST_SIZES:
        return f"No verdict: it takes {LEAST_SIZES} sizes and {LEAST_SEEDS} seeds or more."
    student = np.sqrt((seeds - 1) / (seeds - 3))
    held = {
        f"rms z over that of Student's t within {RMS[0]} to {RMS[1]} at each size": all(
            RMS[0] <= row.rms_z / student <= RMS[1] for row in rows
        ),
        f"at most {MOST_BEYOND:.1%} of cells beyond {FAR:g} SE": all(
            row.beyond <= MOST_BEYOND for row in rows
        ),
        f"a slope within {SLOPE[0]} to {SLOPE[1]}": SLOPE[0] <= slope(rows) <= SLOPE[1],
    }
    wrong = [bound for bound, holds in held.items() if not holds]
    if wrong:
        return f"Verdict: NOT docked; not met: {'; '.join(wrong)}."
    return f"Verdict: docked ({'; '.join(held)})."


def refinement_table(found: dict[str, Float], size: int) -> str:
    """Each refinement against what it refines, per cent, with its standard error.

    ``found``: (seeds, outcomes) each.
    """
    lines = [
        "| refinement | " + " | ".join(OUTCOMES) + " |",
        "| --- |" + " --- |" * len(OUTCOMES),
    ]
    for name, values in found.items():
        if name.startswith("compartments"):
            numbers = [f"{value:,.0f}" for value in values[0]]
            lines.append(f"| {name} | " + " | ".join(numbers) + " |")
            continue
        limited = name in ("pooled places", "queues at centres", "all together")
        base = found["compartments, limited places" if limited else "compartments"][0]
        ratio = values / base - 1.0
        error = ratio.std(axis=0, ddof=1) / np.sqrt(len(values))
        cells = [f"{m:+.1%} ± {e:.1%}" for m, e in zip(ratio.mean(axis=0), error, strict=True)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    seeds = len(found["agents, docked"])
    note = f"{seeds} seeds of {size:,} agents, first draw of the posterior; ± one standard error."
    return "\n".join([*lines, "", note])


def main() -> None:
    """Run what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--refinements", type=int, default=8, help="seeds; 0 leaves them out")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the tables are put")
    asked = parser.parse_args()
    page: Path = asked.page
    if not page.exists():
        parser.error(f"--page {page}: no such file; copy {PAGE} there first, with its marks")
    tables: dict[str, str] = {}
    if asked.sizes:
        where, seeds = place(unbounded=True), range(1, asked.seeds + 1)
        rows = []
        for size in asked.sizes:
            states = len(where.prepared.structure.states)
            expected = counts(where.prepared, where.reference)[0]
            found = docked(where, size, seeds, asked.threads)
            rows.append(dock(expected[:, :states], size, found[:, :, :states]))
            moved = dock(expected[:, states:], size, found[:, :, states:])
            print("transitions:", json.dumps(asdict(moved)))
            print("states:", json.dumps(asdict(rows[-1])), flush=True)
        tables["docking"] = docking_table(rows)
    if asked.refinements:
        size = 1_000_000
        chosen = range(1, asked.refinements + 1)
        refined = refine(size, chosen, asked.threads, lambda name: print(name, flush=True))
        tables["refinements"] = refinement_table(refined, size)
    print("\n\n".join(tables.values()))
    page.write_text(filled(page.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
