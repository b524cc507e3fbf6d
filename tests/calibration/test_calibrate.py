"""All blocks: fits that are kept and taken up again, joined draw by draw, regions in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from calibration import calibrate as module
from calibration.blocks import BlockModel, Input, load_blocks
from calibration.calibrate import (
    LEAST_POOLED_SD,
    POOLED,
    POOLED_PARAMETER,
    Fitted,
    Plan,
    block_figures,
    calibrate,
    held_catalogue,
    pool_regions,
    read_fit,
)
from calibration.errors import Errors
from calibration.fit import BlockFit, Settings, adopt, fit_block
from calibration.priors import draw_priors
from model.errors import InputError
from model.parameters import SPREAD, WIDENING, Draws, quantile
from tests.calibration.fitted_blocks import fit_of, tables

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]

TINY = Settings(
    draws=10, chains=4, proposals=10, warmup=30, thin=1, first=40, later=20, rounds=1, seed=3
)
# Own rows, a copy of a shared one, and shocks: few, so that a fit takes a second.
CHOSEN = ("ever_start", "escalation[", "damping", "innovation_sd", "innovation[2013]", "policy-")


@dataclass
class Counter:
    """Blocks that were fitted and draws that were run."""

    fits: list[str] = field(default_factory=list)
    runs: int = 0


def chosen(model: BlockModel, known: Bool) -> list[Input]:
    return [one for one in model.inputs if any(part in one.name for part in CHOSEN)]


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """A screening without runs; all other runs and fits are counted."""
    count = Counter()
    values = BlockModel.values

    def counted(self: BlockModel, scores: Float, index: Int) -> Float:
        count.runs += len(scores)
        return values(self, scores, index)

    def fitted(
        model: BlockModel,
        errors: Errors,
        known: Bool,
        settings: Settings,
        progress: Callable[[str], None],
    ) -> BlockFit:
        count.fits.append(model.block.block)
        return fit_block(model, errors, known, settings, progress)

    monkeypatch.setattr(BlockModel, "values", counted)
    monkeypatch.setattr(module, "screen", chosen)
    monkeypatch.setattr(module, "fit_block", fitted)
    return count


def without_runs(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Fits that come from nowhere: draws of the prior of the chosen inputs."""
    count = Counter()

    def fitted(
        model: BlockModel,
        errors: Errors,
        known: Bool,
        settings: Settings,
        progress: Callable[[str], None],
    ) -> BlockFit:
        count.fits.append(model.block.block)
        values = np.zeros((settings.draws, len(errors.ids)))
        log_tau = np.zeros((settings.draws, len(errors.groups)))
        return fit_of(values, log_tau, model.inputs)

    monkeypatch.setattr(module, "screen", chosen)
    monkeypatch.setattr(module, "fit_block", fitted)
    return count


def plan_of(settings: Settings = TINY) -> Plan:
    catalogue, figures = tables()
    return Plan(catalogue, figures, settings)


def vaping(plan: Plan, folder: Path) -> tuple[Draws, Fitted]:
    base, done = calibrate(plan, ["e_cigarettes"], folder)
    assert [one.block.block for one in done] == ["e_cigarettes"]
    return base, done[0]


