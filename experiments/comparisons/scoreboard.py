"""Scenarios by the aims of the strategy: the numbers and texts of ``drugfutures scoreboard``.

Each row of ``scoreboard.csv`` is an indicator of an aim with the direction that is better. Rows
are not weighed and not added up: which aim counts for how much is not for a model to say.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from experiments.comparisons.compare import (
    CLEAR,
    NOT_VISIBLE,
    NOTHING,
    WHOLE,
    Float,
    Format,
    Paired,
    Scenarios,
    Span,
    known,
    open_scenarios,
    paired,
)
from experiments.comparisons.compare_table import (
    ASSUMED,
    PAIRED,
    TITLES,
    cautions,
    few_draws,
    grid,
    left_out,
    not_visible,
    number,
    of_years,
    percents,
    put,
    who_rests_on_priors,
    whole_percent,
)
from experiments.runs.headlines import warning
from experiments.runs.results import MODE_TEXT
from model.errors import InputError
from model.reading import TableRow, read_rows
from scenarios.texts import AIMS, load_texts

SCOREBOARD = Path(__file__).with_name("scoreboard.csv")
EVERYONE = {"population": "all"}
"""Indicators to divide by that stand for all products at once."""
BETTER, WORSE, UNCLEAR, EQUAL = "better", "worse", "unclear", "no difference"
MARKS = {BETTER: "▲", WORSE: "▼", UNCLEAR: "?", EQUAL: "=", NOT_VISIBLE: "≈", NOTHING: ""}
STYLES = {BETTER: "green", WORSE: "red", UNCLEAR: ""}
"""Style by direction; all others are dim."""
COLUMNS = (
    *("scenario", "baseline", "aim", "indicator", "per", "product", "group", "statistic"),
    *("better_is", "year", "direction", "percent", "percent_low90", "percent_high90"),
    *("share_better", "share_worse", "baseline_median", "scenario_median", "difference"),
    *("low90", "high90", "unit", "mode", "draws", "missing_draws", "source"),
    *("from_year", "over_years"),
)
NO_SUM = (
    "Aims are not weighed and not added up. A direction is told where "
    f"{CLEAR:.0%} or more of draws share it; the last number is the share of draws that are better."
)


class ScoreRow(TableRow):
    """An indicator of an aim; ``per``: what it is divided by; ``statistic``: of two groups."""

    aim: str
    indicator: str
    per: str | None
    product: str
    group: str
    statistic: Literal["level", "ratio", "gap"]
    better: Literal["up", "down"]
    weight: Literal["none"]
    why: str
    source: str

    @property
    def groups(self) -> list[str]:
        """The group, or the two that a ratio or a gap compares."""
        return self.group.split("/")


@dataclass(frozen=True)
class Score:
    """A scenario by one row; ``paired`` is of the row's quantity."""

    scenario: str
    row: ScoreRow
    paired: Paired

    @property
    def share_better(self) -> float:
        """Share of draws on the better side of the baseline."""
        return self.paired.up if self.row.better == "up" else self.paired.down

    @property
    def share_worse(self) -> float:
        """Share of draws on the worse side of the baseline."""
        return self.paired.down if self.row.better == "up" else self.paired.up

    @property
    def direction(self) -> str:
        """better, worse, unclear, no difference, no visible difference or no value."""
        if not self.paired.draws:
            return NOTHING
        if self.paired.equal:
            return EQUAL
        if self.paired.negligible:
            return NOT_VISIBLE
        if self.share_better >= CLEAR:
            return BETTER
        return WORSE if self.share_worse >= CLEAR else UNCLEAR


@dataclass(frozen=True)
class Asked:
    """What the command was asked for; years and scenarios as in a comparison."""

    results: Path
    baseline: str | None = None
    aim: str | None = None
    year: int | None = None
    format: Format = "table"
    out: Path | None = None
    first: int | None = None
    scenarios: tuple[str, ...] = ()


