"""Rules that watch the run: when they act, what they do, and that nothing else moves."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from calibration.priors import draw_priors
from model import adaptive
from model.adaptive import (
    NEVER,
    Branch,
    Decided,
    Part,
    Rule,
    When,
    check_known,
    passes,
    run_with_rules,
    standard_normals,
    with_room,
)
from model.catalogue import Catalogue
from model.compartments import (
    Output,
    Prepared,
    Result,
    State,
    assemble,
    joined,
    simulate,
    simulate_into,
)
from model.errors import InputError
from model.forcing import Change, Forcing
from model.handles import reading_products
from model.observation import observe
from model.parameters import Draws
from model.strata import Strata, weights

Float = npt.NDArray[np.float64]

MONTHS = 252
BRANCH = 168  # January 2024
YEARS = MONTHS // 12
DRAWS = 3
ALWAYS, NOT_EVER = -np.inf, np.inf


class _World:
    """A few draws on few strata with a reference run and a place to branch from."""

    def __init__(self, catalogue: Catalogue, strata: Strata, draws: Draws, first: int = 0) -> None:
        self.catalogue = catalogue
        self.prepared: Prepared = assemble(catalogue, draws, strata)
        self.part = Part(self.prepared, draws, catalogue, first)
        self.reference: Result = simulate(self.prepared, None, 0, MONTHS)
        self.everyone = np.ones(strata.size, dtype=np.bool_)

    def branch(self, month: int = BRANCH) -> Branch:
        state = simulate(self.prepared, None, 0, month).state
        forcing = self.prepared.forcing()
        output = Output(*(values.copy() for values in self.reference.output))
        return Branch(forcing, state.with_reference(self.reference.state), output)

    def run(self, *rules: Rule, stop: int = MONTHS, seed: int = 5) -> Decided:
        return run_with_rules(self.part, self.branch(), rules, stop, seed)

    def change(self, values: float | Float = 0.5, handle: str = "initiation") -> Change:
        return Change(handle, ("cannabis",), np.atleast_2d(values), self.everyone)

    def seen(self, output: Output, region: str = "Belgium") -> dict[str, Float]:
        cells = weights(self.prepared.strata, region=region)[None]
        return observe(self.prepared, self.part.draws, self.catalogue, output, None, cells)

    def rule(
        self,
        when: When = "above",
        threshold: float = ALWAYS,
        indicator: str = "initiations",
        delay: float = 9.0,
        interval: float = 6.0,
    ) -> Rule:
        return Rule(
            id="act",
            indicator=indicator,
            product="cannabis",
            region="Belgium",
            when=when,
            threshold=threshold,
            window=2,
            noise=0.0,
            delay=np.array([delay]),
            interval=np.array([interval]),
            changes=(self.change(),),
        )


@pytest.fixture(scope="module")
def draws(catalogue: Catalogue) -> Draws:
    return draw_priors(catalogue, DRAWS, seed=7)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata, draws: Draws) -> _World:
    return _World(catalogue, coarse, draws)


@pytest.fixture(scope="module")
def plain(world: _World) -> Result:
    """The branch without rules."""
    return simulate(world.prepared, None, BRANCH, MONTHS, world.branch().state)


def _same(found: Decided, plain: Result) -> None:
    for now, before in zip(found.output, plain.output, strict=True):
        # Years that the plain run did not finish hold those of the reference.
        ran = ~np.isnan(before)
        np.testing.assert_array_equal(now[ran], before[ran])
    assert found.state.month == plain.state.month
    for now, before in zip(found.state[1:], plain.state[1:], strict=True):
        np.testing.assert_array_equal(now, before)


def _by_hand(rule: Rule, figures: Float, stop: int = MONTHS) -> list[int]:
    """Months in which a rule without noise acts, from what it is defined to do; figures (D, Y)."""
    months = []
    delay, interval = float(rule.delay[0]), float(rule.interval[0])
    for d in range(len(figures)):
        acted, k, month = NEVER, 0, BRANCH
        while month < stop and acted == NEVER:
            known = [y for y in range(YEARS) if 12 * (y + 1) + delay <= month]
            now, before = figures[d, known[-1]], figures[d, known[-1] - rule.window]
            change = now / before - 1.0
            passed = {
                "above": now > rule.threshold,
                "below": now < rule.threshold,
                "rises": change > rule.threshold,
                "falls": -change > rule.threshold,
            }[rule.when]
            if passed:
                acted = month
            k += 1
            month = BRANCH + int(np.floor(k * interval + 0.5))
        months.append(acted)
    return months


def test_a_rule_that_is_always_met_acts_at_the_first_decision(world: _World) -> None:
    for when in ("above", "rises", "falls"):
        found = world.run(world.rule(when))
        np.testing.assert_array_equal(found.taken, np.full((1, DRAWS), BRANCH))


def test_a_rule_that_is_never_met_leaves_every_bit(world: _World, plain: Result) -> None:
    for when in ("above", "rises", "falls"):
        found = world.run(world.rule(when, NOT_EVER))
        np.testing.assert_array_equal(found.taken, NEVER)
        _same(found, plain)
    _same(world.run(), plain)


def test_no_idle_handle_moves_a_bit(catalogue: Catalogue, world: _World, plain: Result) -> None:
    """Room for all handles on all products, some in part of the strata."""
    strata = world.prepared.strata
    masks = {"nation": world.everyone, "region": strata.region == 1, "strata": strata.sex == 0}
    structure, value = world.prepared.structure, np.array([[1.5]])
    changes = tuple(
        Change(handle, reading_products(catalogue, handle), value, masks[scope])
        for handle, scope in zip(structure.handles, structure.scopes, strict=True)
    )
    found = world.run(replace(world.rule(threshold=NOT_EVER), changes=changes))
    _same(found, plain)
    output = joined(world.reference.output, plain.output, BRANCH)
    cells = np.stack([world.everyone * 1.0, masks["region"] * 1.0])
    idle, roomy = (
        observe(world.prepared, world.part.draws, catalogue, output, forcing, cells)
        for forcing in (None, found.forcing)
    )
    assert found.forcing.values.shape[1] > world.branch().forcing.values.shape[1]
    for name, values in idle.items():
        np.testing.assert_array_equal(roomy[name], values, err_msg=name)


def test_months_are_those_found_by_hand(world: _World, plain: Result) -> None:
    """Every kind of rule at thresholds that draws pass in different years, or never."""
    output = joined(world.reference.output, plain.output, BRANCH)
    p = world.prepared.structure.products.index("cannabis")
    figures = world.seen(output)["last_year_prevalence"][:, :, p, 0]
    change = figures[:, 13:] / figures[:, 11:-2] - 1.0
    levels = np.quantile(figures[:, 13:], [0.5])
    kinds: dict[When, Float] = {
        "above": levels,
        "below": levels,
        "rises": np.quantile(change, [0.5, 0.8]),
        "falls": np.quantile(-change, [0.7]),
    }
    apart = False
    for when, thresholds in kinds.items():
        for threshold in thresholds:
            rule = world.rule(when, float(threshold), "last_year_prevalence", 9.4, 5.5)
            taken = world.run(rule).taken[0].tolist()
            assert taken == _by_hand(rule, figures), (when, threshold)
            acted = {month for month in taken if month != NEVER}
            apart = apart or (len(acted) > 1)
    assert apart, "no rule acted in different months in different draws"


def _watching_people(world: _World, year: int) -> Rule:
    """Acts when there are as many people as from ``year`` on: the population grows."""
    people = world.seen(world.reference.output)["population"][0, :, -1, 0]
    at = year - 2010
    assert people[:at].max() < people[at:].min()
    threshold = float((people[at - 1] + people[at]) / 2)
    return replace(world.rule("above", threshold, "population"), product="all")


def test_a_longer_delay_never_acts_earlier(world: _World) -> None:
    """A figure of 2025 is known in month 192 + delay; decisions are every six months."""
    rule = _watching_people(world, 2025)
    for delay, month in ((0.0, 192), (6.0, 198), (6.1, 204), (60.0, NEVER)):
        taken = world.run(replace(rule, delay=np.array([delay]))).taken
        np.testing.assert_array_equal(taken, np.full((1, DRAWS), month))


def test_noise_belongs_to_seed_rule_draw_and_year(
    catalogue: Catalogue, coarse: Strata, draws: Draws, world: _World
) -> None:
    numbers = standard_normals(5, "act", range(200), YEARS)
    np.testing.assert_array_equal(numbers[150:153], standard_normals(5, "act", range(150, 153), 21))
    np.testing.assert_array_equal(numbers[:, :4], standard_normals(5, "act", range(200), 4))
    for seed, name in ((6, "act"), (5, "other")):
        assert not np.any(numbers == standard_normals(seed, name, range(200), YEARS))
    assert abs(numbers.mean()) < 4 / np.sqrt(numbers.size)
    assert abs(numbers.std() - 1.0) < 0.05
    assert len(np.unique(numbers)) == numbers.size

    rule = replace(world.rule("rises", 0.0, "last_year_prevalence"), noise=0.2)
    whole = world.run(rule)
    alone = _World(catalogue, coarse, draws.slice(1, DRAWS), first=1).run(rule)
    np.testing.assert_array_equal(alone.taken, whole.taken[:, 1:])
    for part, values in zip(alone.output, whole.output, strict=True):
        np.testing.assert_array_equal(part, values[1:])
    months = {tuple(world.run(rule, seed=seed).taken[0].tolist()) for seed in range(4)}
    assert len(months) > 1


def test_what_a_rule_does_is_what_the_change_would_do(world: _World) -> None:
    """As the same change given beforehand, to the bit; nothing before the month of the deed."""
    ramp = np.array([[0.9, 0.7, 0.5]])
    rule = replace(
        _watching_people(world, 2025),
        delay=np.array([0.0, 15.5, 400.0]),
        interval=np.array([5.0, 12.0, 1.0]),
        changes=(world.change(ramp),),
    )
    found = world.run(rule)
    np.testing.assert_array_equal(found.taken, [[193, 216, NEVER]])
    values = np.ones((DRAWS, MONTHS))
    for d, month in enumerate(found.taken[0]):
        if month != NEVER:
            values[d, month:] = ramp[0, np.minimum(np.arange(MONTHS - month), 2)]
    change = Change("initiation", ("cannabis",), values, world.everyone)
    known = simulate(
        world.prepared, world.prepared.forcing([change]), BRANCH, MONTHS, world.branch().state
    )
    _same(found, known)


def test_halved_initiation_lowers_initiations_from_then_on(world: _World, plain: Result) -> None:
    p = world.prepared.structure.products.index("cannabis")
    reference = world.seen(joined(world.reference.output, plain.output, BRANCH))
    found = world.run(replace(world.rule(), delay=np.array([0.0, 400.0, 0.0])))
    np.testing.assert_array_equal(found.taken, [[BRANCH, NEVER, BRANCH]])
    now = world.seen(joined(world.reference.output, found.output, BRANCH))["initiations"][:, :, p]
    before = reference["initiations"][:, :, p]
    np.testing.assert_array_equal(now[:, : BRANCH // 12], before[:, : BRANCH // 12])
    np.testing.assert_array_equal(now[1], before[1])
    assert np.all(now[[0, 2], BRANCH // 12 :] < 0.8 * before[[0, 2], BRANCH // 12 :])
    for values, shared in zip(found.output, world.reference.output, strict=True):
        np.testing.assert_array_equal(values[:, : BRANCH // 12], shared[:, : BRANCH // 12])


def test_figures_of_a_year_do_not_need_later_years(world: _World, plain: Result) -> None:
    """At the end of 2025 all figures of 2025 are what they are at the end of 2030."""
    state = world.branch().state
    short = simulate(world.prepared, None, BRANCH, 192, state)
    seen, whole = (
        world.seen(joined(world.reference.output, output, BRANCH))
        for output in (short.output, plain.output)
    )
    for name, values in whole.items():
        np.testing.assert_array_equal(seen[name][:, :16], values[:, :16], err_msg=name)


def test_rules_meet_each_other_and_the_scenario(world: _World) -> None:
    """Multipliers multiply; one rule reaches one region; the region watched is the rule's."""
    flanders = world.prepared.strata.region == 0
    here = replace(
        world.rule(),
        id="here",
        region=world.prepared.strata.regions[0],
        changes=(replace(world.change(0.5), strata=flanders),),
    )
    branch = world.branch()
    given = world.change(np.full(MONTHS, 0.8))
    branch = replace(branch, forcing=world.prepared.forcing([given]))
    found = run_with_rules(world.part, branch, [world.rule(), here], MONTHS, 1)
    handle = world.prepared.structure.handles.index("initiation")
    p = world.prepared.structure.products.index("cannabis")
    yearly = found.forcing.yearly(handle, p) / branch.forcing.yearly(handle, p)
    np.testing.assert_allclose(yearly[:, : BRANCH // 12], 1.0)
    np.testing.assert_allclose(yearly[:, BRANCH // 12 :, flanders], 0.25)
    np.testing.assert_allclose(yearly[:, BRANCH // 12 :, ~flanders], 0.5)


def test_a_branch_and_a_stop_within_a_year(world: _World) -> None:
    branch = world.branch(171)
    plain = simulate(world.prepared, None, 171, 200, branch.state)
    _same(run_with_rules(world.part, branch, [world.rule(threshold=NOT_EVER)], 200, 1), plain)


def test_another_engine_may_run_on(world: _World) -> None:
    """It is asked for stretches that end with years, and its own figures are what rules see."""
    stretches = []

    def doubled(
        output: Output, prepared: Prepared, forcing: Forcing, after: int, state: State
    ) -> State:
        stretches.append((state.month, after))
        found = simulate_into(output, prepared, forcing, after, state)
        output.counted[:, state.month // 12 : after // 12] *= 2.0
        return found

    rules = [world.rule("rises", 0.5, delay=0.0, interval=12.0)]
    assert (world.run(*rules).taken == NEVER).all()
    found = run_with_rules(world.part, world.branch(), rules, MONTHS, 5, doubled)
    # Twice as many from 2024 on: known, and acted on, in January 2025.
    np.testing.assert_array_equal(found.taken, np.full((1, DRAWS), BRANCH + 12))
    assert stretches[0] == (BRANCH, BRANCH + 12)
    assert stretches[-1][1] == MONTHS
    assert all(after == start for (_, after), (start, _) in itertools.pairwise(stretches))


def test_a_figure_that_chance_leaves_infinite_passes_nothing(
    world: _World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*given: Any) -> dict[str, Float]:
        seen = observed(*given)
        return {name: np.full_like(values, np.inf) for name, values in seen.items()}

    observed = adaptive._observed
    monkeypatch.setattr(adaptive, "_observed", endless)
    rules = [world.rule("above", 1.0)]
    for chance, month in ((False, BRANCH), (True, NEVER)):
        branch = replace(world.branch(), chance=chance)
        found = run_with_rules(world.part, branch, rules, 180, 5)
        np.testing.assert_array_equal(found.taken, np.full((1, DRAWS), month))


def test_a_figure_that_chance_leaves_unknown_passes_nothing(world: _World) -> None:
    branch = world.branch()
    for values in branch.output:
        values[:] = np.nan

    def unseen(
        output: Output, prepared: Prepared, forcing: Forcing, after: int, state: State
    ) -> State:
        return state._replace(month=after)

    rules = [world.rule()]
    with pytest.raises(InputError, match="never known"):
        run_with_rules(world.part, branch, rules, MONTHS, 5, unseen)
    branch = replace(branch, chance=True)
    found = run_with_rules(world.part, branch, rules, MONTHS, 5, unseen)
    np.testing.assert_array_equal(found.taken, NEVER)


def test_figures_must_be_known_to_the_compartments(world: _World) -> None:
    given = world.part, world.reference.output, world.prepared.forcing()
    check_known(*given, [world.rule()])
    check_known(*given, [])
    for wrong in (
        replace(world.rule(), indicator="alcohol_per_capita", product="tobacco"),
        replace(world.rule(), noise=-1.0),
    ):
        with pytest.raises(InputError, match="the rule act"):
            check_known(*given, [world.rule(), wrong])


def test_room_is_a_copy(world: _World) -> None:
    forcing = world.branch().forcing
    roomy = with_room(world.prepared, forcing, [world.rule()])
    assert roomy.values.shape[0] == DRAWS
    assert not np.shares_memory(roomy.values, forcing.values)


def test_unknown_figures_pass_nothing(world: _World) -> None:
    figures = np.array([[np.nan, np.nan, 1.0], [0.0, 1.0, np.nan]])
    for when in ("above", "rises", "falls"):
        rule = world.rule(when)
        assert not passes(rule, figures, 0).any() or when == "above"
        assert not passes(rule, figures, 2)[1]
    assert not passes(world.rule("rises"), figures, 2).any()


def test_wrong_rules_are_refused(world: _World) -> None:
    rule = world.rule()
    wrong: list[tuple[Rule, str]] = [
        (replace(rule, indicator="luck"), "indicator"),
        (replace(rule, product="tea"), "product"),
        (replace(rule, region="Atlantis"), "region"),
        (replace(rule, indicator="substitution_clients"), "indicator"),
        (replace(rule, threshold=np.nan), "threshold"),
        (replace(rule, when="rises", window=0), "window"),
        (replace(rule, noise=-1.0), "noise"),
        (replace(rule, delay=np.array([-1.0])), "delay"),
        (replace(rule, interval=np.array([0.0])), "interval"),
        (replace(rule, interval=np.ones(2)), "interval"),
    ]
    for bad, key in wrong:
        with pytest.raises(InputError) as refused:
            world.run(bad)
        assert refused.value.key == key
    for changes in ((world.change(-1.0),), (world.change(handle="magic"),)):
        with pytest.raises(InputError):
            world.run(replace(rule, changes=changes))
    with pytest.raises(InputError, match="same id"):
        world.run(rule, rule)
