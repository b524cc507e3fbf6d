"""The surrogate: exact on quadratics, honest about its error, careful with few runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from calibration import surrogate as module
from calibration.surrogate import fit_surrogate
from model.errors import InputError

Float = npt.NDArray[np.float64]


def quadratic(z: Float, figures: int, seed: int = 1) -> Float:
    """Some quadratics of all inputs."""
    rng = np.random.default_rng(seed)
    inputs = z.shape[1]
    bend = rng.normal(size=(figures, inputs, inputs))
    return np.asarray(
        1.0
        + z @ rng.normal(size=(inputs, figures))
        + np.einsum("sij,Di,Dj->Ds", bend, z, z, optimize=True)
    )


def smooth(z: Float, figures: int) -> Float:
    """Bent functions of which a few inputs decide most, as in a model."""
    rng = np.random.default_rng(5)
    size = np.exp(rng.normal(size=z.shape[1]))
    along = rng.normal(size=(figures, 3, z.shape[1])) * size / np.linalg.norm(size)
    h = np.einsum("shk,Dk->Dsh", along, z, optimize=True)
    bent = 0.5 * np.tanh(h[..., 1]) * h[..., 0] + 0.3 * np.exp(0.4 * h[..., 2])
    return np.asarray(h[..., 0] + bent)


def test_quadratics_are_met_exactly_wherever_the_runs_lie() -> None:
    rng = np.random.default_rng(0)
    centre, width = rng.normal(size=7), rng.uniform(0.2, 2.0, 7)
    z = centre + width * rng.normal(size=(150, 7))
    surrogate = fit_surrogate(z, quadratic(z, 4), rng.uniform(0.1, 1.0, 150))
    new = rng.normal(size=(50, 7))
    expected = quadratic(new, 4)
    np.testing.assert_allclose(surrogate.values(new), expected, rtol=1e-6, atol=1e-6)
    assert (surrogate.error < 1e-6).all()


def test_one_point_is_one_of_many_and_the_jacobian_its_derivative() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(80, 6))
    surrogate = fit_surrogate(z, smooth(z, 5))
    at = rng.normal(size=6)
    value, jacobian = surrogate.value(at)
    np.testing.assert_allclose(value, surrogate.values(at[None])[0], rtol=1e-12)
    step = 1e-5 * np.eye(6)
    numeric = (surrogate.values(at + step) - surrogate.values(at - step)).T / 2e-5
    np.testing.assert_allclose(jacobian, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("runs", [200, 1200])
def test_the_error_stated_is_that_on_new_points(runs: int) -> None:
    rng = np.random.default_rng(3)
    inputs = 30  # 496 terms: more than 200 runs, fewer than 1,200
    z, new = rng.normal(size=(runs, inputs)), rng.normal(size=(1500, inputs))
    figures = smooth(z, 10)
    surrogate = fit_surrogate(z, figures)
    seen = np.sqrt(np.mean((surrogate.values(new) - smooth(new, 10)) ** 2, axis=0))
    assert surrogate.error.mean() == pytest.approx(seen.mean(), rel=0.15)
    linear = np.column_stack([np.ones(runs), z])
    rest = figures - linear @ np.linalg.lstsq(linear, figures, rcond=None)[0]
    # Better than a plane: the quadratic terms bring something even with few runs.
    assert (seen < 0.95 * rest.std(axis=0) * np.sqrt(runs / (runs - inputs - 1))).mean() > 0.7


@pytest.mark.parametrize(("runs", "terms"), [(40, 12), (25, 60)])
def test_held_out_errors_are_those_of_fits_without_each_run(
    runs: int, terms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    plain = np.column_stack([np.ones(runs), rng.normal(size=(runs, 3))])
    bent, f = rng.normal(size=(runs, terms)), rng.normal(size=(runs, 1))
    monkeypatch.setattr(module, "STRENGTHS", np.array([0.3]))
    basis = np.linalg.qr(plain)[0]
    left, squared = module._decompose(bent - basis @ (basis.T @ bent))
    rest = f - basis @ (basis.T @ f)
    strength, error = module._choose(left, squared, np.sum(basis**2, axis=1), rest)
    # Ridge on the bent terms only, as rows of zeros that ask for no bend.
    both = np.column_stack([plain, bent])
    ridge = np.sqrt(strength[0]) * np.eye(4 + terms)[4:]
    missed = []
    for run in range(runs):
        kept = np.arange(runs) != run
        design, target = np.vstack([both[kept], ridge]), np.append(f[kept, 0], np.zeros(terms))
        missed.append(f[run, 0] - both[run] @ np.linalg.lstsq(design, target, rcond=None)[0])
    assert error[0] == pytest.approx(np.sqrt(np.mean(np.square(missed))), rel=1e-8)


def test_runs_without_weight_do_not_count() -> None:
    rng = np.random.default_rng(6)
    z = rng.normal(size=(120, 4))
    f = smooth(z, 3)
    wild = f.copy()
    wild[100:] += 50.0
    weight = np.where(np.arange(120) < 100, 1.0, 0.0)
    np.testing.assert_allclose(
        fit_surrogate(z, wild, weight).values(z), fit_surrogate(z[:100], f[:100]).values(z)
    )


def test_a_figure_that_never_changes_is_met() -> None:
    z = np.random.default_rng(0).normal(size=(60, 4))
    surrogate = fit_surrogate(z, np.full((60, 2), 3.5))
    np.testing.assert_allclose(surrogate.values(z + 1.0), 3.5, rtol=1e-9)


def test_bad_runs_are_refused() -> None:
    z = np.random.default_rng(0).normal(size=(60, 4))
    f = smooth(z, 2)
    broken = f.copy()
    broken[7, 1] = np.nan
    with pytest.raises(InputError, match="not finite"):
        fit_surrogate(z, broken)
    with pytest.raises(InputError, match="too few runs"):
        fit_surrogate(z[:8], f[:8])
    with pytest.raises(InputError, match="row for each run"):
        fit_surrogate(z[:50], f)
    with pytest.raises(InputError, match="weight"):
        fit_surrogate(z, f, np.full(60, -1.0))
    with pytest.raises(InputError, match="same in all runs"):
        fit_surrogate(np.column_stack([z, np.ones(60)]), f)
