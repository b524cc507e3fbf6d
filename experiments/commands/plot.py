"""The command plot: what a calibration taught, how its chains mixed, what it holds; no refit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.runs.terminal import (
    LangOption,
    Language,
    console,
    refusals,
    tell_plots,
    with_fields_of,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from calibration.posterior import Posterior

    Drawn = tuple[Figure, pd.DataFrame]


class What(StrEnum):
    """What is drawn."""

    posterior = "posterior"
    chains = "chains"
    coverage = "coverage"


@dataclass(frozen=True)
class PlotOptions:
    """What can be asked of a plot, in the order of its help."""

    what: Annotated[
        What,
        typer.Argument(
            help="posterior: what the figures taught, against the priors; chains: R-hat and "
            "effective sample sizes; coverage: figures in the 50% and 90% bands.",
        ),
    ]
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the plot and its numbers here.")]
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="Folder of `drugfutures calibrate`, or a posterior.nc; for coverage also a "
            "results folder of `drugfutures run`.",
            show_default="the shipped posterior; for coverage results/run",
        ),
    ] = None
    lang: LangOption = Language.en


@with_fields_of(PlotOptions)
def plot(given: PlotOptions) -> None:
    """Draw a calibration that is there: posterior against prior, chains, or coverage."""
    with refusals():
        from experiments.plots.analysis.frame import save
        from experiments.sensitivity.tables import ready

        draw: dict[What, Callable[[Path | None, str], Drawn]] = {
            What.posterior: _posterior,
            What.chains: _chains,
            What.coverage: _coverage,
        }
        folder = ready(given.out)
        figure, rows = draw[given.what](given.source, given.lang.value)
        written = save(figure, rows, folder / f"{given.what.value}-{given.lang.value}")
        tell_plots(console(), folder, written)


def _read(source: Path | None) -> Posterior:
    """The posterior of a file, of a calibration's folder, or the shipped one."""
    from calibration.posterior import load

    if source is not None and source.is_dir():
        source = source / "posterior.nc"
    return load(source)


def _posterior(source: Path | None, language: str) -> Drawn:
    from experiments.plots.analysis import learnt
    from model.catalogue import load_catalogue

    read = _read(source)
    table = learnt.rows(read, load_catalogue(), language)
    return learnt.figure(table, learnt.about(read, language), language), table


def _chains(source: Path | None, language: str) -> Drawn:
    from experiments.plots.analysis import learnt

    read = _read(source)
    table = learnt.chain_rows(read, language)
    return learnt.chain_figure(table, learnt.about(read, language), language), table


def _coverage(source: Path | None, language: str) -> Drawn:
    from experiments.plots.analysis import held, held_by

    table, about = held_by.read(Path("results/run") if source is None else source, language)
    return held.figure(table, about, language), held.rows(table, language)
