"""The report of a calibration as files: tables, plots and a summary in words."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration import checks, parameter_checks
from calibration.calibrate import Fitted
from calibration.errors import build_errors, to_scale
from calibration.fit import ASSUMED_BELOW
from calibration.holdout import HoldoutResult, evaluate
from calibration.posterior import SHIPPED, save
from calibration.proof import proved
from calibration.score import Scored, last_year, observed_trails
from experiments.figures.score import write_scores
from experiments.fits.calibrate import (
    POSTERIOR,
    Outcome,
    figures_by_id,
    posterior_of,
    report_folder,
    told_of,
)
from experiments.plots.fans import save_fans
from experiments.plots.fits import Learnt, Predicted, in_two_digits, save_calibration
from model.errors import InputError

POINTS = ("median", "low50", "high50", "low80", "high80", "low95", "high95")
PREDICTIVE = tuple(f"predictive_{name}" for name in (*POINTS, "in50", "in80", "in95"))


@dataclass(frozen=True)
class Report:
    """All that the checks found. ``holdout`` is of a cut fit only."""

    outcome: Outcome
    left_out: tuple[checks.FigureCheck, ...]
    predictive: tuple[checks.FigureCheck, ...]
    without_wave: tuple[checks.FigureCheck, ...]
    waves: tuple[checks.Wave, ...]
    anchors: tuple[checks.AnchorCheck, ...]
    parameters: tuple[parameter_checks.ParameterCheck, ...]
    holdout: HoldoutResult | None


def check(outcome: Outcome) -> Report:
    """Everything that is asked of a fit."""
    fitted = outcome.fitted
    without_wave, waves = checks.leave_waves_out(fitted)
    until = outcome.asked.until
    return Report(
        outcome,
        tuple(checks.leave_one_out(fitted)),
        tuple(checks.predictive(fitted)),
        tuple(without_wave),
        tuple(waves),
        tuple(checks.anchors(fitted)),
        tuple(parameter_checks.parameters(fitted)),
        None if until is None else evaluate(fitted, outcome.plan.catalogue, until),
    )


def write(report: Report, summary: str) -> Path:
    """Write the report folder whole in the place of an earlier one, and the posterior.

    Raises InputError when it cannot be written.
    """
    outcome = report.outcome
    folder = report_folder(outcome.asked)
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _tables(report, part)
        (part / "summary.md").write_text(summary, encoding="utf-8")
        _plots(report, part / "plots")
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    except OSError as error:
        raise InputError(
            f"the report cannot be written here ({error.strerror})",
            key="--out",
            given=str(outcome.asked.out),
            allowed="a folder that can be written to",
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if outcome.asked.until is None:
        posterior = posterior_of(outcome)
        if outcome.complete and not outcome.broke:
            posterior = proved(outcome.plan.catalogue, posterior)
        save(posterior, outcome.asked.out / POSTERIOR)
        if outcome.asked.ship:
            save(posterior, SHIPPED)
            SHIPPED.with_name("report.md").write_text(summary, encoding="utf-8")
    return folder


def _tables(report: Report, folder: Path) -> None:
    outcome = report.outcome
    _csv(folder / "parameters.csv", checks.cells(report.parameters))
    _csv(folder / "figures.csv", _figures(report))
    _csv(folder / "blocks.csv", _blocks(outcome))
    _csv(folder / "anchors.csv", checks.cells(report.anchors))
    _csv(folder / "waves.csv", checks.cells(report.waves))
    _csv(folder / "wave_figures.csv", checks.cells(report.without_wave))
    if outcome.asked.until is None:
        _csv(folder / "shift.csv", checks.cells(outcome.shifts))
    if report.holdout is not None:
        write_scores(report.holdout.scored, folder / "holdout.csv")


def _csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows(rows)


def _figures(report: Report) -> list[list[str]]:
    """Leave-one-out rows, each with its posterior predictive interval behind."""
    rows = checks.cells(report.left_out)
    others = checks.cells(report.predictive)
    if not rows:
        return []
    kept = [rows[0].index(name.removeprefix("predictive_")) for name in PREDICTIVE]
    found = [[*rows[0], *PREDICTIVE]]
    for row, other in zip(rows[1:], others[1:], strict=True):
        found.append([*row, *(other[i] for i in kept)])
    return found


def _blocks(outcome: Outcome) -> list[list[str]]:
    head = ["block", "from", "upstream_at_priors", "log_density_gap_sd"]
    found: list[list[str]] = []
    for one in outcome.fitted:
        told = told_of(one)
        if not found:
            found.append([*head, *told])
        above = set((one.block.upstream or "").split()) & set(outcome.priors)
        products = " ".join(one.block.products.split())
        begin = [
            one.block.block,
            "disk" if one.block.block in outcome.cached else "fitted",
            " ".join(sorted(above)),
            f"{one.fit.surrogate_sd:.3f}",
        ]
        numbers = [products if key == "products" else str(value) for key, value in told.items()]
        found.append([*begin, *numbers])
    return found


def _plots(report: Report, folder: Path) -> None:
    outcome = report.outcome
    ahead = () if report.holdout is None else forecasts(report.holdout, outcome)
    save_calibration(left_out(report), inputs_learnt(report), ahead, outcome.plan.catalogue, folder)
    if outcome.joined is not None:
        save_fans(outcome, folder)
    _analysis(report, folder)


def _analysis(report: Report, folder: Path) -> None:
    """Figures in the 50 and 90% bands; posterior against prior, and the chains, of a whole fit."""
    from experiments.plots.analysis import held, learnt
    from experiments.plots.analysis.frame import save as draw
    from experiments.plots.analysis.outputs import About
    from experiments.plots.analysis.wording import words_of

    outcome = report.outcome
    table = held.from_predicted(left_out(report))
    about = About(notes=(words_of("en").say("held.left-out"),))
    draw(held.figure(table, about), held.rows(table), folder / "held")
    if outcome.asked.until is None:
        posterior = posterior_of(outcome)
        under, taught = learnt.about(posterior), learnt.rows(posterior, outcome.plan.catalogue)
        draw(learnt.figure(taught, under), taught, folder / "posterior")
        chains = learnt.chain_rows(posterior)
        draw(learnt.chain_figure(chains, under), chains, folder / "chains")


def left_out(report: Report) -> list[Predicted]:
    """Leave-one-out rows for the plots, on the scale of each figure."""
    places = figures_by_id(report.outcome.fitted)
    found = []
    for row in report.left_out:
        natural = [getattr(row, name) for name in POINTS]
        found.append(_predicted(places[row.id], natural, row.testable))
    return found


def forecasts(holdout: HoldoutResult, outcome: Outcome) -> list[Predicted]:
    """Scored figures for the plots, with the last value of their series."""
    places = figures_by_id(outcome.fitted)
    behind = [
        figure
        for one in outcome.fitted
        for figure, known in zip(one.figures, one.known, strict=True)
        if known
    ]
    catalogue = outcome.plan.catalogue
    past = observed_trails(behind, build_errors(behind, catalogue), catalogue)

    def naive(row: Scored) -> tuple[float, float] | None:
        if row.sd_last is None:
            return None
        return float(past[row.series].before(last_year(row.figure)).values[-1]), row.sd_last

    return [
        _predicted(places[row.figure.id], row.quantiles, True, naive(row))
        for row in holdout.scored
        if row.predicted
    ]


def _predicted(
    place: tuple[object, Fitted, int],
    natural: Sequence[float],
    testable: bool,
    naive: tuple[float, float] | None = None,
) -> Predicted:
    _, one, i = place
    errors = one.errors
    points = to_scale(np.array(natural), errors.scale[i])
    return Predicted(
        one.figures[i],
        errors.scale[i],
        errors.family[i],
        float(errors.observed[i]),
        float(errors.lower[i]),
        float(errors.upper[i]),
        tuple(float(point) for point in points),
        testable,
        naive,
    )


def inputs_learnt(report: Report) -> list[Learnt]:
    """Priors and posteriors of the inputs for the plots."""
    rows = {(row.block, row.name): row for row in report.parameters}
    found = []
    for one in report.outcome.fitted:
        count = len(one.fit.inputs)
        scores = one.fit.chains[..., :count].reshape(-1, count)
        points = np.quantile(scores, (0.5, 0.25, 0.75, 0.025, 0.975), axis=0)
        for k, quantity in enumerate(one.fit.inputs):
            row = rows[one.block.block, quantity.name]
            median, low50, high50, low95, high95 = (float(x) for x in points[:, k])
            found.append(
                Learnt(
                    quantity.name,
                    one.block.block,
                    row.contraction,
                    (median, low50, high50, low95, high95),
                    interval(row.prior_median, row.prior_low, row.prior_high, row.unit),
                    interval(row.median, row.low, row.high, row.unit),
                )
            )
    return found


def interval(median: float, low: float, high: float, unit: str) -> str:
    """Such as "0.12 (0.03–0.4)": two digits."""
    middle, first, last = (in_two_digits(x, unit) for x in (median, low, high))
    return f"{middle} ({first} to {last})" if low < 0 else f"{middle} ({first}–{last})"


def is_learnt(row: parameter_checks.ParameterCheck) -> bool:
    """Whether the figures told enough of a quantity."""
    return row.contraction >= ASSUMED_BELOW