def load_scoreboard(path: Path = SCOREBOARD) -> list[ScoreRow]:
    """Rows in table order. Raises InputError for an unknown aim or groups that do not fit."""
    rows = read_rows(path, ScoreRow)
    for row in rows:
        two = row.statistic != "level"
        for key, right, allowed in (
            ("aim", row.aim in AIMS, ", ".join(AIMS)),
            ("group", len(row.groups) == 1 + two, "one group; for a ratio or gap: first/second"),
        ):
            if not right:
                raise InputError(
                    "a row that does not fit",
                    file=row.file,
                    line=row.line,
                    key=key,
                    given=getattr(row, key),
                    allowed=allowed,
                )
    return rows


def quantity(scenarios: Scenarios, row: ScoreRow, span: Span) -> Float:
    """What a row measures (scenarios, D). Raises InputError for what the file lacks.

    Years are taken together first, by the kind of each indicator, and divided after.
    """
    found = [_level(scenarios, row, group, span) for group in row.groups]
    if row.statistic == "level":
        return found[0]
    return over(found[0], found[1]) if row.statistic == "ratio" else found[0] - found[1]


def _level(scenarios: Scenarios, row: ScoreRow, group: str, span: Span) -> Float:
    values = scenarios.over(row.indicator, row.product, group, span)
    if row.per is None:
        return values
    whole = EVERYONE.get(row.per, row.product)
    return over(values, scenarios.over(row.per, whole, group, span))


def over(values: Float, whole: Float) -> Float:
    """Values divided by a whole, a ratio of the same shape; NaN where that is 0."""
    some = whole != 0.0
    found = values * float("nan")
    found[some] = values[some] / whole[some]
    return found


def scores(
    scenarios: Scenarios,
    rows: Sequence[ScoreRow],
    span: Span,
    baseline: str,
    asked: Sequence[str] = (),
) -> list[Score]:
    """The scenarios asked for (none: all) but the baseline, row by row."""
    others, found = scenarios.others(asked, baseline), []
    for row in rows:
        values = dict(zip(scenarios.ids, quantity(scenarios, row, span), strict=True))
        found += [Score(one, row, paired(values[baseline], values[one])) for one in others]
    return found


def unit_of(scenarios: Scenarios, row: ScoreRow, over: str = "") -> str:
    """Unit of what a row measures; ``over``: sum or mean of several years."""
    unit = scenarios.unit(row.indicator, over)
    if row.per is not None:
        unit = f"{unit} over {scenarios.unit(row.per)} ({row.per})"
    return {"level": unit, "ratio": "ratio", "gap": unit}[row.statistic]


def label_of(scenarios: Scenarios, row: ScoreRow) -> str:
    """A row in words: "Any illegal drug: Used in the last 12 months, 10-17"."""
    per = "" if row.per is None else f" per {_short(scenarios.name(row.per))}"
    where = "" if row.group == WHOLE else f", {row.group.replace('_', ' ')}"
    return f"{scenarios.names[row.product]}: {scenarios.name(row.indicator)}{per}{where}"


def _short(name: str) -> str:
    person = name.replace("People", "person").replace("Population aged 10 and over", "inhabitant")
    return person[:1].lower() + person[1:]


