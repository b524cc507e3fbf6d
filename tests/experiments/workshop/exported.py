"""Views to export: one that moves little, and one that is as long and as hostile as can be."""

from __future__ import annotations

from experiments.workshop.engine import Engine
from experiments.workshop.export_numbers import Numbers, gather
from experiments.workshop.view import OWN, Graph, View
from experiments.workshop.wording import words_of
from scenarios.schema import ScenarioFile
from tests.experiments.workshop.conftest import library

LINK = "http://127.0.0.1:8080/en?s=1abc"
HOSTILE = '=1+1 #emph[x] $x^2$ <b>é</b> "; 😀 中'
SHORT = View(
    scenario=ScenarioFile(id=OWN, levers={"SD1": 80.0, "3.1": 40.0}, trends={"F1": -60.0}),
    graphs=(
        Graph("public_expenditure", "all"),
        Graph("last_year_prevalence", "cannabis", "Brussels", "18-24"),
    ),
)


def long_view() -> View:
    """As much as a page lets anybody move, name and note."""
    measures = [one for one in library().measures if library().measures[one].entry.range[0] >= 0]
    levers = {one: float(1 + 7 * i % 100) for i, one in enumerate(measures[:35])}
    trends = {f"F{i}": 25.0 * i - 110.0 for i in range(1, 9)}
    note = (f"{HOSTILE} = *b* @x\n" * 50)[:1000]
    own = ScenarioFile(id=OWN, title=HOSTILE, note=note, levers=levers, trends=trends)
    other = ScenarioFile(id="b", title="X" * 80, note="n" * 1000, levers={"SD3": 100.0})
    name = "Umfassende Gesundheitsförderungsmaßnahmen und Schadensminderung in allen Städten"
    third = other.model_copy(update={"title": name[:80]})
    graphs = (
        Graph("last_year_prevalence", "performance_enhancers", "Brussels", "18-24"),
        Graph("public_expenditure", "all"),
    )
    return View(scenario=own, graphs=graphs, saved=(other, third), overlaid=(0, 1))


def numbers_of(engine: Engine, view: View, language: str = "en", *more: Graph) -> Numbers:
    """What is exported of a view."""
    return gather(engine, view, words_of(language, library().texts), LINK, more)
