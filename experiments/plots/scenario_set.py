"""The plots of scenarios that a run writes into ``plots/scenarios``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from experiments.comparisons.compare import KEY, WHOLE, Scenarios
from experiments.plots import Which
from experiments.runs.scenario_results import open_dataset

if TYPE_CHECKING:
    import xarray as xr

    from experiments.comparisons.scoreboard import ScoreRow
    from experiments.plots.scenario_sheet import Better

FOLLOWED = 2
"""Pairs of KEY that the main set also shows over the years."""


def draw_scenario_plots(folder: Path, dataset: xr.Dataset, which: Which) -> list[Path]:
    """Draw into ``folder`` (made when it lacks): each plot a PNG and a CSV of its numbers.

    ``main``: the scoreboard, all scenarios by each key indicator, and the years of the first ones,
    of the scenarios that differ most; ``all``: the same for every indicator of the scoreboard.
    Returns the paths written; nothing where a file holds the baseline alone.
    """
    scenarios = Scenarios(dataset)
    if which == "none" or len(scenarios.ids) < 2:
        return []
    # Here, because the command line must not wait for matplotlib.
    from experiments.comparisons.scoreboard import load_scoreboard
    from experiments.plots.differences import differences
    from experiments.plots.profiles import profiles
    from experiments.plots.scenario_fans import Of, scenario_fan
    from experiments.plots.scenario_sheet import how_chosen, save, widest
    from experiments.plots.scoreboard_map import scoreboard_map

    folder.mkdir(parents=True, exist_ok=True)
    rows, baseline = load_scoreboard(), scenarios.baseline(None)
    shown = [(*pair, WHOLE) for pair in KEY]
    if which == "all":
        levels = [row for row in rows if row.statistic == "level"]
        shown += [(row.indicator, row.product, row.group) for row in levels]
    written = save(scoreboard_map(dataset, rows), folder)
    for i, (indicator, product, group) in enumerate(dict.fromkeys(shown)):
        if np.isnan(scenarios.series(indicator, product, group)).all():
            continue
        of = Of(indicator, product, group)
        written += save(profiles(dataset, of, better_of(indicator, rows)), folder)
        if i < FOLLOWED or which == "all":
            most = widest(scenarios, indicator, product, baseline)
            why = how_chosen(scenarios, most, baseline)
            written += save(scenario_fan(dataset, of, most, why), folder)
            written += save(differences(dataset, of, most, why), folder)
    return written


def better_of(indicator: str, rows: list[ScoreRow]) -> Better:
    """Which direction the scoreboard calls better; "" where it says nothing or both."""
    own = [row for row in rows if row.indicator == indicator and row.per is None]
    said = {row.better for row in own if row.statistic == "level"}
    return said.pop() if len(said) == 1 else ""


def _main(folder: Path, which: Which) -> None:
    with open_dataset(folder) as dataset:
        draw_scenario_plots(folder / "plots" / "scenarios", dataset, which)


if __name__ == "__main__":  # from experiments.run, so that plots are drawn side by side
    _main(Path(sys.argv[1]), cast("Which", sys.argv[2]))
