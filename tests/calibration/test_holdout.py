"""The hold-out: what it knows, how it weighs clusters, where it says that it loses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration import holdout as module
from calibration.calibrate import Plan
from calibration.errors import build_errors, from_scale
from calibration.holdout import NO_VALUE, evaluate, holdout, parts, score_blocks, skills
from calibration.score import Scored
from model.errors import InputError
from tests.calibration.fitted_blocks import block_of, fit_of, left_out, tables


def scored_row(number: int, cluster: str, crps: tuple[float, float, float]) -> Scored:
    return Scored(
        tables()[1][number],
        cluster=cluster,
        series=f"series {number % 2}",
        family="health survey",
        n_earlier=1,
        inside=(True, True, number > 0),
        sd=0.1,
        sd_last=0.2,
        crps=crps[0],
        crps_last=crps[1],
        crps_trend=crps[2],
    )


ROWS = [
    scored_row(0, "a", (0.1, 0.2, 0.4)),
    scored_row(1, "a", (0.3, 0.2, 0.4)),
    scored_row(2, "b", (0.1, 0.4, 0.2)),
]


def test_each_cluster_weighs_the_same() -> None:
    last, line = skills(ROWS)
    assert last.skill == pytest.approx(1.0 - (0.2 + 0.1) / (0.2 + 0.4))
    assert line.skill == pytest.approx(1.0 - (0.2 + 0.1) / (0.4 + 0.2))
    # Only clusters are drawn again: a alone, b alone, or both.
    assert last.low == pytest.approx(0.0)
    assert last.high == pytest.approx(0.75)
    assert skills([Scored(tables()[1][0], why="none")]) == []


def test_losses_come_first() -> None:
    found = parts(ROWS)
    rows = [part for part in found if part.kind == "row"]
    assert [part.loss for part in rows] == sorted((part.loss for part in rows), reverse=True)
    assert rows[0].name == tables()[1][1].id
    assert rows[0].loss == pytest.approx(0.1)
    series = {part.name: part for part in found if part.kind == "series"}
    assert series["series 0"].rows == 2
    assert series["series 0"].loss == pytest.approx(0.1 - 0.3)
    assert series["series 0"].inside95 == 0.5


def test_forecasts_are_conditioned_on_what_was_known() -> None:
    one, truth = block_of("tobacco", until=2015)
    found = score_blocks([one], tables()[0])
    later = np.flatnonzero(~one.known)
    assert [row.figure.id for row in found] == [one.errors.ids[i] for i in later]
    mean, sd = left_out(one.errors, truth, later.tolist())
    assert [row.sd for row in found] == pytest.approx(sd.tolist())
    errors = build_errors(one.figures, tables()[0])
    medians = [row.quantiles[0] for row in found]
    wanted = [float(from_scale(m, errors.scale[i])) for m, i in zip(mean, later, strict=True)]
    assert medians == pytest.approx(wanted)


def test_naive_forecasts_know_nothing_after_the_cut() -> None:
    one, _ = block_of("tobacco", until=2015)
    known = [f for f, told in zip(one.figures, one.known, strict=True) if told]
    for row in score_blocks([one], tables()[0]):
        names = build_errors([*known, row.figure], tables()[0]).series
        assert row.n_earlier <= sum(name == names[-1] for name in names[:-1])


def test_a_figure_without_a_value_is_listed_with_the_reason() -> None:
    one, _ = block_of("tobacco", until=2015)
    gone = int(np.flatnonzero(~one.known)[0])
    values = one.fit.values.copy()
    values[3, gone] = np.nan
    broken = replace(one, fit=fit_of(values, one.fit.log_tau))
    result = evaluate([broken], tables()[0], 2015)
    assert [row.figure.id for row in result.scored if not row.predicted] == [one.errors.ids[gone]]
    assert result.summary.reasons == {NO_VALUE: 1}


def test_verdicts_follow_the_bars() -> None:
    one, _ = block_of("tobacco", until=2015)
    result = evaluate([one], tables()[0], 2015)
    assert result.verdicts["mean CRPS below last value"] == (result.skills[0].skill > 0)
    assert result.verdicts["forecast sd at most that of the last value"]
    shares = {row.name: row.inside[2] for row in result.summary.coverage}
    assert result.verdicts["95% intervals, all rows"] == (0.8 <= shares["all"] <= 0.99)
    lost = replace(one, fit=fit_of(one.fit.values + 9.0, one.fit.log_tau))
    known = lost.known
    values = np.where(known, one.fit.values, lost.fit.values)
    wrong = evaluate([replace(one, fit=fit_of(values, one.fit.log_tau))], tables()[0], 2015)
    assert not wrong.verdicts["95% intervals, all rows"]
    assert not wrong.verdicts["mean CRPS below last value"]
    assert wrong.losses("product")[0].name == "tobacco"


def test_blind_and_conditional_fits_lie_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, _ = block_of("tobacco", until=2015)
    seen: list[Path] = []

    def calibrate(plan: Plan, blocks: object, folder: Path, progress: object) -> object:
        seen.append(folder)
        return None, [one]

    monkeypatch.setattr(module, "calibrate", calibrate)
    plan = Plan(*tables(), until=2015)
    assert not holdout(plan, tmp_path).conditional
    assert holdout(replace(plan, history_known=True), tmp_path).conditional
    assert len(set(seen)) == 2


def test_a_holdout_needs_a_year_and_figures_after_it() -> None:
    with pytest.raises(InputError, match="last year"):
        holdout(Plan(*tables()))
    one, _ = block_of("tobacco")
    with pytest.raises(InputError, match="no figure"):
        evaluate([one], tables()[0], 2023)
