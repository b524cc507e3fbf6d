"""What the datasets of a run tell of themselves."""

from __future__ import annotations

from experiments.runs import provenance
from experiments.runs.agent_options import attributes as agent_attributes
from experiments.runs.folder import MADE_BY
from experiments.runs.results import MODE_TEXT
from experiments.runs.study import Study


def attributes(study: Study) -> dict[str, str | int]:
    """Attributes of the datasets. Equal runs have equal attributes."""
    options = study.options
    ids = [scenario.id for scenario in study.scenarios]
    asked = f"--draws {options.draws} --until {options.until} --seed {options.seed}"
    asked += " --prior" if options.prior else ""
    asked += "" if options.agents is None else f" {options.agents.asked}"
    origin = study.origin
    version = provenance.package_version()
    engine = "compartmental model" if options.agents is None else "agents"
    found: dict[str, str | int] = {
        "title": "Drug Futures: drug use, gambling and gaming in Belgium",
        "source": f"Drug Futures {version}, {engine}",
        "history": f"{MADE_BY} {' '.join(ids)} {asked}",
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
