"""Checks of a study file beside all that is known: scenarios, agents, draws, design."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calibration.posterior import Posterior
from experiments.batch.design import Design, check_design
from experiments.batch.factor_entries import MOST_PRIOR_DRAWS
from experiments.batch.factors import Factor
from experiments.batch.study_file import DEFAULT_DRAWS, WHOLE, StudyFile
from experiments.runs.agent_options import DEFAULT_AGENTS, DEFAULT_SEEDS, Agents
from model.compartments import FIRST_YEAR
from model.errors import InputError
from scenarios.checked import one_of, refusal
from scenarios.library import SUFFIXES, Library, read_scenario
from scenarios.lines import Document, Place
from scenarios.rules import EVERY
from scenarios.schema import Scenario

LAST_YEAR = 2030


def scenarios_of(file: StudyFile, document: Document, library: Library) -> tuple[Scenario, ...]:
    """Scenarios in the order of the file, each once. Raises InputError with file and line."""
    folder = Path(document.file).parent
    found: dict[str, Scenario] = {}
    for i, name in enumerate(file.scenarios):
        place: Place = ("scenarios", i)
        names = tuple(library.futures) if name == EVERY else (name,)
        for one in names:
            path = library.futures.get(one) or _own(one, folder, document, place, library)
            scenario = read_scenario(path, library)
            if scenario.id in found:
                allowed = "each scenario once"
                raise refusal(document, place, "the scenario stands twice", one, allowed)
            found[scenario.id] = scenario
    return tuple(found.values())


def _own(name: str, folder: Path, document: Document, place: Place, library: Library) -> Path:
    """A scenario file beside the study file."""
    if Path(name).suffix not in SUFFIXES:
        one_of(document, place, name, [EVERY, *library.futures], "scenario")
    path = folder / name
    if not path.is_file():
        allowed = f"a file, relative to {folder}, or an id: drugfutures show scenarios"
        raise refusal(document, place, "there is no such scenario file", name, allowed)
    return path


def check_span(file: StudyFile, document: Document, scenarios: Sequence[Scenario]) -> None:
    """Refuse a run that ends before a scenario differs, or after what can be run."""
    branches = {s.id: FIRST_YEAR + s.branch // 12 for s in scenarios}
    latest = max(branches, key=lambda one: branches[one])
    if not branches[latest] <= file.until <= LAST_YEAR:
        allowed = f"{branches[latest]} (branch of {latest}) to {LAST_YEAR}"
        raise refusal(document, ("until",), "the run ends too early or late", file.until, allowed)


def agents_of(file: StudyFile, document: Document) -> Agents | None:
    """The agents that a study asks for; none of compartments. Raises InputError with its line."""
    if file.engine != "agents":
        for key in ("seeds", "agents", "switches"):
            if (given := getattr(file, key)) is not None:
                allowed = f"together with engine: agents, or no {key}"
                message = "only a study with agents has this"
                raise refusal(document, (key,), message, given, allowed)
        return None
    number = DEFAULT_AGENTS if file.agents is None else file.agents
    named = [one.seed for one in file.factors or () if one.seed is not None]
    default = named[0] if named else DEFAULT_SEEDS
    found = Agents(
        None if number == WHOLE else int(number),
        default if file.seeds is None else file.seeds,
        tuple(file.switches or ()),
    )
    try:
        found.check()
    except InputError as error:
        key = "switches" if error.key == "--switch" else "agents"
        given = error.given if error.given is not None else file.agents
        raise refusal(document, (key,), error.message, given, str(error.allowed)) from None
    return found


def draws_of(
    file: StudyFile, document: Document, factors: Sequence[Factor], posterior: Posterior | None
) -> int:
    """How many draws are read: those that a factor names, or those of every point."""
    named = [int(factor.high) for factor in factors if factor.kind == "posterior"]
    draws = named[0] if named else file.draws or DEFAULT_DRAWS[file.engine]
    if posterior is None:
        if draws > MOST_PRIOR_DRAWS:
            allowed = f"1 to {MOST_PRIOR_DRAWS}"
            raise refusal(document, ("draws",), "too many draws", draws, allowed)
        return draws
    if draws > posterior.draws:
        allowed = f"1 to {posterior.draws}, or prior: true for draws of the priors"
        raise refusal(document, ("draws",), "there are fewer draws", draws, allowed)
    if file.seed != posterior.seed:
        allowed = f"{posterior.seed} (draws of the posterior belong to it), or prior: true"
        raise refusal(document, ("seed",), "the wrong seed of the draws", file.seed, allowed)
    return draws


def design_of_file(
    file: StudyFile, document: Document, factors: Sequence[Factor], design: Design | None
) -> Design:
    """The design in use. One that is given from outside is refused without a line of the file."""
    if design is not None:
        check_design(factors, design)
        return design
    entry = file.sample
    if entry is None:
        if factors:
            allowed = (
                "sample: {method: latin, n: 1000, seed: 1}: factors need points (only "
                "`drugfutures sensitivity` samples by itself)"
            )
            raise refusal(document, ("sample",), "a key is missing", "(nothing)", allowed)
        return Design("latin", 1)
    if not factors:
        message = "a sample without factors"
        allowed = "factors as well, or no sample"
        raise refusal(document, ("sample",), message, entry.method, allowed)
    made = Design(entry.method, entry.n, entry.seed)
    try:
        check_design(factors, made)
    except InputError as error:
        inside = error.key is not None and error.key in type(entry).model_fields
        place: Place = ("sample", str(error.key)) if inside else ("sample",)
        raise refusal(document, place, error.message, error.given, str(error.allowed)) from None
    return made
