"""One run: the reference and the scenarios asked for, over all draws, into a results folder."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np

from experiments.runs import provenance
from experiments.runs.agent_results import few_places, open_agents
from experiments.runs.attributes import FILES, attributes, files_of
from experiments.runs.folder import MADE_BY, PROVENANCE, ResultsFolder
from experiments.runs.parts import Observed, run_part
from experiments.runs.results import FILE, MODE_TEXT, PART, Single, Writer, open_results
from experiments.runs.scenario_results import FILE as SCENARIOS
from experiments.runs.scenario_results import ScenarioWriter
from experiments.runs.seeds import of_scenario
from experiments.runs.study import Options, Study, build_study
from experiments.runs.summary import write_summary

__all__ = ["Options", "Outcome", "Study", "build_study", "run", "run_study"]

Progress = Callable[[int], None]


def run_study(study: Study, folder: Path, progress: Progress) -> None:
    """Simulate, observe and write every draw; ``progress`` gets draws as they end."""
    draws, threads = study.options.draws, study.options.threads
    ahead = iter(range(0, draws, PART))
    waiting: deque[Future[Observed]] = deque()
    pool = ThreadPoolExecutor(threads)

    def submit() -> None:
        # Two parts wait at most, so that memory stays bounded when writing is slower.
        while len(waiting) < threads + 2 and (coming := next(ahead, None)) is not None:
            waiting.append(pool.submit(run_part, study, coming, min(coming + PART, draws)))

    try:
        submit()  # before the files, which take a second to lay out
        with ExitStack() as files:
            told = attributes(study)
            detailed = files.enter_context(Writer(folder / FILE, study.layout, told))
            compact = None
            if len(study.scenarios) > 1:
                writer = ScenarioWriter(folder / SCENARIOS, study.compact, told)
                compact = files.enter_context(writer)
            for first in range(0, draws, PART):
                submit()
                found = waiting.popleft().result()
                for scenario, parts in enumerate(found.detailed):
                    detailed.write(scenario, first, parts)
                if compact is not None:
                    for scenario, parts in enumerate(found.compact):
                        compact.write(scenario, first, parts)
                        compact.write_rules(scenario, first, found.rules[scenario])
                progress(min(first + PART, draws) - first)
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Outcome:
    """What was run, and the survey series of the results (scenario, draw, series, time).

    Seeds of agents are pooled with the draws. ``caution``: what must be said of the run.
    """

    study: Study
    survey: Single
    caution: str | None = None


def run(
    options: Options,
    progress: Progress = lambda draws: None,
    announce: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Run and put the results in ``options.out``, whole or not at all.

    ``announce`` gets what a run with agents will take. Raises InputError before anything runs.
    RuntimeError: the pictures of scenarios could not be drawn.
    """
    began = time.perf_counter()
    study = build_study(options)
    caution, lines = None, list[str]()
    with ResultsFolder(options.out) as folder:
        ready = time.perf_counter()
        if options.agents is None:
            run_study(study, folder.path, progress)
        else:
            from experiments.runs.agent_run import plan_text, run_agents

            announce(plan_text(study))
            thinning = run_agents(study, folder.path, attributes(study), progress)
            with open_agents(folder.path) as dataset:
                told = [thinning.caution(), few_places(dataset)]
            caution = "\n".join(text for text in told if text) or None
            lines = thinning.lines()
        simulated = time.perf_counter()
        with h5py.File(folder.path / FILE, "r") as file:
            write_summary(file, study.layout, folder.path)
            survey = np.stack(
                [of_scenario(file["survey"], s) for s in range(len(study.layout.scenarios))]
            )
        if options.plots != "none":
            _draw(study, folder.path)
        text = json.dumps(_provenance(study), indent=2, ensure_ascii=False) + "\n"
        (folder.path / PROVENANCE).write_text(text, encoding="utf-8")
        times = {
            "read and checked": ready - began,
            "simulated and written": simulated - ready,
            "summarised and drawn": time.perf_counter() - simulated,
        }
        _write_log(folder.path / "run.log", options, times, lines)
        folder.keep()
    return Outcome(study, survey, caution)


def _draw(study: Study, folder: Path) -> None:
    """Draw the run; pictures of scenarios meanwhile in a process of their own.

    Not in a pool, which would run the main module of a user's script again.
    """
    from experiments.plots import draw_agent_plots, draw_plots

    which = study.options.plots
    command = [sys.executable, "-m", "experiments.plots.scenario_set", str(folder), which]
    aside = None
    if len(study.scenarios) > 1:
        aside = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        with open_results(folder) as dataset:
            draw_plots(dataset, folder / "plots", which, study.layout.catalogue, study.figures)
        if study.options.agents is not None:
            with open_agents(folder) as dataset:
                draw_agent_plots(dataset, folder / "plots" / "agents")
    except BaseException:
        if aside is not None:
            aside.kill()
        raise
    if aside is not None:
        _, told = aside.communicate()
        if aside.returncode != 0:
            raise RuntimeError(f"the pictures of scenarios could not be drawn:\n{told}")


def _provenance(study: Study) -> dict[str, object]:
    options = study.options
    return {
        "made_by": MADE_BY,
        "mode": MODE_TEXT[study.origin.mode],
        "arguments": {
            "scenarios": list(options.scenarios),
            "draws": options.draws,
            "until": options.until,
            "plots": options.plots,
            "out": str(options.out),
            "catalogue": None if options.catalogue is None else str(options.catalogue),
            "seed": options.seed,
            "threads": options.threads,
            "prior": options.prior,
            "detail": options.detail,
            "agents": None if options.agents is None else asdict(options.agents),
        },
        **attributes(study),
        FILES: files_of(study),
        "versions": provenance.library_versions(),
    }


def _write_log(
    path: Path, options: Options, times: dict[str, float], agents: Sequence[str]
) -> None:
    """Time of day, machine and durations, which may differ between equal runs; then ``agents``."""
    lines = [
        f"finished  {time.strftime('%Y-%m-%dT%H:%M:%S%z')}",
        f"machine   {platform.platform()}, {options.threads} threads",
        *(f"{seconds:8.2f} s  {what}" for what, seconds in times.items()),
        *agents,
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
