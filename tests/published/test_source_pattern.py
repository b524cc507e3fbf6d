"""C11: the ranking of measures in the FDA's opioid model SOURCE, as a pattern over ten years.

Printed there for 2022-2032 and shifts of 20%: deaths by overdose -11.33% with less risk of fentanyl
overdose (and 0.68% more years of disorder), -3.64% with fewer returns to disorder, -2.67% with more
naloxone, -0.79% with less heroin initiation. Another country and another market: only signs and
orders are compared. Harm reduction lowers deaths and, as people live on, does not lower the number
with problems; prevention upstream hardly moves the deaths of ten years. What is not alike: here
fewer starts (and restarts, which the handle moves too) count for more than fewer relapses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from experiments.checks.lever_effects import central_forcing, owners, trial, trial_bench
from experiments.runs.parts import Bench
from experiments.runs.study import Options, build_study
from model.choice import Choice
from model.compartments import simulate_into
from model.forcing import Forcing
from model.observation import observe
from scenarios.entries import Number
from scenarios.levers import Effect, Measure
from scenarios.schema import Plan
from tests.published.bounds import Case, below, between

Float = npt.NDArray[np.float64]

START = "2020-01"
YEARS = slice(10, 20)  # 2020 to 2029
DRAWS = 6
SHIFTED = {"overdose": 0.8, "relapse": 0.8, "initiation": 0.8}
PRINTED = {"overdose": -11.33, "relapse": -3.64, "naloxone-take-home": -2.67, "initiation": -0.79}


def _shift(measure: Measure, handle: str, ratio: float) -> Measure:
    """A measure of ours on one handle of opioids alone."""
    effect = Effect(handle=handle, products=["opioids"], effect=Number(central=ratio))
    entry = measure.entry.model_copy(update={"id": handle, "effects": [effect]})
    return replace(measure, entry=entry)


@pytest.fixture(scope="module")
def bench() -> Bench:
    study = build_study(Options(draws=DRAWS, prior=True))
    known = study.library.measures
    shipped = trial(known["naloxone-take-home"], START)
    measures = {name: _shift(shipped, name, ratio) for name, ratio in SHIFTED.items()}
    # At the reach that they have here, not that of their studies.
    for name in ("naloxone-take-home", "consumption-room"):
        timing = shipped.entry.timing
        entry = known[name].entry.model_copy(update={"timing": timing})
        measures[name] = replace(known[name], entry=entry)
    return trial_bench(study, measures, START)


def _seen(bench: Bench, forcing: Forcing) -> tuple[Float, Float]:
    """Deaths by overdose and years with problematic use of ten years, (D,) each."""
    state = bench.states[min(bench.states)]
    simulate_into(bench.scratch, bench.prepared, forcing, bench.study.months, state)
    catalogue = bench.study.layout.catalogue
    choice = Choice.of(["overdose_deaths", "problematic_prevalence", "population"], YEARS.start)
    everyone = np.ones((1, bench.study.strata.size))
    seen = observe(
        bench.prepared, bench.draws, catalogue, bench.scratch, forcing, everyone, choice=choice
    )
    names = owners(catalogue)
    opioids, whole = names.index("opioids"), names.index("all")
    years = YEARS.stop - YEARS.start
    deaths = seen["overdose_deaths"][:, :years, opioids, 0]
    share = seen["problematic_prevalence"][:, :years, opioids, 0]
    people = share * seen["population"][:, :years, whole, 0]
    return np.asarray(deaths.sum(axis=1)), np.asarray(people.sum(axis=1))


@pytest.fixture(scope="module")
def changes(bench: Bench) -> Mapping[str, tuple[Float, Float]]:
    """Percent change of deaths and of years with problematic use, by measure, (D,) each."""
    return dict(_changes(bench))


def _changes(bench: Bench) -> Iterator[tuple[str, tuple[Float, Float]]]:
    before = _seen(bench, bench.prepared.forcing())
    for name in (*SHIFTED, "naloxone-take-home", "consumption-room"):
        after = _seen(bench, central_forcing(bench, Plan({name: 100.0}, {})))
        deaths, years = (100.0 * (b / a - 1.0) for a, b in zip(before, after, strict=True))
        yield name, (deaths, years)


@pytest.mark.parametrize("name", ["overdose", "naloxone-take-home", "consumption-room"])
def test_harm_reduction_lowers_deaths_and_not_the_number_with_problems(
    changes: Mapping[str, tuple[Float, Float]], name: str
) -> None:
    deaths, years = changes[name]
    assert (deaths < 0.0).all()
    assert (years > 0.0).all()
    # As printed: people who live on add far less than the deaths that are averted, in percent.
    assert (years < 0.5 * np.abs(deaths)).all()


def test_the_signs_of_the_printed_changes_hold(
    case: Case, changes: Mapping[str, tuple[Float, Float]]
) -> None:
    for name, printed in PRINTED.items():
        ours = float(np.median(changes[name][0]))
        case(f"C11 SOURCE pattern: % change of deaths, {name}", printed, ours, below(0.0))
    years = float(np.median(changes["overdose"][1]))
    words = "C11 SOURCE pattern: % change of years of disorder, overdose"
    case(words, 0.68, years, between(0.0, np.inf))


def test_prevention_upstream_hardly_moves_the_deaths_of_ten_years(
    changes: Mapping[str, tuple[Float, Float]],
) -> None:
    deaths = {name: np.median(found[0]) for name, found in changes.items()}
    assert (changes["initiation"][0] < 0.0).all()
    assert deaths["initiation"] > -5.0
    assert abs(deaths["initiation"]) < abs(deaths["overdose"]) / 3.0
    assert deaths["overdose"] < deaths["relapse"]  # the order that is printed
    assert (changes["initiation"][1] < 0.0).all()
