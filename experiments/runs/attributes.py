"""What the datasets of a run tell of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.runs import provenance
from experiments.runs.agent_options import attributes as agent_attributes
from experiments.runs.folder import MADE_BY
from experiments.runs.results import MODE_TEXT
from experiments.runs.study import Study
from model.errors import InputError
from scenarios.checked import entry_of
from scenarios.library import FUTURES, Library, checked_scenario
from scenarios.lines import parse_yaml
from scenarios.schema import Scenario, ScenarioFile

FILES = "scenario_files"  # where results and stores keep the scenario files that were given


def attributes(study: Study) -> dict[str, str | int]:
    """Attributes of the datasets. Equal runs have equal attributes."""
    options = study.options
    names = " ".join(Path(name).name for name in options.scenarios)
    asked = f"--draws {options.draws} --until {options.until} --seed {options.seed}"
    asked += " --prior" if options.prior else ""
    asked += "" if options.agents is None else f" {options.agents.asked}"
    origin = study.origin
    version = provenance.package_version()
    engine = "compartmental model" if options.agents is None else "agents"
    found: dict[str, str | int] = {
        "title": "Drug Futures: drug use, gambling and gaming in Belgium",
        "source": f"Drug Futures {version}, {engine}",
        "history": " ".join(f"{MADE_BY} {names} {asked}".split()),
        "comment": MODE_TEXT[origin.mode],
        "draws": origin.mode,
        "package_version": version,
        "git_commit": provenance.git_commit(),
        "parameter_table_hash": provenance.tables_hash(options.catalogue),
        "levers_hash": provenance.levers_hash(options.catalogue),
        "figures_hash": provenance.figures_hash(),
        "posterior_hash": origin.digest,
        "calibrated": " ".join(origin.calibrated),
        "prior_by_catalogue": " ".join(origin.own),
        "scenario_hash": " ".join(f"{s.id}:{s.digest}" for s in study.scenarios),
        "seeds": str(options.seed),
    }
    return found | ({} if options.agents is None else agent_attributes(options.agents))


def files_of(study: Study) -> dict[str, str]:
    """Texts of the scenario files that the program does not ship, by id; a catalogue's are kept.

    Apart from the attributes: those of a netCDF file have no room for many texts.
    """
    shipped = {str(path) for path in study.library.futures.values() if path.parent == FUTURES}
    return {
        scenario.id: Path(scenario.document.file).read_text(encoding="utf-8-sig")
        for scenario in study.scenarios
        if scenario.document.file not in shipped
    }


def scenarios_kept(files: Mapping[str, str], library: Library) -> dict[str, Scenario]:
    """Scenarios whose files results or a store keep, by id.

    Left out is what does not fit today's library: a measure that it names may be gone.
    """
    found = {}
    for name, text in files.items():
        try:
            document = parse_yaml(text, Path(f"{name}.yaml"))
            file = entry_of(document, ScenarioFile, "a scenario")
            found[name] = checked_scenario(file, document, "", library)
        except InputError:
            continue
    return found
