"""Analysts' plots: each a function to a figure with its numbers, in four languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

    from experiments.plots.analysis.outputs import About, Of
    from experiments.robustness.discovery import Discovery
    from experiments.robustness.futures import Futures
    from experiments.robustness.measures import Robustness
    from experiments.robustness.pathways_table import Pathways
    from experiments.robustness.portfolio_report import Report
    from experiments.robustness.value_table import Found

# The command line imports this module and must not wait for matplotlib.


def draw_sensitivity(
    dataset: xr.Dataset, folder: Path, language: str = "en", asked: Sequence[Of] | None = None
) -> list[Path]:
    """Draw sensitivity results into a folder; see ``draw.draw_sensitivity``."""
    from experiments.plots.analysis import draw

    return draw.draw_sensitivity(dataset, folder, language, asked)


def draw_discovery(
    found: Discovery,
    folder: Path,
    language: str = "en",
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Draw what scenario discovery found into a folder; see ``draw.draw_discovery``."""
    from experiments.plots.analysis import draw

    return draw.draw_discovery(found, folder, language, attributes)


def draw_robustness(
    outcomes: xr.DataArray,
    folder: Path,
    language: str = "en",
    about: About | None = None,
    baseline: str | None = None,
    measures: Robustness | None = None,
) -> list[Path]:
    """Draw policies over futures into a folder; see ``draw.draw_robustness``."""
    from experiments.plots.analysis import draw

    return draw.draw_robustness(outcomes, folder, language, about, baseline, measures)


def draw_value(found: Found, futures: Futures, folder: Path, language: str = "en") -> list[Path]:
    """Draw what is worth knowing into a folder; see ``draw.draw_value``."""
    from experiments.plots.analysis import draw

    return draw.draw_value(found, futures, folder, language)


def draw_portfolio(
    report: Report,
    folder: Path,
    language: str = "en",
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Draw what a portfolio search found into a folder; see ``draw_search.draw_portfolio``."""
    from experiments.plots.analysis import draw_search

    return draw_search.draw_portfolio(report, folder, language, attributes)


def draw_pathways(
    found: Pathways,
    folder: Path,
    language: str = "en",
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Draw how long packages last into a folder; see ``draw_search.draw_pathways``."""
    from experiments.plots.analysis import draw_search

    return draw_search.draw_pathways(found, folder, language, attributes)
