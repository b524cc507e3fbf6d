"""The command that writes a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from experiments.runs.terminal import LangOption, Language, refusals, with_fields_of


@dataclass(frozen=True)
class ReportOptions:
    """What can be asked of a report, in the order of its help."""

    source: Annotated[
        str,
        typer.Argument(
            metavar="RESULTS|STORE", help="Results folder of a run, or the store of a batch."
        ),
    ] = "results/run"
    language: LangOption = Language.en
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Ends in .pdf (tagged, PDF/UA) or in .html.")
    ] = Path("report.pdf")
    year: Annotated[
        int | None,
        typer.Option(metavar="YEAR", help="Year of the tables.", show_default="the last one"),
    ] = None
    sensitivity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A sensitivity.nc to tell of.",
            show_default="the one beside the results",
        ),
    ] = None


@with_fields_of(ReportOptions)
def report(given: ReportOptions) -> None:
    """Write a report: question, scenarios, levers and evidence, years, tables, limits."""
    with refusals():
        import tempfile

        from experiments.report.material import open_material
        from experiments.report.sections import report_of
        from experiments.report.written import check, write

        check(given.out)
        with (
            tempfile.TemporaryDirectory() as folder,
            open_material(given.source, given.sensitivity) as material,
        ):
            made = report_of(material, given.language.value, given.year, Path(folder))
            typer.echo(f"Report: {write(made, given.out)}")
