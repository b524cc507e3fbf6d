"""Checks against closed forms: figures and waves left out of a sure model, anchors, coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from calibration import checks
from calibration.calibrate import Fitted
from calibration.checks import FigureCheck
from calibration.errors import from_scale, to_scale
from calibration.score import Coverage
from tests.calibration.fitted_blocks import block_of, fit_of, left_out

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def test_a_sure_model_leaves_the_textbook_conditional() -> None:
    one, truth = block_of("tobacco", keep=14)
    rows = checks.leave_one_out([one])
    assert [row.id for row in rows] == list(one.errors.ids)
    for i, row in enumerate(rows):
        mean, sd = left_out(one.errors, truth, [i])
        wanted = norm.ppf([0.5, 0.25, 0.975], mean[0], sd[0])
        found = [float(to_scale(x, row.scale)) for x in (row.median, row.low50, row.high95)]
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)
        assert row.pit == pytest.approx(norm.cdf(one.errors.observed[i], mean[0], sd[0]))
        assert row.khat == 0.0
        assert row.ess == pytest.approx(40.0)


def test_intervals_of_a_right_model_hold_what_they_say() -> None:
    rows: list[FigureCheck] = []
    for seed in range(25):
        one, _ = block_of("tobacco", draws=10, seed=seed)
        rows += checks.leave_one_out([one])
    pooled = checks.coverage(rows)[0]
    assert pooled.rows > 700
    np.testing.assert_allclose(pooled.inside, (0.5, 0.8, 0.95), atol=0.04)
    assert checks.within_bars(pooled) == (True, True, True)


def test_weights_follow_importance_sampling() -> None:
    # Two kinds of draws: those at the truth, and those that only the first figure speaks against.
    one, truth = block_of("tobacco", keep=6, draws=400)
    errors = replace(one.errors, observed=truth.copy())
    values = one.fit.values.copy()
    wrong = np.arange(400) % 2 == 1
    values[wrong, 0] += 0.1
    one = replace(one, errors=errors, fit=fit_of(values, one.fit.log_tau))
    weighed, plain = checks.leave_one_out([one])[0], checks.predictive([one])[0]
    # Without the figure the wrong draws count more than with it, so the median moves to them.
    assert to_scale(weighed.median, weighed.scale) > to_scale(plain.median, plain.scale)


def test_rows_that_cannot_test_are_listed_and_not_counted() -> None:
    one, _ = block_of("alcohol", draws=10, plain=False)
    rows = checks.leave_one_out([one])
    alone = [row.id for row in rows if row.why == checks.ALONE]
    assert alone == [
        name
        for name, free, seen in zip(
            one.errors.ids, one.errors.alone, one.errors.observed, strict=True
        )
        if free and np.isfinite(seen)
    ]
    bounds = [row for row in rows if row.why == checks.BOUND]
    assert all(row.pit is None and not row.testable for row in bounds)
    assert checks.coverage(rows)[0].rows == len(rows) - len(alone) - len(bounds)


def test_figures_that_the_fit_never_knew_are_not_checked() -> None:
    one, _ = block_of("tobacco", until=2012)
    rows = checks.leave_one_out([one])
    assert 0 < len(rows) == int(one.known.sum()) < len(one.figures)
    assert all((row.year or 0) <= 2012 for row in rows)


def test_a_wave_left_out_is_the_joint_conditional() -> None:
    one, truth = block_of("tobacco", keep=20)
    rows, waves = checks.leave_waves_out([one])
    assert sum(wave.rows for wave in waves) == len(rows) == 20
    largest = max(waves, key=lambda wave: wave.rows)
    assert largest.rows > 1
    gone = [i for i, name in enumerate(one.errors.cluster) if name == largest.cluster]
    mean, _ = left_out(one.errors, truth, gone)
    by_id = {row.id: row for row in rows}
    for i, wanted in zip(gone, mean, strict=True):
        row = by_id[one.errors.ids[i]]
        assert to_scale(row.median, row.scale) == pytest.approx(wanted, abs=1e-7)


def test_thin_waves_are_named_and_refitted_when_asked() -> None:
    one, truth = block_of("tobacco", keep=20, draws=40)  # never 100 effective draws
    _, waves = checks.leave_waves_out([one])
    assert all(wave.thin for wave in waves)
    asked: list[Bool] = []

    def again(block: Fitted, known: Bool) -> tuple[Float, Float]:
        asked.append(known)
        return block.fit.values + 1.0, block.fit.log_tau

    rows, waves = checks.leave_waves_out([one], again)
    assert all(wave.refitted and not wave.thin for wave in waves)
    for known, wave in zip(asked, waves, strict=True):
        gone = {one.errors.cluster[i] for i in np.flatnonzero(~known)}
        assert gone == {wave.cluster}
    gone_rows = [i for i, name in enumerate(one.errors.cluster) if name == waves[0].cluster]
    mean, _ = left_out(one.errors, truth + 1.0, gone_rows)
    assert to_scale(rows[0].median, rows[0].scale) == pytest.approx(mean[0], abs=1e-7)


def test_a_break_that_no_other_wave_tells_cannot_be_tested() -> None:
    one, _ = block_of("cannabis", draws=10)
    rows, _ = checks.leave_waves_out([one])
    free = [row for row in rows if row.why == checks.WAVE_ALONE]
    assert "cannabis_lastyear_2013_male" in {row.id for row in free}
    assert {row.cluster for row in free} == {"his-2013|2013"}
    counted = sum(row.testable for row in rows)
    assert checks.coverage(rows)[0].rows == counted < len(rows)


@pytest.mark.parametrize("name", ["sedatives", "gambling", "e_cigarettes"])
def test_a_block_of_few_figures_is_checked_as_far_as_it_goes(name: str) -> None:
    one, _ = block_of(name, draws=10, plain=False)
    rows = checks.leave_one_out([one])
    assert [row.id for row in rows] == list(one.errors.ids)
    waves_rows, waves = checks.leave_waves_out([one])
    assert len(waves_rows) == sum(wave.rows for wave in waves)


def test_a_block_of_one_wave_has_no_other() -> None:
    one, _ = block_of("tobacco", keep=1)
    assert checks.leave_waves_out([one]) == ([], [])


def test_anchors_give_the_ratio_to_what_was_seen() -> None:
    one, _ = block_of("amphetamine", plain=True)
    observed = one.errors.observed
    seen = np.array([from_scale(x, s) for x, s in zip(observed, one.errors.scale, strict=True)])
    latent = np.array(
        [to_scale(1.4 * x, s) for x, s in zip(np.minimum(seen, 0.7), one.errors.scale, strict=True)]
    )
    one = replace(one, fit=fit_of(np.tile(latent, (40, 1)), one.fit.log_tau))
    rows = checks.anchors([one])
    assert len(rows) == int(one.errors.anchor.sum()) > 0
    for row in rows:
        assert (row.ratio, row.low, row.high) == pytest.approx((1.4, 1.4, 1.4))
        assert row.inside
    assert {row.year for row in rows if row.declared_break} == {2013}
    assert checks.anchors_missed(rows) == []


def test_only_declared_breaks_excuse_an_anchor() -> None:
    one, _ = block_of("amphetamine")
    away = replace(one, fit=fit_of(one.fit.values + 3.0, one.fit.log_tau))
    missed = checks.anchors_missed(checks.anchors([away]))
    assert missed
    assert all(row.year != 2013 for row in missed)
    legal, _ = block_of("tobacco")
    assert not any(row.declared_break for row in checks.anchors([legal]))


@pytest.mark.parametrize(
    ("inside", "verdict"),
    [((0.5, 0.8, 0.95), (True, True, True)), ((0.63, 0.69, 1.0), (False, False, False))],
)
def test_bars(inside: tuple[float, ...], verdict: tuple[bool, ...]) -> None:
    assert checks.within_bars(Coverage("all", 100, inside)) == verdict


def test_rows_become_lines_of_a_table() -> None:
    one, _ = block_of("tobacco", keep=3)
    lines = checks.cells(checks.leave_one_out([one]))
    assert lines[0][:3] == ["id", "block", "product"]
    assert len(lines) == 4
    assert all(len(line) == len(lines[0]) for line in lines)
    at = lines[0].index("testable")
    assert {line[at] for line in lines[1:]} <= {"0", "1"}
    assert checks.cells([]) == []
