"""C4: a tobacco tax in the CISNET Tobacco Control Policy model, with the product's parameters.

Published: factors on starting by age group, and on stopping in the year of the tax and 5 and 10
years after it; a curve of spending; a ban on smoking with weights for places. The parameters come
from the shipped table, the responses from the hazards; then the same through the shipped measures,
composed as a scenario is and run by the engine from January 2010, when prices are those of the
start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from calibration.priors import draw_priors
from experiments.checks.lever_effects import central_forcing, parts, trial, trial_bench
from experiments.runs.parts import Bench
from experiments.runs.study import Options, build_study
from model.catalogue import load_catalogue
from model.forcing import Forcing
from model.hazards import arc_price_change, arc_response
from model.rates import profile
from model.strata import Strata, build_strata
from scenarios.entries import Number
from scenarios.levers import Measure
from scenarios.schema import Plan
from tests.published.bounds import Case, off_by

Float = npt.NDArray[np.float64]

# Price, tax, arc change, starting at 10-17, 18-24, 25-44, stopping after 0, 5, 10 years.
PUBLISHED = [
    (8, 1, 0.117647, (0.952941, 0.964706, 0.976471), (1.235294, 1.077101, 1.025265)),
    (8, 2, 0.222222, (0.911111, 0.933333, 0.955556), (1.444444, 1.145636, 1.047722)),
    (8, 3, 0.315789, (0.873684, 0.905263, 0.936842), (1.631579, 1.206956, 1.067815)),
    (10, 1, 0.095238, (0.961905, 0.971429, 0.980952), (1.190476, 1.062415, 1.020452)),
]
PRINTED = 0.6e-6  # half of the last printed digit, and a little for the rounded table value
AGE_GROUPS = (10, 18, 25, 45)
# Share of the recommended spending, starting, quitting; five decimals are printed.
SPENDING = [(25, 0.97034, 1.03904), (50, 0.92927, 1.09003), (100, 0.89995, 1.125)]
PLACES = {"work": 2.0 / 3.0, "restaurants": 2.0 / 9.0, "bars": 1.0 / 9.0, "all": 1.0}
LEFT = 0.8  # of an effect on quitting, each year


@pytest.fixture(scope="module")
def groups() -> Strata:
    return build_strata(AGE_GROUPS, by_sex=False, by_region=False, by_deprivation=False)


@pytest.fixture(scope="module")
def elasticities(groups: Strata) -> dict[str, list[float]]:
    """Central values of the shipped table, one for each age group."""
    catalogue = load_catalogue()
    draws = draw_priors(catalogue, 1, median=True)
    names = ("initiation_price_elasticity", "cessation_price_elasticity", "price_fading")
    found = {}
    for name in names:
        values = profile(draws, draws.require("tobacco", "legal", name, "case C4"), groups)
        found[name] = np.broadcast_to(values[0], groups.size).tolist()
    return found


@pytest.mark.parametrize(("price", "tax", "change", "starting", "stopping"), PUBLISHED)
def test_tax_reproduces_the_printed_rows(
    case: Case,
    elasticities: dict[str, list[float]],
    price: float,
    tax: float,
    change: float,
    starting: tuple[float, float, float],
    stopping: tuple[float, float, float],
) -> None:
    arc = arc_price_change(float(price), float(price + tax))
    name, digits = f"C4 tobacco tax of {tax} on {price}", off_by(PRINTED, 6)
    case(f"{name}: arc change of the price", change, arc, digits)
    by_age = elasticities["initiation_price_elasticity"]
    responses = [arc_response(arc, elasticity) for elasticity in by_age]
    for low, printed, ours in zip(AGE_GROUPS, (*starting, 1.0), responses, strict=True):
        case(f"{name}: factor on starting from age {low}", printed, ours, digits)
    quitting, fading = elasticities["cessation_price_elasticity"][0], elasticities["price_fading"]
    for years, printed in zip((0, 5, 10), stopping, strict=True):
        heard = arc * math.exp(-fading[0] * years)
        words = f"{name}: factor on stopping after {years} years"
        case(words, printed, arc_response(heard, quitting), digits)


def test_the_effect_on_stopping_fades_by_a_fifth_a_year(
    elasticities: dict[str, list[float]],
) -> None:
    assert math.exp(-elasticities["price_fading"][0]) == pytest.approx(0.8, abs=1e-8)


# The same numbers through the shipped measures


def _places(measure: Measure, share: float) -> Measure:
    """The ban on smoking, newly covering a share of all places."""
    effects = [
        one.model_copy(update={"coverage": Number(central=share)}) for one in measure.entry.effects
    ]
    changes = {"id": f"{measure.id}-{share:.3f}", "effects": effects}
    return replace(measure, entry=measure.entry.model_copy(update=changes))


@pytest.fixture(scope="module")
def bench() -> Bench:
    """The median of every prior, ready to branch on 1 January 2010, with the measures at once."""
    study = build_study(Options(draws=1, prior=True))
    draws = draw_priors(study.layout.catalogue, 1, median=True)
    known = study.library.measures
    names = ("tobacco-tax", "tobacco-control-spending", "smoke-free-extension")
    measures = {name: trial(known[name], "2010-01") for name in names}
    ban = measures["smoke-free-extension"]
    bans = [_places(ban, share) for share in PLACES.values()]
    measures |= {one.id: one for one in bans}
    return trial_bench(replace(study, draws=draws), measures, "2010-01")


def forcing(bench: Bench, measure: str, position: float) -> Forcing:
    """A measure alone at a position, with the history that every run follows."""
    return central_forcing(bench, Plan({measure: position}, {}))


def hazard_ratios(bench: Bench, moved: Forcing, group: str, month: int) -> Float:
    """Factor on the hazard of a transition in one month over the reference's, by stratum, (S,).

    What is counted over what the flows' own base hazards would give. People who smoke are of two
    kinds, with rates of their own that the same factor multiplies.
    """
    structure, base = bench.prepared.structure, bench.prepared.rates.base[0]
    counter = structure.counters.index(("tobacco", group))
    p = structure.products.index("tobacco")
    start = int(structure.wiring.state_start[p])
    names = [row.state for row in structure.states[start : structure.wiring.state_start[p + 1]]]
    flows = [
        (f, row)
        for f, (row, at) in enumerate(zip(structure.flows, structure.product_of_flow, strict=True))
        if at == p and row.counts == group
    ]
    factors = []
    for one in (moved, bench.prepared.forcing()):
        ((year, output, _),) = parts(bench, one, month, month + 1)
        moves = output.counted[0, year, counter].copy()
        expected = np.zeros_like(moves)
        for f, row in flows:
            alone = base[f] * output.time[0, year, start + names.index(row.origin)]
            if row.family == "care":  # treatment that succeeds counts as remission too
                moves -= alone
            else:
                expected += alone
        factors.append(np.where(expected > 0.0, moves / np.maximum(expected, 1e-300), np.nan))
    return np.asarray(factors[0] / factors[1])


def farthest(ratios: Float, printed: float) -> float:
    """Of all strata, the ratio that is farthest from the printed one."""
    there = ratios[np.isfinite(ratios)]
    return float(there[np.abs(there - printed).argmax()])


def by_age(strata: Strata, ratios: Float) -> Mapping[int, Float]:
    """Ratios of the strata of each age group where somebody is at risk."""
    found = {}
    for low, high in zip(AGE_GROUPS, (17, 24, 44, 200), strict=True):
        group = ratios[(strata.age_low >= low) & (strata.age_low <= high)]
        found[low] = group[np.isfinite(group)]
    return found


@pytest.mark.parametrize(("price", "tax", "change", "starting", "stopping"), PUBLISHED)
def test_the_measure_tobacco_tax_reproduces_the_printed_rows(
    case: Case,
    bench: Bench,
    price: float,
    tax: float,
    change: float,
    starting: tuple[float, float, float],
    stopping: tuple[float, float, float],
) -> None:
    # Position 100 is half of the price on top.
    moved = forcing(bench, "tobacco-tax", 200.0 * tax / price)
    handle = bench.prepared.structure.handles.index("price")
    p = bench.prepared.structure.products.index("tobacco")
    (dearer,) = np.unique(moved.regions(handle, p, np.unique(moved.cell)))
    assert dearer == pytest.approx((price + tax) / price, rel=1e-12)
    name, digits = f"C4 measure tobacco-tax, {tax} on {price}", off_by(PRINTED, 6)
    case(f"{name}: arc change of the price", change, arc_price_change(1.0, dearer), digits)
    found = by_age(bench.study.strata, hazard_ratios(bench, moved, "initiation", 0))
    for low, printed in zip(AGE_GROUPS, (*starting, 1.0), strict=True):
        assert found[low].size > 0
        ours = farthest(found[low], printed)
        case(f"{name}: factor on starting from age {low}", printed, ours, digits)
    for years, printed in zip((0, 5, 10), stopping, strict=True):
        ratios = hazard_ratios(bench, moved, "stop", 12 * years)
        words = f"{name}: factor on stopping after {years} years"
        case(words, printed, farthest(ratios, printed), digits)


@pytest.mark.parametrize(("position", "starting", "quitting"), SPENDING)
def test_the_measure_of_spending_reproduces_the_printed_curve(
    case: Case, bench: Bench, position: float, starting: float, quitting: float
) -> None:
    moved = forcing(bench, "tobacco-control-spending", position)
    name, exact = f"C4 spending at {position:g}%", off_by(1e-9, 6)
    ratios = hazard_ratios(bench, moved, "initiation", 0)
    case(f"{name}: factor on starting", starting, farthest(ratios, starting), exact)
    for group in ("stop", "remission"):
        for years in (0, 5):
            printed = 1.0 + (quitting - 1.0) * LEFT**years
            ratios = hazard_ratios(bench, moved, group, 12 * years)
            words = f"{name}: factor on {group} after {years} years"
            case(words, printed, farthest(ratios, printed), exact)


@pytest.mark.parametrize("place", PLACES)
def test_the_smoke_free_measure_reproduces_the_weights_of_places(
    case: Case, bench: Bench, place: str
) -> None:
    share = PLACES[place]
    moved = forcing(bench, f"smoke-free-extension-{share:.3f}", 100.0)
    starting = hazard_ratios(bench, moved, "initiation", 0)
    name, exact = f"C4 smoke-free places, {place}", off_by(1e-9, 6)
    printed = 1.0 - 0.1 * share
    case(f"{name}: factor on starting", printed, farthest(starting, printed), exact)
    for group in ("stop", "remission"):
        ratios = hazard_ratios(bench, moved, group, 0)
        printed = 1.0 + 0.5 * share
        case(f"{name}: factor on {group}", printed, farthest(ratios, printed), exact)
