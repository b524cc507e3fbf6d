"""What is printed of a portfolio search."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from experiments.robustness.portfolio_report import Report, member_table
from experiments.robustness.portfolio_study import MEASURES

MOST = 12  # portfolios that are printed; all stand in the files
CAUTIONS = (
    "Portfolios were chosen in these futures and look better in them than in others: `fresh` in "
    "the study runs them in new ones.",
    "Sizes of most effects are assumed or from elsewhere; a share of futures is no probability.",
)


def print_report(report: Report, console: Console) -> None:
    """The Pareto set, its outcomes with 90% of futures, and whether the search levelled off."""
    found = report.found
    problem, state = found.problem, found.state
    shown = _spaced(len(report.members))
    console.print(_levers(report, shown))
    rows = member_table(report)
    names = [report.names[n] for n in shown]
    for one in problem.outcomes:
        own = rows[rows["outcome"] == one.label].set_index("portfolio").loc[names]
        table = Table(title=f"{one.label} ({one.unit}); better: {one.better}", title_justify="left")
        for head in ("", one.statistic, "median (90%)", "change (90%)", "meets", "regret (95%)"):
            table.add_column(head, justify="left" if not head else "right")
        for name, row in own.iterrows():
            table.add_row(
                name.rpartition("-")[2],
                _number(row["objective"]),
                _range(row, ""),
                _range(row, "change_"),
                f"{row['meets']:.0%}",
                f"{_number(row['regret_mean'])} ({_number(row['regret_95'])})",
            )
            if report.fresh is not None:
                again = (_range(row, "fresh_"), _range(row, "fresh_change_"))
                table.add_row("", "fresh", *again, f"{row['fresh_meets']:.0%}", "")
        console.print(table)
    _, verdict = found.convergence()
    futures = state.values.shape[1]
    ran = f"{state.counts[-1]} portfolios ran in {futures} futures each; "
    ran += f"{len(report.members)} are beaten by none"
    left = len(report.members) - len(shown)
    console.print(ran + (f" ({left} more in the files)." if left else "."))
    console.print(f"Hypervolume: {verdict}.")
    for told in (found.told, *_notes(report), *CAUTIONS):
        if told:
            console.print(told, style="dim")


def _spaced(count: int) -> list[int]:
    """Numbers of at most ``MOST`` of so many, first and last among them."""
    if count <= MOST:
        return list(range(count))
    return [round(i * (count - 1) / (MOST - 1)) for i in range(MOST)]


def _levers(report: Report, shown: list[int]) -> Table:
    found = report.found
    problem = found.problem
    table = Table(title="Portfolios that none beats in all objectives", title_justify="left")
    table.add_column("")
    for name in problem.levers:
        table.add_column(name, justify="right")
    table.add_column("effort", justify="right")
    table.add_column("holds", justify="right")
    for n in shown:
        positions = found.state.positions[report.members[n]]
        effort = "" if problem.effort is None else f"{problem.effort(positions[None])[0]:.4g}"
        name = report.names[n].rpartition("-")[2]
        table.add_row(name, *(f"{x:g}" for x in positions), effort, f"{report.holds[n]:.0%}")
    return table


def _range(row: object, name: str) -> str:
    middle, low, high = (row[f"{name}{one}"] for one in ("median", "low90", "high90"))  # type: ignore[index]
    return f"{_number(middle)} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    """Three digits that count; thousands in full."""
    if abs(value) < 1000.0:
        return f"{value:.3g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.0f}"


def _notes(report: Report) -> list[str]:
    problem = report.found.problem
    effort = f"Effort: {problem.effort_unit}, as far as levers move."
    if problem.effort_unit == MEASURES:
        effort = (
            "Effort: number of measures, each by its position (100 counts 1). It is no price: "
            "costs of some of them are not known."
        )
    holds = "Holds: share of resampled futures in which the portfolio is beaten by none."
    levels = ["Change: against the same future without levers. Regret: against the best portfolio "
              "that ran in the same future, mean and 95% of futures."]  # fmt: skip
    aims = [one for one in problem.outcomes if one.aim is None]
    meets = "Meets: share of futures that meet the aim"
    meets += ", without an aim those that are better than without levers." if aims else "."
    point = report.found.reference_point()
    pairs = zip(problem.objectives, point, strict=True)
    told = "; ".join(f"{name} {_number(value)}" for name, value in pairs)
    return [effort, holds, *levels, meets, f"Reference point (less is better): {told}."]