def test_a_fit_is_taken_up_again_until_something_changes(counter: Counter, tmp_path: Path) -> None:
    plan = plan_of()
    base, first = vaping(plan, tmp_path)
    assert (counter.fits, counter.runs) == (["e_cigarettes"], first.fit.runs)
    counter.runs = 0
    again, second = vaping(replace(plan, threads=2), tmp_path)
    assert (len(counter.fits), counter.runs) == (1, 0)
    assert second.fit.inputs == first.fit.inputs
    assert second.fit.seconds == first.fit.seconds
    for name in (*module.ARRAYS, *module.NUMBERS):
        np.testing.assert_array_equal(getattr(second.fit, name), getattr(first.fit, name))
    assert again.rows == base.rows
    assert again.values.keys() == base.values.keys()
    for key, value in base.values.items():
        np.testing.assert_array_equal(again.values[key], value)
    np.testing.assert_array_equal(again.innovations, base.innovations)

    dropped = next(i for i, one in enumerate(plan.figures) if one.product == "e_cigarettes")
    checked = plan.figures[dropped].model_copy(update={"role": "checked"})
    figures = (*plan.figures[:dropped], checked, *plan.figures[dropped + 1 :])
    assert len(vaping(replace(plan, figures=figures), tmp_path)[1].figures) == 7
    vaping(replace(plan, settings=replace(TINY, seed=4)), tmp_path)
    vaping(replace(plan, variant="loose"), tmp_path)
    assert len(counter.fits) == 4

    # The last fit stands on the disk; the first is made anew, the same to the last digit.
    _, anew = vaping(plan, tmp_path)
    np.testing.assert_array_equal(anew.fit.chains, first.fit.chains)
    path = tmp_path / "e_cigarettes.npz"
    whole = path.read_bytes()
    third = len(whole) // 3
    flipped = whole[:third] + bytes(255 - byte for byte in whole[third : third + 9])
    for damage in (whole[:third], b"", b"not an archive", flipped + whole[third + 9 :]):
        path.write_bytes(damage)
        assert read_fit(path, first.digest, first.model) is None
    vaping(plan, tmp_path)
    assert len(counter.fits) == 6
    assert path.read_bytes()[:2] == b"PK"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_posterior_takes_the_place_of_the_prior_index_by_index(counter: Counter) -> None:
    plan = plan_of()
    prior = draw_priors(plan.catalogue, TINY.draws, TINY.seed)
    base, done = calibrate(plan, ["e_cigarettes"])
    one = done[0]
    at = [row.id for row in plan.catalogue.products].index("e_cigarettes")
    learnt = set()
    for k, found in enumerate(one.fit.inputs):
        if found.row is None:
            np.testing.assert_array_equal(base.innovations[:, at, found.knot], one.fit.scores[:, k])
        else:
            learnt.add(found.name)
            expected = quantile(found.row, one.fit.scores[:, k])
            np.testing.assert_array_equal(base.values[found.name], expected)
    assert "e_cigarettes/damping[,,,,]" in learnt - prior.values.keys()
    for key in base.values.keys() - learnt:
        np.testing.assert_array_equal(base.values[key], prior.values[key])
    np.testing.assert_array_equal(base.innovations[:, at, 1:], prior.innovations[:, at, 1:])
    others = [i for i in range(len(plan.catalogue.products)) if i != at]
    np.testing.assert_array_equal(base.innovations[:, others], prior.innovations[:, others])
    # The joined draws run to the values that the fit kept.
    catalogue = replace(plan.catalogue, parameters=base.rows)
    targets = [target for _, target in block_figures(one.figures, one.block, catalogue)]
    joined = BlockModel(catalogue, one.block, base, targets).with_inputs(())
    found_values = joined.values(np.zeros((TINY.draws, 0)), np.arange(TINY.draws))
    np.testing.assert_array_equal(found_values, one.fit.values)
    # A shared row serves all others as before.
    kept = base.find("tobacco", "kind:legal", "damping")
    assert [row.product for row in kept] == ["*"]


def test_a_block_is_fitted_anew_when_one_upstream_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    count = without_runs(monkeypatch)
    every = ["e_cigarettes", "tobacco", "alcohol", "amphetamine"]
    plan = plan_of()
    calibrate(plan, every, tmp_path)
    assert count.fits == every
    count.fits.clear()
    calibrate(plan, ["alcohol"], tmp_path)
    calibrate(plan, every, tmp_path)
    assert count.fits == []
    # On priors of e-cigarettes the fit of tobacco is another.
    calibrate(plan, ["tobacco"], tmp_path)
    assert count.fits == ["tobacco"]


def test_every_block_is_fitted_in_order_and_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    count = without_runs(monkeypatch)
    told: list[tuple[str, str]] = []
    plan = plan_of()
    base, done = calibrate(plan, progress=lambda block, what: told.append((block, what)))
    assert count.fits == [row.block for row in load_blocks()]
    assert [block for block, what in told if what == "screening"] == count.fits
    assert sum(len(one.figures) for one in done) == len(plan.figures)
    # After tobacco, alcohol and cannabis the shared rows of regions are theirs.
    shared = [row for row in base.rows if (row.product, row.parameter) == ("*", POOLED_PARAMETER)]
    before = {row.key: row for row in plan.catalogue.parameters}
    assert [row == before[row.key] for row in shared] == [
        row.distribution == "fixed" for row in shared
    ]
    # The next blocks start from them: MDMA has no row of its own.
    mdma = next(one for one in done if one.block.block == "mdma")
    found = mdma.model.draws(mdma.fit.scores, np.arange(TINY.draws))
    assert found.find("mdma", "illegal", POOLED_PARAMETER) == shared


def with_ratios(ratios: dict[str, Float], draws: int) -> Draws:
    """Draws in which each pooled product has these ratios in all regions."""
    catalogue, _ = tables()
    base = draw_priors(catalogue, draws)
    values = dict(base.values)
    for row in base.rows:
        if row.parameter == POOLED_PARAMETER and row.product in ratios:
            values[row.key] = ratios[row.product]
    return Draws(base.rows, values, base.innovations, base.seed)