def print_scoreboard(asked: Asked, console: Console) -> None:
    """Print or write the scoreboard as asked. Raises InputError."""
    rows = load_scoreboard()
    if asked.aim is not None:
        known("--aim", asked.aim, AIMS)
        rows = [row for row in rows if row.aim == asked.aim]
    with open_scenarios(asked.results) as scenarios:
        baseline, span = scenarios.baseline(asked.baseline), scenarios.span(asked.first, asked.year)
        found = scores(scenarios, rows, span, baseline, asked.scenarios)
        told = notes(scenarios, found, span)
        lines = [_cells(scenarios, one, baseline, span) for one in found]
        if asked.format == "csv":
            put(_csv(lines), asked.out)
        elif asked.format == "json":
            years = {"from_year": span.first, "year": span.last}
            about = {"baseline": baseline, **years, "draws_from": scenarios.drawn}
            whole = {**about, "draws": scenarios.draws, "notes": told, "rows": lines}
            put(json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n", asked.out)
        else:
            text = io.StringIO()
            screen = Console(file=text, width=console.width) if asked.out else console
            _print(scenarios, found, (baseline, span), told, screen)
            if asked.out is not None:
                put(text.getvalue(), asked.out)


def _cells(
    scenarios: Scenarios, one: Score, baseline: str, span: Span
) -> dict[str, str | float | None]:
    row, pair = one.row, one.paired
    over = span.how(scenarios.kind(row.indicator))
    values: tuple[str | float | None, ...] = (
        *(one.scenario, baseline, row.aim, row.indicator, row.per, row.product, row.group),
        *(row.statistic, row.better, span.last, one.direction),
        *map(number, (pair.percent, pair.percent_low, pair.percent_high)),
        *(one.share_better, one.share_worse),
        *map(number, (pair.baseline, pair.value, pair.difference, pair.low, pair.high)),
        *(unit_of(scenarios, row, over), scenarios.modes[row.product] or None),
        *(pair.draws, pair.missing, row.source, span.first, over or None),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _csv(lines: Sequence[dict[str, str | float | None]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({key: "" if cell is None else cell for key, cell in line.items()})
    return text.getvalue()


def _print(
    scenarios: Scenarios,
    found: Sequence[Score],
    against: tuple[str, Span],
    told: Sequence[str],
    console: Console,
) -> None:
    console.print()
    console.print(f"{MODE_TEXT[scenarios.drawn]}.", style="bold")
    rough = warning(scenarios.draws, scenarios.seeds)
    if rough is not None:
        console.print(rough, style="bold")
    words, (baseline, span) = load_texts()["en"], against
    ids = list(dict.fromkeys(one.scenario for one in found))
    for aim in dict.fromkeys(one.row.aim for one in found):
        of_aim = {(one.scenario, one.row.line): one for one in found if one.row.aim == aim}
        rows = list({one.row.line: one.row for one in of_aim.values()}.values())
        heads = [f"{_label(scenarios, row, span)} (better: {row.better})" for row in rows]
        lines = {one: [_cell(of_aim[one, row.line]) for row in rows] for one in ids}
        title = (
            f"change in % of {baseline}, {span.told(scenarios.kind(row.indicator) for row in rows)}"
        )
        named = f"{words[f'aim.{aim}']}: {title}, median (90% interval), share of draws better"
        for table in grid(named, heads, lines, console.width, scenarios.titles):
            console.print()
            console.print(table)
    for note in told:
        console.print()
        console.print(note)


def _label(scenarios: Scenarios, row: ScoreRow, span: Span) -> str:
    over = span.how(scenarios.kind(row.indicator))
    return label_of(scenarios, row) + (over and f" ({over})")


def _cell(one: Score) -> Text:
    direction, style = one.direction, STYLES.get(one.direction, "dim")
    if direction == NOT_VISIBLE:
        return Text(f"{MARKS[direction]} {direction}", style=style)
    if direction in (EQUAL, NOTHING) or math.isnan(one.paired.percent):
        return Text(direction, style=style)
    told = f"{MARKS[direction]} {percents(one.paired)} {whole_percent(one.share_better)}"
    return Text(told, style=style)


def notes(scenarios: Scenarios, found: Sequence[Score], span: Span) -> list[str]:
    """What must be said with the scores, one paragraph each."""
    missing = max((one.paired.missing for one in found), default=0)
    return [
        *few_draws(scenarios),
        NO_SUM,
        PAIRED,
        *not_visible(one.paired for one in found),
        *of_years(span),
        *left_out(missing, scenarios.draws),
        *who_rests_on_priors(scenarios, [one.row.product for one in found]),
        *cautions(scenarios, [one.row.indicator for one in found]),
        TITLES,
        ASSUMED,
    ]
