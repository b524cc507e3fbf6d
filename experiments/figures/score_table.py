"""What ``drugfutures score`` prints: coverage, scores beside naive forecasts, rows left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from calibration.score import INTERVALS, Coverage, Summary, last_year, summarise
from experiments.figures.score import Outcome

FIRST_AFTER = 2024  # the first year of which the fit knows nothing
MEANING = (
    "CRPS: how far a forecast lay from what was seen, its spread included, on the logit scale for "
    "proportions and the log scale for the rest; lower is better. Each cluster (a source in a "
    "year) weighs the same. Last value and straight line know only the earlier figures of the same "
    "series."
)


def print_scores(outcome: Outcome, console: Console) -> None:
    """Print the summary of a table of scores, and the rows that were not predicted."""
    known = [row for row in outcome.scored if row.predicted and "no forecast" in row.why]
    left = [row for row in outcome.scored if row not in known]
    summary = summarise(left if any(row.predicted for row in left) else outcome.scored)
    console.print()
    if outcome.prior:
        words = f"{outcome.draws} draws from the priors; the model is not calibrated."
        console.print(words, style="bold")
    else:
        console.print(f"{outcome.draws} draws of the posterior.", style="bold")
    console.print(
        f"{_many(summary.rows, 'row')} predicted, in {_many(summary.clusters, 'cluster')}; "
        f"{sum(summary.reasons.values())} not."
    )
    for title, rows in (
        ("Share of figures inside the intervals, all rows", summary.coverage),
        ("The same, rows with an earlier value", summary.with_earlier),
    ):
        if rows:
            console.print(f"\n{title}", style="bold")
            console.print(coverage_table(rows))
    print_comparison(summary, console)
    _print_notes(outcome, console)
    _print_missing(outcome, summary, console)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def coverage_table(rows: Sequence[Coverage]) -> Table:
    """Shares inside the intervals, a line for all and for each family."""
    table = _table("", "rows", *(f"{level}%" for level in INTERVALS))
    for row in rows:
        table.add_row(row.name, str(row.rows), *(f"{100 * share:.0f}%" for share in row.inside))
    return table


def print_comparison(summary: Summary, console: Console) -> None:
    """Print the mean CRPS of the three forecasts over the rows that have all three."""
    found = summary.comparison
    console.print()
    if found is None:
        console.print("No row has an earlier value: there is no naive forecast to compare with.")
        return
    console.print(
        f"Mean CRPS, {_many(found.rows, 'row')} with all three forecasts, "
        f"{_many(found.clusters, 'cluster')}",
        style="bold",
    )
    table = _table("forecast", "CRPS", "the model is")
    table.add_row("model", f"{found.model:.3f}", "")
    for name, score in (("last value", found.last), ("straight line", found.trend)):
        table.add_row(name, f"{score:.3f}", _gain(found.model, score))
    console.print(table)
    if not math.isnan(summary.sd_ratio):
        console.print(
            f"Median spread of the model's forecasts over that of the last value: "
            f"{summary.sd_ratio:.2f}."
        )
    console.print(f"\n{MEANING}")


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _gain(model: float, naive: float) -> str:
    if naive <= 0.0:
        return ""
    gain = 1.0 - model / naive
    return f"{abs(gain):.0%} {'better' if gain >= 0 else 'worse'}"


def _print_notes(outcome: Outcome, console: Console) -> None:
    noted = sum("no forecast" in row.why for row in outcome.scored if row.predicted)
    if noted:
        console.print()
        console.print(
            f"{noted} of the rows were known to the model beforehand (column why): the tables "
            "above leave them out, as long as any other row is there."
        )
    seen = [row for row in outcome.scored if row.predicted and last_year(row.figure) < FIRST_AFTER]
    if seen:
        console.print(
            f"{len(seen)} rows are of years up to {FIRST_AFTER - 1}, for which the draws were "
            "fitted to later figures too: hindcasts, that flatter the model beside naive forecasts."
        )


def _print_missing(outcome: Outcome, summary: Summary, console: Console) -> None:
    if not summary.reasons:
        return
    console.print()
    console.print("Not predicted:", style="bold")
    for reason, count in sorted(summary.reasons.items(), key=lambda item: -item[1]):
        ids = [row.figure.id for row in outcome.scored if not row.predicted and row.why == reason]
        console.print(f"  {reason} ({count}): {', '.join(ids)}")
