"""A block as a function of scores: the model's own numbers, whatever the way of running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from calibration.blocks import (
    OTHER_EPISODES,
    PART,
    PAST_FROM,
    BlockModel,
    BlockRow,
    Target,
    block_catalogue,
    load_blocks,
    target_of,
)
from calibration.calibrate import block_figures
from calibration.errors import to_scale
from calibration.predict import over_years, survey
from calibration.priors import draw_priors
from calibration.series import Group, Series
from model.catalogue import Catalogue
from model.errors import InputError
from model.events import month_number
from model.parameters import Draws
from model.trend import FIRST_YEAR
from tests.calibration.fitted_blocks import tables

Float = npt.NDArray[np.float64]
NAMES = [row.block for row in load_blocks()]
ADULTS = Group("all", 15, 64, "Belgium")


def row_of(name: str) -> BlockRow:
    return next(row for row in load_blocks() if row.block == name)


def targets_of(name: str) -> list[Target]:
    catalogue, figures = tables()
    return [target for _, target in block_figures(figures, row_of(name), catalogue)]


def model_of(
    name: str, targets: Sequence[Target] | None = None, draws: int = 8, median: bool = False
) -> BlockModel:
    catalogue, _ = tables()
    base = draw_priors(catalogue, draws, median=median)
    return BlockModel(catalogue, row_of(name), base, targets or targets_of(name))


def by_survey(catalogue: Catalogue, draws: Draws, targets: Sequence[Target]) -> Float:
    """The targets (D, N) as the run behind the pages has them, not as a block runs."""
    last = max(target.last for target in targets)
    series = [target.series for target in targets]
    found = survey(catalogue, draws, series, last, first=PAST_FROM)
    years = range(PAST_FROM, last + 1)
    columns = []
    for i, target in enumerate(targets):
        wanted = range(target.first, target.last + 1)
        value = over_years(found[:, i], years, wanted, target.series.unit)
        assert value is not None
        columns.append(to_scale(value, target.scale))
    return np.stack(columns, axis=1)


def test_every_fitted_figure_belongs_to_one_block() -> None:
    catalogue, figures = tables()
    owners = Counter(
        figure.id
        for block in load_blocks()
        for figure, _ in block_figures(figures, block, catalogue)
    )
    strays = {
        figure.id: "no run prints such a number"
        if target_of(figure, catalogue) is None
        else f"{figure.product} is in {owners[figure.id]} blocks"
        for figure in figures
        if owners[figure.id] != 1
    }
    assert not strays, strays


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_of_a_block_are_its_own_and_those_upstream(name: str) -> None:
    catalogue, _ = tables()
    block = row_of(name)
    wanted = {*block.products.split(), *(block.upstream or "").split()}
    alone = block_catalogue(catalogue, block)
    assert {row.id for row in alone.products} == wanted
    assert {row.id for row in alone.unions} == {
        row.id for row in catalogue.unions if set(row.members.split()) <= wanted
    }
    gone = {row.id for row in catalogue.products} - wanted
    for row in set(catalogue.parameters) - set(alone.parameters):
        lost = {row.product, row.parameter.rpartition("coupling_")[2]}
        assert lost & (gone | {u.id for u in catalogue.unions} - {u.id for u in alone.unions})
    assert not {row.product for row in alone.parameters} & gone
    assert alone.history == catalogue.history


def test_any_gambling_goes_with_both_kinds() -> None:
    catalogue, _ = tables()
    unions = block_catalogue(catalogue, row_of("gambling")).unions
    assert "any_gambling" in {row.id for row in unions}


@pytest.mark.parametrize("name", NAMES)
def test_each_block_runs_and_gives_every_target_a_number(name: str) -> None:
    model = model_of(name, draws=2)
    scores = np.random.default_rng(3).standard_normal((2, len(model.inputs)))
    values = model.values(scores, np.arange(2))
    assert values.shape == (2, len(model.targets))
    assert np.isfinite(values).all()
    assert (values[0] != values[1]).all()


@pytest.mark.parametrize("name", ["tobacco", "gambling"])
def test_scores_of_0_are_the_median_of_every_prior(name: str) -> None:
    # Tobacco has years before the run and a product upstream, gambling a union.
    model = model_of(name, draws=1, median=True)
    seen = [i for i, t in enumerate(model.targets) if t.series.indicator != "treatment_share"]
    found = model.values(np.zeros((1, len(model.inputs))), np.zeros(1, dtype=np.int64))[:, seen]
    median = draw_priors(model.catalogue, 1, median=True)
    expected = by_survey(model.catalogue, median, [model.targets[i] for i in seen])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_block_without_upstream_runs_as_in_the_whole_model() -> None:
    catalogue, _ = tables()
    # Loads too: a block runs nothing else of the market. Waiting lists and deaths that products
    # share are all that differs.
    targets = [t for t in targets_of("amphetamine") if t.series.indicator != "treatment_share"]
    assert "wastewater_load" in {target.series.indicator for target in targets}
    model = model_of("amphetamine", targets, draws=1, median=True)
    found = model.values(np.zeros((1, len(model.inputs))), np.zeros(1, dtype=np.int64))
    expected = by_survey(catalogue, model.base, targets)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01)


def test_what_is_no_input_keeps_the_draw_of_its_index() -> None:
    model = model_of("tobacco", draws=5).with_inputs(())
    index = np.array([4, 1, 1])
    found = model.values(np.zeros((3, 0)), index)
    np.testing.assert_array_equal(found[1], found[2])
    whole = model.base
    values = {key: value[index[:2]] for key, value in whole.values.items()}
    innovations = whole.innovations[np.ix_(index[:2], model.columns)]
    draws = Draws(model.catalogue.parameters, values, innovations, whole.seed)
    expected = by_survey(model.catalogue, draws, model.targets)
    np.testing.assert_allclose(found[:2], expected, rtol=1e-12)


def test_a_shared_row_moves_the_product_that_learns_it_alone() -> None:
    smoking = targets_of("tobacco")
    model = model_of("tobacco", [*smoking, *targets_of("e_cigarettes")], draws=1)
    shared = {row.key for row in model.catalogue.parameters}
    names = [one.name for one in model.inputs]
    copies = ["damping", "mover_cessation_share", "escalation_sex_ratio", "social_exponent"]
    own = [names.index(f"tobacco/{name}[,,,,]") for name in copies]
    assert not shared & {names[k] for k in own}
    scores = np.zeros((2, len(model.inputs)))
    scores[1, own] = 1.0
    values = model.values(scores, np.zeros(2, dtype=np.int64))
    moved = np.abs(values[1] - values[0])
    assert (moved[: len(smoking)] > 1e-4).mean() > 0.9
    # Only through the deaths of people who smoke.
    assert moved[len(smoking) :].max() < 1e-5


def test_parts_order_and_threads_change_no_bit() -> None:
    model = model_of("amphetamine")
    count = 2 * PART + 3
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((count, len(model.inputs)))
    index = rng.integers(0, model.base.size, count)
    values = model.values(scores, index)
    model.threads = 2
    np.testing.assert_array_equal(model.values(scores, index), values)
    np.testing.assert_array_equal(model.values(scores[::-1], index[::-1]), values[::-1])
    for i in (0, PART, count - 1):
        alone = model.values(scores[i : i + 1], index[i : i + 1])
        np.testing.assert_array_equal(alone[0], values[i])


class _Fragile(BlockModel):
    """Breaks down where the first innovation is large, as a run does: for its whole part."""

    def _run(self, draws: Draws) -> Float:
        if (draws.innovations[:, 0, 0] > 5.0).any():
            raise FloatingPointError("a compartment is not finite")
        return super()._run(draws)


def test_a_draw_that_breaks_down_takes_no_other_with_it() -> None:
    catalogue, _ = tables()
    block, targets = row_of("e_cigarettes"), targets_of("e_cigarettes")
    model = _Fragile(catalogue, block, draw_priors(catalogue, 1), targets)
    at = next(k for k, one in enumerate(model.inputs) if one.row is None and one.knot == 0)
    scores = np.random.default_rng(2).standard_normal((7, len(model.inputs)))
    index = np.zeros(7, dtype=np.int64)
    whole = model.values(scores, index)
    scores[[1, 4], at] = 6.0
    broken = model.values(scores, index)
    assert np.isnan(broken[[1, 4]]).all()
    kept = [0, 2, 3, 5, 6]
    np.testing.assert_array_equal(broken[kept], whole[kept])


def test_a_forecast_knows_no_later_history() -> None:
    catalogue, _ = tables()
    targets, base = targets_of("tobacco"), draw_priors(catalogue, 1)
    block = row_of("tobacco")
    model = BlockModel(catalogue, block, base, targets, known_until=2015)
    assert {month_number(row.start) // 12 + FIRST_YEAR <= 2015 for row in model.catalogue.history}
    gone = set(catalogue.history) - set(model.catalogue.history)
    assert all(month_number(row.start) >= 12 * (2016 - FIRST_YEAR) for row in gone)
    known = {one.name for one in model.inputs}
    every = {one.name for one in BlockModel(catalogue, block, base, targets).inputs}
    assert "history/policy-plain-packs/2020-01" in every
    assert known == every - {row.key for row in gone}
    assert "history/policy-smoke-free-initiation/2011-07" in known


def test_a_share_of_treatment_is_of_these_episodes_and_a_constant() -> None:
    share = Series("amphetamine", "treatment_share", ADULTS, "proportion")
    episodes = replace(share, indicator="treatment_episodes", unit="persons per year")
    targets = [Target(share, 2012, 2012, episodes), Target(episodes, 2012, 2012, episodes)]
    model = model_of("amphetamine", targets)
    logit, log = model.values(np.zeros((1, len(model.inputs))), np.zeros(1, dtype=np.int64))[0]
    # logit(e / (e + other)) = log(e / other)
    assert logit == pytest.approx(log - np.log(OTHER_EPISODES), rel=1e-12)


def test_a_year_that_no_run_reaches_is_refused() -> None:
    target = replace(targets_of("tobacco")[0], first=PAST_FROM - 1, last=PAST_FROM - 1)
    model = model_of("tobacco", [target])
    with pytest.raises(InputError, match="no run reaches"):
        model.values(np.zeros((1, len(model.inputs))), np.zeros(1, dtype=np.int64))