def pooled_rows(draws: Draws) -> list[tuple[float, float, Float]]:
    """Middle and sd (log) of the shared rows that are drawn, and their drawn values."""
    found = []
    for row in draws.rows:
        if (row.product, row.parameter) == ("*", POOLED_PARAMETER) and row.distribution != "fixed":
            assert row.low is not None
            assert row.high is not None
            assert row.distribution == "lognormal"
            # The prior of the next block must be no wider than what the products said.
            assert WIDENING[row.evidence] == 1.0
            sd = np.log(row.high / row.low) / (2 * SPREAD)
            found.append((float(np.log(row.value)), float(sd), draws.values[row.key]))
    assert len(found) == 2
    return found


def test_regions_that_agree_are_known_but_for_the_least_spread() -> None:
    draws = 4000
    base = with_ratios(dict.fromkeys(POOLED, np.full(draws, 1.3)), draws)
    for middle, sd, values in pooled_rows(pool_regions(base)):
        assert middle == pytest.approx(np.log(1.3), abs=4 * LEAST_POOLED_SD / np.sqrt(draws))
        assert sd == pytest.approx(LEAST_POOLED_SD, rel=0.06)
        assert np.log(values).mean() == pytest.approx(middle, abs=1e-9)


def test_a_new_product_is_one_more_of_those_pooled() -> None:
    draws = 4000
    # Draw by draw the products have the mean 0 (sd 0.2 between draws) and the spread 0.5.
    common = 0.2 * np.random.default_rng(2).standard_normal(draws)
    ratios = {p: np.exp(common + d) for p, d in zip(POOLED, (-0.5, 0.0, 0.5), strict=True)}
    base = with_ratios(ratios, draws)
    pooled = pool_regions(base)
    for middle, sd, _ in pooled_rows(pooled):
        assert sd == pytest.approx(np.hypot(0.5, 0.2), rel=0.06)
        assert middle == pytest.approx(0.0, abs=4 * sd / np.sqrt(draws))
    drawn = {row.key for row in pooled.rows if row.product == "*"}
    for key in base.values.keys() - drawn:
        np.testing.assert_array_equal(pooled.values[key], base.values[key])


def test_what_comes_after_the_cut_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    without_runs(monkeypatch)
    plan = replace(plan_of(), until=2015)
    blind = calibrate(plan, ["tobacco"])[1][0]
    years = np.array([figure.year_end or figure.year for figure in blind.figures])
    np.testing.assert_array_equal(blind.known, years <= 2015)
    assert 0 < blind.known.sum() < len(years)
    excise = "history/tobacco-excise/2021-01"
    assert excise not in {row.key for row in blind.model.catalogue.history}
    told = calibrate(replace(plan, history_known=True), ["tobacco"])[1][0]
    assert excise in {row.key for row in told.model.catalogue.history}
    np.testing.assert_array_equal(told.known, blind.known)
    every = calibrate(replace(plan, until=None), ["tobacco"])[1][0]
    assert every.known.all()
    assert len({blind.digest, told.digest, every.digest}) == 3


def test_a_held_parameter_is_the_same_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    without_runs(monkeypatch)
    plan = replace(plan_of(), held=(("damping", 0.0),))
    base, done = calibrate(plan, ["e_cigarettes"])
    held = [row for row in base.rows if row.parameter == "damping"]
    assert held
    for row in held:
        np.testing.assert_array_equal(base.values[row.key], 0.0)
    assert not [one for one in done[0].model.inputs if "damping" in one.name]
    with pytest.raises(InputError, match="unknown parameter") as raised:
        held_catalogue(plan.catalogue, {"dampening": 0.0})
    assert "dampening" in str(raised.value)


def test_adopting_needs_no_input_of_a_row() -> None:
    catalogue, figures = tables()
    block = next(row for row in load_blocks() if row.block == "amphetamine")
    targets = [target for _, target in block_figures(figures, block, catalogue)]
    prior = draw_priors(catalogue, 6)
    model = BlockModel(catalogue, block, prior, targets)
    inputs: Sequence[Input] = [one for one in model.inputs if one.row is None]
    fit = fit_of(np.zeros((6, len(targets))), np.zeros((6, 1)), inputs)
    joined = adopt(prior, model.with_inputs(inputs), fit)
    assert joined.rows == prior.rows
    for key, value in prior.values.items():
        np.testing.assert_array_equal(joined.values[key], value)
