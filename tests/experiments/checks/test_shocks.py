"""Shock and recovery of isolated markets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from experiments.checks.shocks import (
    MONTHS,
    PRICE,
    PURITY,
    TAKEN,
    Shock,
    months_until_near,
    respond,
    responses,
)
from experiments.cli import app
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.markets import Terms


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


NONE = np.zeros(1)


def terms(elasticity: float = 0.5, replacement: float = 0.5) -> Terms:
    return Terms(
        elasticity=elasticity,
        replacement=replacement,
        dilution=0.5,
        sticker_time=0.5,
        floor=float(np.log(0.1)),
        ceiling=float(np.log(2.0)),
    )


def test_months_until_near_by_hand() -> None:
    prices = np.array([[2.0, 1.2, 1.05, 1.0], [1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.0, 2.0]])
    assert months_until_near(prices).tolist() == [2.0, 0.0, 4.0]


def test_a_loss_of_half_at_unit_elasticity_doubles_the_price() -> None:
    path = respond([terms(elasticity=1.0)], NONE, 0.5)
    assert path.shape == (1, MONTHS, 4)
    assert path[0, 0, PRICE] == pytest.approx(2.0)
    assert path[0, 0, TAKEN] == pytest.approx(0.5)
    # Scarcity fades as exp(-t / replacement): after half a year 1/e of the log price is left.
    assert path[0, 6, PRICE] == pytest.approx(2.0 ** np.exp(-1.0))


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.2, 1.5),
    st.floats(0.1, 2.0),
    st.floats(0.0, 0.9),
    st.floats(0.02, 0.4),
    st.floats(0.01, 0.4),
)
def test_a_larger_loss_hits_harder_and_every_market_recovers(
    elasticity: float, replacement: float, diversion: float, size: float, more: float
) -> None:
    own, shared = [terms(elasticity, replacement)], np.array([diversion])
    small, large = respond(own, shared, size), respond(own, shared, size + more)
    assert large[0, :, PRICE].max() >= small[0, :, PRICE].max() >= 1.0
    assert large[0, :, TAKEN].min() <= small[0, :, TAKEN].min() <= 1.0
    assert small[0, :, PURITY].min() <= 1.0
    assert np.all(np.diff(small[0, :, PRICE]) <= 1e-12)
    assert months_until_near(large[:, :, PRICE])[0] >= months_until_near(small[:, :, PRICE])[0]


def test_every_illicit_market_answers(catalogue: Catalogue) -> None:
    found, _ = responses(Shock(draws=5, prior=True), catalogue)
    illicit = [row.id for row in catalogue.products if row.market == "illicit"]
    assert [row.product for row in found] == illicit
    for row in found:
        assert row.peak.shape == row.purity.shape == row.months.shape == row.taken.shape == (5,)
        assert np.all(row.peak > 1.0)
        assert np.all((row.taken > 0.0) & (row.taken < 1.0))
        assert np.all((row.months >= 0.0) & (row.months <= MONTHS))


def test_one_product_answers_as_among_all(catalogue: Catalogue) -> None:
    every = {row.product: row for row in responses(Shock(draws=3, prior=True), catalogue)[0]}
    ((alone,), _) = responses(Shock("cocaine", draws=3, prior=True), catalogue)
    assert alone.peak.tolist() == every["cocaine"].peak.tolist()
    with pytest.raises(InputError) as caught:
        responses(Shock("alcohol", draws=1), catalogue)
    assert "cocaine" in str(caught.value)


def test_the_command_prints_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    result = CliRunner().invoke(app, ["shocks", "--draws", "3", "--size", "0.3", "--prior"])
    assert result.exit_code == 0, result.output
    assert "30% of supply capacity lost in January 2024" in result.stdout
    assert "Only 3 draws" in result.stdout
    assert "Cocaine" in result.stdout
    assert "…" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
