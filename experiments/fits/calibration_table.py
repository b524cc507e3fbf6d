"""What ``drugfutures calibrate`` prints, and the same in ``summary.md``."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from calibration import checks, parameter_checks
from calibration.errors import to_scale
from calibration.fit import ASSUMED_BELOW, EFFECTIVE, MIXED
from calibration.holdout import HoldoutResult, Skill
from calibration.score import INTERVALS, Coverage
from experiments.fits.calibrate import Outcome, Shift, report_folder
from experiments.fits.calibration_report import Report, is_learnt
from experiments.plots.fits import in_two_digits as short

MOST = 10  # rows of a list of the worst
LINE = 96


@dataclass(frozen=True)
class Section:
    """A heading, sentences, and a table or none; of the table the first column is words."""

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def print_report(report: Report, console: Console) -> None:
    """Print every section and where the rest is."""
    print_sections(sections(report), console)
    console.print(f"\nReport: {report_folder(report.outcome.asked)}", soft_wrap=True)


def print_sections(told: Sequence[Section], console: Console) -> None:
    """Print sections one after the other."""
    for section in told:
        console.print(f"\n{section.title}", style="bold")
        for line in section.lines:
            console.print(line)
        if section.rows:
            console.print(_table(section))


def _table(section: Section) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(section.columns[0], overflow="fold")
    for column in section.columns[1:]:
        table.add_column(column, justify="right")
    for row in section.rows:
        table.add_row(*row)
    return table


def markdown(report: Report) -> str:
    """All sections as the text of ``summary.md``."""
    return as_markdown("Calibration", sections(report))


def as_markdown(title: str, told: Sequence[Section]) -> str:
    """Sections as the text of a file with this title."""
    parts = [f"# {title}"]
    for section in told:
        parts.append(f"## {section.title}")
        parts += ["\n".join(textwrap.wrap(line, LINE)) for line in section.lines]
        if section.rows:
            lines = [section.columns, ("---",) * len(section.columns), *section.rows]
            cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in cells))
    return "\n\n".join(parts) + "\n"


def sections(report: Report) -> list[Section]:
    """What is told of a calibration, in order."""
    outcome = report.outcome
    found = [_about(outcome), _blocks(outcome), _numbers(outcome), _chains(report)]
    found += [_learnt(report), _bounds(report), _sensitive(report), _anchors(report)]
    found += [_left_out(report), _outside(report), _waves(report)]
    if outcome.asked.until is None:
        found.append(_shift(outcome))
    if report.holdout is not None:
        found += holdout_sections(report.holdout)
    return found


def _about(outcome: Outcome) -> Section:
    asked = outcome.asked
    lines = [f"Cost: {outcome.cost}, {sum(one.fit.runs for one in outcome.fitted):,} model runs."]
    if asked.quick:
        lines.insert(0, "A quick look: too few draws for any number here to be reported.")
    if asked.until is not None:
        lines.append(f"Figures and history up to {asked.until} only; nothing later was known.")
    if outcome.cached:
        names = ", ".join(one for one in _order(outcome) if one in outcome.cached)
        lines.append(f"Taken from disk, where nothing had changed: {names}.")
    if outcome.priors:
        lines.append(f"Upstream blocks that stayed at their priors: {', '.join(outcome.priors)}.")
    if asked.ship:
        lines.append("Shipped: this is the posterior of the package now.")
    elif not outcome.complete:
        lines.append("Not a complete fit: it cannot be shipped.")
    return Section("What was fitted", tuple(lines))


def _order(outcome: Outcome) -> list[str]:
    return [one.block.block for one in outcome.fitted]


def _blocks(outcome: Outcome) -> Section:
    rows = []
    for one in outcome.fitted:
        fit = one.fit
        rows.append(
            (
                one.block.block,
                str(len(fit.inputs)),
                str(int(one.known.sum())),
                f"{fit.acceptance:.0%}",
                f"{fit.rhat.max():.3f}",
                f"{min(fit.ess_bulk.min(), fit.ess_tail.min()):,.0f}",
                f"{fit.runs:,}",
                f"{fit.seconds:,.0f}",
            )
        )
    columns = ("block", "inputs", "figures", "accepted", "R-hat", "ESS", "runs", "seconds")
    lines = ("R-hat: the largest; ESS: the least of bulk and tail; accepted: exact on surrogate.",)
    return Section("Blocks", lines, columns, tuple(rows))


def _numbers(outcome: Outcome) -> Section:
    count = Counter(figure.role for figure in outcome.plan.figures)
    known = sum(int(one.known.sum()) for one in outcome.fitted)
    ahead = sum(int((~one.known).sum()) for one in outcome.fitted)
    later = f" {ahead} lie after the cut and are forecast." if ahead else ""
    return Section(
        "Figures",
        (
            f"Of {len(outcome.plan.figures)} figures {count['fitted']} are to be fitted, "
            f"{count['checked']} checked and {count['context']} context. These blocks were fitted "
            f"to {known}.{later}",
        ),
    )


def _chains(report: Report) -> Section:
    worst = parameter_checks.convergence(report.parameters)
    lines = [
        f"{worst.quantities} quantities: R-hat at most {worst.rhat:.3f}, ESS at least "
        f"{worst.ess_bulk:,.0f} (bulk) and {worst.ess_tail:,.0f} (tail)."
    ]
    if not worst.named:
        lines.append(f"All have R-hat below {MIXED} and ESS above {EFFECTIVE}.")
        return Section("Chains", tuple(lines))
    few = sorted(worst.named, key=lambda row: -row.rhat)[:MOST]
    lines.append(
        f"{len(worst.named)} miss R-hat below {MIXED} or ESS above {EFFECTIVE}"
        f"{_worst(worst.named)}:"
    )
    rows = tuple(
        (row.name, f"{row.rhat:.3f}", f"{row.ess_bulk:,.0f}", f"{row.ess_tail:,.0f}") for row in few
    )
    return Section("Chains", tuple(lines), ("quantity", "R-hat", "bulk", "tail"), rows)


def _worst(rows: Sequence[object]) -> str:
    return f"; the worst {MOST}" if len(rows) > MOST else ""


def _learnt(report: Report) -> Section:
    rows = []
    for block in _order(report.outcome):
        own = [row for row in report.parameters if row.block == block]
        told = sum(is_learnt(row) for row in own)
        most = sorted(own, key=lambda row: -row.contraction)[:2]
        names = "; ".join(f"{_name(row)} {row.contraction:.2f}" for row in most)
        rows.append((block, str(told), str(len(own) - told), names))
    told = sum(is_learnt(row) for row in report.parameters)
    line = (
        f"{told} of {len(report.parameters)} quantities are learnt from the figures; "
        f"{len(report.parameters) - told} have a contraction (1 - posterior variance / prior "
        f"variance) below {ASSUMED_BELOW} and are labelled assumed. All else keeps its prior."
    )
    columns = ("block", "learnt", "assumed", "contraction most")
    return Section("What the figures tell", (line,), columns, tuple(rows))


def _name(row: parameter_checks.ParameterCheck) -> str:
    """The name of a quantity without what its block says already."""
    return row.name.removeprefix(f"{row.block}/").replace("[,,,,]", "")


def _bounds(report: Report) -> Section:
    names = [row.name for row in report.parameters if row.at_bound]
    told = f"{len(names)}: {', '.join(names)}." if names else "None."
    return Section("Quantities at a bound", (told,))


def _sensitive(report: Report) -> Section:
    pulled = [row for row in report.parameters if row.pulled]
    few = sorted(pulled, key=lambda row: -row.sensitivity)[:MOST]
    line = (
        f"Prior and figures pull {len(pulled)} quantities apart: a prior twice as strong moves "
        f"their mean by more than {parameter_checks.PULLED} posterior standard deviations"
        f"{_worst(pulled)}."
    )
    rows = tuple(
        (row.name, f"{row.sensitivity:.2f}", f"{row.shift:+.2f}", f"{row.place:+.1f}")
        for row in few
    )
    columns = ("quantity", "sensitivity", "shift", "mean, prior sd")
    return Section("Sensitivity to the prior", (line,), columns, rows)


def _anchors(report: Report) -> Section:
    low, high = checks.ANCHOR_RATIO
    missed = checks.anchors_missed(report.anchors)
    tested = [row for row in report.anchors if not row.declared_break]
    ratios = [row.ratio for row in tested]
    lines = [
        f"{len(tested)} anchor rows outside declared breaks: {len(missed)} outside {low:g}-{high:g}"
        + (f"; ratios from {min(ratios):.2f} to {max(ratios):.2f}." if ratios else ".")
    ]
    inside = [row.ratio for row in report.anchors if row.declared_break]
    if inside:
        lines.append(
            f"{len(inside)} rows of the declared break of 2013: ratios from {min(inside):.2f} to "
            f"{max(inside):.2f}, median {np.median(inside):.2f}."
        )
    rows = tuple(
        (row.id, short(row.observed), f"{row.ratio:.2f}", f"{row.low:.2f}-{row.high:.2f}")
        for row in missed
    )
    columns = ("anchor row", "observed", "model / survey", "90%")
    return Section("Latent value over that of the anchor survey", tuple(lines), columns, rows)


def _left_out(report: Report) -> Section:
    found = checks.coverage(report.left_out)
    untested = Counter(row.why for row in report.left_out if not row.testable)
    lines = []
    if found:
        held = checks.within_bars(found[0])
        parts = (
            f"{level}% {'holds' if good else 'fails'} ({low:.0%}-{high:.0%} asked)"
            for level, good, (low, high) in zip(INTERVALS, held, checks.BARS, strict=True)
        )
        lines.append(f"Pooled over products: {', '.join(parts)}.")
    if untested:
        told = "; ".join(f"{why}: {count}" for why, count in untested.items())
        lines.append(f"Not testable and not counted: {told}.")
    loose = checks.unstable(report.left_out)
    if loose:
        bar = checks.UNSTABLE
        lines.append(f"Importance weights not to be trusted (k-hat above {bar}): {len(loose)}.")
    title = "Leave-one-out: share of figures inside their interval"
    return _covered(title, found, tuple(lines))


def _covered(title: str, found: Sequence[Coverage], lines: tuple[str, ...] = ()) -> Section:
    rows = tuple(
        (row.name, str(row.rows), *(f"{share:.0%}" for share in row.inside)) for row in found
    )
    columns = ("", "figures", *(f"{level}%" for level in INTERVALS))
    return Section(title, lines, columns, rows)


def _outside(report: Report) -> Section:
    rows = [row for row in report.left_out if row.testable and not row.in95]
    shown = tuple(
        (
            row.id,
            "" if row.observed is None else short(row.observed),
            short(row.median),
            f"{short(row.low95)}-{short(row.high95)}",
        )
        for row in rows
    )
    columns = ("figure", "observed", "predicted", "95%")
    line = f"Outside the 95% interval that all other figures give: {len(rows)}."
    return Section("Figures outside", (line,), columns, shown)


def _waves(report: Report) -> Section:
    thin = {(wave.block, wave.cluster) for wave in report.waves if wave.thin}
    line = (
        f"{len(report.waves)} waves, each left out whole; of {len(thin)} the importance weights "
        f"are not to be trusted (fewer than {checks.LEAST_ESS:.0f} effective draws or k-hat above "
        f"{checks.UNSTABLE}): their figures are told apart."
    )
    rough = [row for row in report.without_wave if (row.block, row.cluster) in thin]
    sound = [row for row in report.without_wave if (row.block, row.cluster) not in thin]
    found = [
        replace(coverage[0], name=name)
        for name, rows in (("waves to be trusted", sound), ("waves not to be trusted", rough))
        if (coverage := checks.coverage(rows))
    ]
    found += checks.coverage(report.without_wave)
    return _covered("Leave-one-wave-out: share of figures inside", found, (line,))


def _shift(outcome: Outcome) -> Section:
    title = "Shift from each block alone to the joined draws in the whole model"
    if outcome.broke:
        return Section(title, (f"The joined run broke down: {outcome.broke}.",))
    rows = [row for row in outcome.shifts if not row.apart]
    if not rows:
        return Section(title, ("No figure can be compared.",))
    sizes = np.abs([row.in_sd for row in rows])
    lines = [
        f"In standard deviations of each figure's error: median {np.median(sizes):.2f}, "
        f"{np.mean(sizes > 0.5):.0%} above 0.5, largest {sizes.max():.2f}.",
    ]
    apart = [abs(row.in_sd) for row in outcome.shifts if row.apart]
    if apart:
        lines.append(
            "Shares of treatment, which blocks set against a constant number of other episodes, "
            f"apart: {len(apart)} figures, median {np.median(apart):.2f}."
        )
    columns = ("block", "figures", "median shift", "median, sd", "largest, sd", "figure")
    shown = tuple(_shift_row(block, rows) for block in dict.fromkeys(row.block for row in rows))
    return Section(title, tuple(lines), columns, shown)


def _shift_row(block: str, rows: Sequence[Shift]) -> tuple[str, ...]:
    own = [row for row in rows if row.block == block]
    worst = max(own, key=lambda row: abs(row.in_sd))
    return (
        block,
        str(len(own)),
        f"{np.median([row.shift for row in own]):+.3f}",
        f"{np.median([row.in_sd for row in own]):+.2f}",
        f"{worst.in_sd:+.2f}",
        worst.figure,
    )


def holdout_sections(found: HoldoutResult) -> list[Section]:
    """What a cut fit forecast of the figures after it."""
    summary = found.summary
    missed = [name for name, good in found.verdicts.items() if not good]
    lines = [
        f"{summary.rows} figures after {found.until} in {summary.clusters} clusters (a source in "
        "a year). These years have been seen while the model was built: they are no proof.",
        "All that is asked holds." if not missed else f"Missed: {'; '.join(missed)}.",
    ]
    compared = summary.comparison
    rows: tuple[tuple[str, ...], ...] = ()
    if compared is not None:
        lines.append(
            f"Spread of the forecasts over that of the last value, median: {summary.sd_ratio:.2f}."
        )
        skills = {skill.against: skill for skill in found.skills}
        rows = tuple(
            (name, f"{crps:.3f}", _skill(skills, name))
            for name, crps in (
                ("model", compared.model),
                ("last value", compared.last),
                ("straight line", compared.trend),
            )
        )
    lines.append(_leaning(found))
    losses = found.losses("product", 5)
    if losses:
        told = ", ".join(f"{part.name} (by {part.loss:.3f})" for part in losses)
        lines.append(f"The last value forecast better for: {told}.")
    columns = ("forecast", "mean CRPS", "the model is better by (90%)")
    return [
        Section(f"Hold-out: forecasts from {found.until}", tuple(lines), columns, rows),
        _covered("Hold-out: share of all rows inside", summary.coverage),
        _covered("Hold-out: rows with an earlier value", summary.with_earlier),
    ]


def _leaning(found: HoldoutResult) -> str:
    """In which direction the forecasts were off: mean of (observed - median) / sd by product."""
    errors: dict[str, list[float]] = {}
    for row in found.scored:
        if row.predicted and row.observed is not None and row.sd:
            away = to_scale(row.observed, row.scale) - to_scale(row.quantiles[0], row.scale)
            errors.setdefault(row.figure.product, []).append(float(away) / row.sd)
    told = ", ".join(f"{name} {np.mean(some):+.1f}" for name, some in errors.items())
    return f"Observed less forecast, mean in sd of the forecast: {told}."


def _skill(skills: dict[str, Skill], name: str) -> str:
    found = skills.get(name)
    if found is None:
        return ""
    return f"{found.skill:.0%} ({found.low:.0%} to {found.high:.0%})"
