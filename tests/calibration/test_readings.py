"""The break of 2013: one unknown told in closed form, planted breaks found, two readings apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.blocks import Input
from calibration.fit import rows_of
from calibration.readings import breaks, compare, told_term
from tests.calibration.fitted_blocks import block_of, fit_of, tables


def test_one_figure_tells_its_own_break() -> None:
    whole, _ = block_of("amphetamine")
    at = [figure.id for figure in whole.figures].index("amphetamine_lastyear_2013_male")
    errors = rows_of(whole.errors, np.arange(len(whole.figures)) == at)
    variance, size, away = float(errors.covariance()[0, 0]), 0.35, -0.9
    values = errors.observed[None] - away
    mean, sd = told_term(errors, values, errors.tau[None, :, 0], np.array([size]))
    assert mean[0] == pytest.approx(size * away / variance)
    assert sd[0] == pytest.approx(np.sqrt(1.0 - size**2 / variance))


def test_a_planted_break_is_found() -> None:
    one, truth = block_of("amphetamine")
    low = np.array([figure.survey == "his-2013" for figure in one.figures])
    errors = replace(one.errors, observed=truth - 0.7 * low)
    found = breaks([replace(one, errors=errors)], tables()[0])
    by_label = {row.label: row for row in found}
    assert set(by_label) == {"2013", "since 2013"}
    row = by_label["2013"]
    assert (row.rows, row.prior_sd) == (low.sum(), 0.35)
    assert row.low < row.factor < row.high
    # The prior and what only stayed low since 2013 take their parts.
    assert np.exp(-0.7) < row.factor < 0.8
    still = breaks([replace(one, errors=replace(errors, observed=truth))], tables()[0])
    assert all(row.factor == pytest.approx(1.0) for row in still)


def test_products_without_a_break_have_no_row() -> None:
    one, _ = block_of("amphetamine")
    known = np.array([figure.survey[:4] != "his-" for figure in one.figures])
    assert breaks([replace(one, known=known)], tables()[0]) == []


def test_two_readings_stand_side_by_side() -> None:
    one, _ = block_of("amphetamine")
    inputs = (Input("amphetamine/innovation[2016]", None),)
    rng = np.random.default_rng(1)
    chains = rng.standard_normal((4, 10, 1 + len(one.errors.groups)))
    base = replace(one, fit=fit_of(one.fit.values, one.fit.log_tau, inputs, chains))
    jump = replace(one, fit=fit_of(one.fit.values + 0.5, one.fit.log_tau, inputs, chains + 1.0))
    found = compare([base], [jump])
    figures = [row for row in found if row.kind == "figure"]
    assert len(figures) == sum(figure.year == 2018 for figure in one.figures) > 0
    assert all(row.change == pytest.approx(0.5) for row in figures)
    (innovation,) = [row for row in found if row.kind == "innovation"]
    assert innovation.change == pytest.approx(1.0)
    assert innovation.low < innovation.median < innovation.high
    assert compare([base], []) == []
