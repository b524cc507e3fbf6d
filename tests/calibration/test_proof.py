"""The proof of a posterior: new code that moves no number keeps it good, any other is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from calibration import fingerprint
from calibration.figures import FIGURES
from calibration.fingerprint import ERRORS, TABLES, code_hash
from calibration.posterior import SHIPPED, Posterior, Proof, check_fresh, load, save
from calibration.proof import BOUND, predicted, restamp, widest
from model import compartments
from model.catalogue import load_catalogue
from model.errors import InputError
from model.rates import Rates
from model.trend import initiation_multiplier

Float = npt.NDArray[np.float64]

OLD = "0" * 64


@pytest.fixture(scope="module")
def shipped() -> Posterior:
    return load(SHIPPED)


@pytest.fixture
def path(shipped: Posterior, tmp_path: Path) -> Path:
    """The shipped posterior as if other code had made it."""
    save(replace(shipped, code_hash=OLD), tmp_path / "posterior.nc")
    return tmp_path / "posterior.nc"


def written_anew(monkeypatch: pytest.MonkeyPatch, factor: float, divisor: float) -> None:
    """A formula of the model, times ``factor`` over ``divisor``."""

    def other(rates: Rates, years: Float) -> Float:
        return initiation_multiplier(rates, years) * factor / divisor

    monkeypatch.setattr(compartments, "initiation_multiplier", other)


def test_the_present_model_predicts_what_the_shipped_posterior_was_made_with(
    shipped: Posterior,
) -> None:
    assert shipped.proof is not None
    gap = widest(shipped.proof, predicted(load_catalogue(), shipped))
    assert gap.relative <= BOUND, str(gap)


def test_the_proof_holds_every_fitted_product_from_1997_to_2030(shipped: Posterior) -> None:
    proof = shipped.proof
    assert proof is not None
    assert (proof.years[0], proof.years[-1], len(proof.draws)) == (1997, 2030, 4)
    assert {name.partition("/")[0] for name in proof.series} >= set(shipped.calibrated)
    assert proof.values.dtype == np.float64
    assert (~np.isnan(proof.values)).any(axis=(0, 2)).all()


def test_code_written_anew_is_stamped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(path)
    with pytest.raises(InputError, match="--restamp"):
        check_fresh(before)
    written_anew(monkeypatch, 3.0, 3.0)  # the same but for rounding
    was, gap = restamp(path)
    assert was.code_hash == OLD
    assert gap.relative <= BOUND
    after = load(path)
    check_fresh(after)
    assert after.code_hash == code_hash()
    for name in ("values", "innovations", "log_tau", "contraction"):
        assert getattr(before, name).tobytes() == getattr(after, name).tobytes()
    assert before.proof is not None
    assert after.proof is not None
    assert before.proof.values.tobytes() == after.proof.values.tobytes()
    assert (before.made, before.blocks, before.cost) == (after.made, after.blocks, after.cost)


def test_a_changed_formula_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = path.read_bytes()
    written_anew(monkeypatch, 1.0 + 1e-6, 1.0)
    with pytest.raises(InputError, match="other numbers") as caught:
        restamp(path)
    assert caught.value.key == "largest relative difference"
    assert "draw" in str(caught.value)
    assert path.read_bytes() == content


def test_a_changed_table_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    for one in TABLES.glob("*.csv"):
        text = one.read_text(encoding="utf-8")
        (tables / one.name).write_text(text.replace("0.91,0.76", "0.92,0.76"), encoding="utf-8")
    now = fingerprint.hash_of_data(tables, FIGURES, ERRORS)
    monkeypatch.setattr("calibration.posterior.data_hash", lambda: now)
    with pytest.raises(InputError, match="tables") as caught:
        restamp(path)
    assert "--restamp" not in str(caught.value)
    assert load(path).code_hash == OLD


def test_a_posterior_without_a_proof_is_refused(shipped: Posterior, tmp_path: Path) -> None:
    save(replace(shipped, code_hash=OLD, proof=None), tmp_path / "bare.nc")
    with pytest.raises(InputError, match="no proof"):
        restamp(tmp_path / "bare.nc")


def proof(*values: float) -> Proof:
    return Proof((0,), ("a",), tuple(range(len(values))), np.array([[values]]))


@pytest.mark.parametrize(
    ("now", "relative", "year"),
    [
        ((1.0, 0.0, np.nan), 0.0, 0),
        ((1.0, 1e-300, np.nan), 1.0, 1),
        ((1.0, 0.0, 2.0), np.inf, 2),
        ((np.nan, 0.0, np.nan), np.inf, 0),
        ((2.0, 0.0, np.nan), 0.5, 0),
    ],
)
def test_the_widest_gap_is_found(now: tuple[float, ...], relative: float, year: int) -> None:
    gap = widest(proof(1.0, 0.0, np.nan), proof(*now))
    assert (gap.relative, gap.year) == (relative, year)


def test_proofs_of_other_things_are_not_compared() -> None:
    with pytest.raises(InputError, match="other years"):
        widest(proof(1.0, 2.0), proof(1.0))
