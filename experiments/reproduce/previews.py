"""How far a preview of the workshop page is from all draws: docs/decisions/020-live-answers.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.reproduce.pages import Block, Cells, put_page
from experiments.runs.terminal import cores
from experiments.workshop.engine import Engine
from experiments.workshop.estimate import change_of, filled
from experiments.workshop.graphs import graph_list
from experiments.workshop.runs import SINCE
from experiments.workshop.view import START, Graph
from model.errors import InputError
from scenarios.schema import ScenarioFile

Float = npt.NDArray[np.float64]

FEW = (1, 2, 4, 8)
SEED = 5
MOVED = (1, 2, 4, 8)  # objectives that a scenario moves
LEAST = 0.005  # of the level: a smaller change is not read off a graph
COLUMNS = ("draws", "changes", "median error", "three in four within", "sign right", "beside range")
WORDS = (
    "While a hand moves a lever, the page runs a few draws and carries their change over to all "
    "others. Here random scenarios (one to eight objectives at random positions) are run in all "
    "draws too, and the previews' median changes of the last year set beside these.",
    "Median error and what three in four lie within are shares of the change of all draws; sign "
    "right: of the changes; beside range: what nine in ten errors are within, as a share of the "
    "width of the interval of all draws. Changes below 0.5% of the level are left out.",
)


def write(folder: Path, draws: int, scenarios: int) -> None:
    """Run random scenarios and write the page and its CSV. Raises InputError."""
    engine = Engine.open(draws=draws, threads=cores())
    try:
        graphs = _graphs(engine)
        files = list(_scenarios(list(engine.library.objectives), scenarios))
        plans = [engine.plan(file) for file in files]
        few = engine.plans_values(plans, graphs, max(FEW))
        whole = np.stack([engine.values(file, graphs)[:, :, -1] for file in files])
        rows = tuple(_row(engine, graphs, few, whole, count) for count in FEW)
    finally:
        engine.close()
    told = f"{scenarios} scenarios, {len(graphs)} graphs, {draws} draws."
    put_page(
        folder, "previews", "Previews beside all draws", [Block("", (*WORDS, told), COLUMNS, rows)]
    )


def _graphs(engine: Engine) -> list[Graph]:
    """What the page starts with, then of each indicator the first and the last product."""
    offered = graph_list(engine)
    found = list(START)
    for indicator in offered.indicators:
        products = offered.products(indicator)
        for product in dict.fromkeys((products[0], products[-1])):
            try:
                graph = offered.fitting(Graph(indicator, product), engine)
            except InputError:  # an indicator that stands for no such product
                continue
            if engine.applies(graph) and graph not in found:
                found.append(graph)
    return found


def _scenarios(objectives: Sequence[str], count: int) -> Iterator[ScenarioFile]:
    rng = np.random.default_rng(SEED)
    for _ in range(count):
        chosen = rng.choice(objectives, rng.choice(MOVED), replace=False)
        levers = {str(one): 5.0 * float(rng.integers(2, 21)) for one in chosen}
        yield ScenarioFile(id="own", title="random positions", levers=levers)


def _row(engine: Engine, graphs: Sequence[Graph], few: Float, whole: Float, count: int) -> Cells:
    """Errors of previews of ``count`` draws; ``few`` (plans, graphs, draws, years)."""
    units = {row.id: row.unit for row in engine.catalogue.indicators}
    errors, signs, widths = [], [], []
    for plan in range(len(few)):
        for g, graph in enumerate(graphs):
            reference = engine.baseline.of(graph)
            before = reference[:, -1]
            exact = change_of(whole[plan, g], before)
            if not abs(exact.median) >= LEAST * abs(np.nanmedian(before)) > 0.0:
                continue
            ran, found = engine.baseline.ran[:count], few[plan, g, :count]
            values = filled(reference[:, SINCE:], ran, found, units[graph.indicator])
            told = change_of(values[:, -1], before).median
            errors.append(abs(told - exact.median) / abs(exact.median))
            signs.append(np.sign(told) == np.sign(exact.median))
            widths.append(abs(told - exact.median) / max(exact.high - exact.low, 1e-300))
    if not errors:
        return (str(count), "0", "", "", "", "")
    return (
        str(count),
        str(len(errors)),
        f"{np.median(errors):.0%}",
        f"{np.quantile(errors, 0.75):.0%}",
        f"{np.mean(signs):.0%}",
        f"{np.quantile(widths, 0.9):.0%}",
    )
