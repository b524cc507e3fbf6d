"""Shares of variance on linear cases that are known; which quantities are assumed; structures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from calibration import structures as module
from calibration.blocks import Input
from calibration.calibrate import Plan
from calibration.fit import Settings
from calibration.priors import draw_priors
from calibration.structures import (
    GROUPS,
    STRUCTURES,
    Outcome,
    StructureFit,
    adjusted_r2,
    assumed_share,
    choose,
    explained,
    outcomes,
    quantities,
    structure_rows,
    structures,
    upstream,
)
from model.errors import InputError
from model.parameters import Draws
from tests.calibration.fitted_blocks import block_of, fit_of, tables

Float = npt.NDArray[np.float64]


def test_a_linear_case_is_shared_out_as_it_was_made() -> None:
    rng = np.random.default_rng(4)
    features, group = rng.standard_normal((500, 120)), np.arange(120) % 3
    # 50%, 20% and 25% of the variance from three groups, 5% from nowhere; most do nothing.
    weight = np.zeros(120)
    weight[[0, 3, 6, 9]] = np.sqrt(np.array([0.2, 0.15, 0.1, 0.05]))
    weight[[1, 4]] = np.sqrt(0.1)
    weight[[2]] = np.sqrt(0.25)
    outcome = features @ weight + np.sqrt(0.05) * rng.standard_normal(500)
    np.testing.assert_allclose(explained(outcome, features, group), (0.5, 0.2, 0.25), atol=0.07)


def test_curves_count_and_units_do_not() -> None:
    rng = np.random.default_rng(5)
    features = rng.standard_normal((500, 30))
    outcome = 0.6 * features[:, 0] ** 2 + 0.5 * features[:, 1]
    wanted = np.array([0.6**2 * 2, 0.25])
    natural = np.exp(3.0 * features)  # another scale of the same quantities
    found = explained(outcome, natural, np.array([0, 1] + [2] * 28))
    np.testing.assert_allclose(found[:2], wanted / wanted.sum(), atol=0.08)
    assert abs(found[2]) < 0.03


def test_noise_is_explained_by_nothing() -> None:
    rng = np.random.default_rng(6)
    found = explained(rng.standard_normal(400), rng.standard_normal((400, 200)), np.zeros(200, int))
    assert abs(found.sum()) < 0.1
    assert explained(np.ones(100), rng.standard_normal((100, 3)), np.zeros(3, int)).sum() == 0.0


def test_what_two_groups_explain_together_is_shared() -> None:
    rng = np.random.default_rng(7)
    common = rng.standard_normal(600)
    features = np.stack([common, common], axis=1) + 0.05 * rng.standard_normal((600, 2))
    found = explained(common, features, np.array([0, 1]), groups=2)
    assert found.sum() == pytest.approx(1.0, abs=0.05)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        explained(np.zeros(10), np.zeros((10, 2)), np.zeros(2, int))


def test_adjusted_r2_is_that_of_the_books() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    y = np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    r2 = np.corrcoef(x, y)[0, 1] ** 2
    assert adjusted_r2(y, x[:, None]) == pytest.approx(1.0 - (1.0 - r2) * 4 / 3)
    assert adjusted_r2(y, np.zeros((5, 0))) == 0.0


def test_selection_takes_the_strongest_first_and_stops() -> None:
    rng = np.random.default_rng(8)
    terms = rng.standard_normal((300, 50))
    outcome = 2.0 * terms[:, 7] + terms[:, 31] + 0.1 * rng.standard_normal(300)
    assert choose(outcome, terms, 2).tolist() == [7, 31]
    doubled = np.concatenate([terms, terms], axis=1)  # a copy adds nothing
    chosen = choose(outcome, doubled, 30)
    assert len({c % 50 for c in chosen.tolist()}) == len(chosen)


def test_quantities_fall_into_their_groups() -> None:
    catalogue = tables()[0]
    draws = draw_priors(catalogue, 40, 1)
    one, _ = block_of("tobacco", keep=5)
    inputs = (Input("tobacco/cessation[,,,,]", None), Input("tobacco/innovation[2013]", None))
    rng = np.random.default_rng(1)
    chains = rng.standard_normal((4, 500, 2 + len(one.errors.groups)))
    chains[..., 0] *= 0.5
    fitted = replace(one, fit=fit_of(one.fit.values, one.fit.log_tau, inputs, chains))
    found = quantities("tobacco", draws, [fitted], catalogue)
    group = {name: GROUPS[g] for name, g in zip(found.names, found.group, strict=True)}
    assert group["tobacco/cessation[,,,,]"] == "learnt"
    assert group["tobacco/innovation[2013]"] == "assumed"  # fitted, and nothing learnt
    assert group["tobacco/innovation[2022]"] == "assumed"  # in no block here
    assert group["tobacco/innovation[2025]"] == "innovations"
    assert group["e_cigarettes/innovation[2028]"] == "innovations"  # upstream
    assert not any(name.startswith("cannabis/") for name in found.names)
    assert found.values.shape == (40, len(found.names))
    assert (np.ptp(found.values, axis=0) > 0).all()


def test_couplings_lead_upstream() -> None:
    catalogue = tables()[0]
    draws = draw_priors(catalogue, 2, 1)
    assert upstream("e_cigarettes", draws, catalogue) == {"e_cigarettes"}
    assert upstream("cannabis", draws, catalogue) == {"cannabis", "tobacco", "e_cigarettes"}


def test_an_outcome_of_one_assumption_is_all_assumed() -> None:
    catalogue = tables()[0]
    draws = draw_priors(catalogue, 300, 1)
    told = np.log(draws.values["e_cigarettes/cessation[,,,,]"])
    later = draws.innovations[:, [row.id for row in catalogue.products].index("e_cigarettes"), 5]
    results = [
        Outcome("e_cigarettes", "last_year_prevalence", np.exp(told)),
        Outcome("e_cigarettes", "problematic_prevalence", np.exp(later)),
    ]
    first, second = assumed_share(draws, [], catalogue, results)
    assert first.assumed == pytest.approx(1.0, abs=0.05)
    assert second.innovations == pytest.approx(1.0, abs=0.05)
    assert first.assumed + first.innovations + first.learnt + first.unexplained == pytest.approx(1)
    assert second.sd == pytest.approx(1.0, abs=0.1)


def test_structures_hold_what_they_say_and_stand_beside_the_shipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held: list[dict[str, float]] = []
    folders: list[Path] = []
    seen: list[str] = []

    def calibrate(plan: Plan, blocks: object, folder: Path, progress: object) -> object:
        held.append(dict(plan.held))
        folders.append(folder)
        return draw_priors(plan.catalogue, 2, 1), []

    def run(catalogue: object, draws: Draws, threads: int) -> list[Outcome]:
        level = 0.1 * (1 + len(folders))
        return [Outcome("cannabis", "last_year_prevalence", np.full(2, level))]

    monkeypatch.setattr(module, "calibrate", calibrate)
    monkeypatch.setattr(module, "outcomes", run)
    plan = Plan(*tables(), settings=Settings(draws=2), held=(("damping", 0.5),))
    fits = structures(plan, tmp_path, lambda block, what: seen.append(what))
    assert [fit.name for fit in fits] == list(STRUCTURES)
    assert held[0] == {"damping": 0.5, "social_share": 0.0}
    assert held[1] == {"damping": 0.5, "reputation_exponent": 0.0}
    assert held[2] == {"damping": 0.5}
    assert folders[2] == tmp_path  # where the calibration itself lies
    assert len(set(folders)) == 3
    assert seen[0].startswith("no contagion")
    ratios = [row.ratio for row in structure_rows(fits)]
    assert ratios == pytest.approx([0.5, 0.75, 1.0])


def test_rows_of_structures_give_medians_and_intervals() -> None:
    values = np.linspace(0.0, 1.0, 101)
    draws = draw_priors(tables()[0], 2, 1)
    fit = StructureFit("no contagion", draws, (), (Outcome("mdma", "x", values),))
    (row,) = structure_rows([fit])
    assert (row.median, row.low, row.high) == pytest.approx((0.5, 0.05, 0.95))
    assert np.isnan(row.ratio)


def test_every_product_has_its_prevalences_of_2030() -> None:
    catalogue = tables()[0]
    found = outcomes(catalogue, draw_priors(catalogue, 2, 1))
    assert {one.product for one in found} == {row.id for row in catalogue.products}
    assert all(((one.values > 0.0) & (one.values < 1.0)).all() for one in found)
