"""Policy that reacts: rules that watch delayed, noisy figures of the run and then move handles.

A rule knows no levers: it hands handle values over from the month in which it acts. A figure of a
year rests on months that are past when it is known, so a run stops only at ends of years and
writes what is decided into the months to come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from model.catalogue import Catalogue
from model.choice import Choice
from model.compartments import FIRST_YEAR, Output, Prepared, State, simulate_into
from model.errors import InputError
from model.forcing import Change, Forcing, build_forcing
from model.observation import observe
from model.parameters import Draws
from model.strata import weights
from model.streams import normal
from model.structure import NOBODY

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
When = Literal["rises", "falls", "above", "below"]
# Runs on from the state's month to a later one, and writes the years that end into the output.
Advance = Callable[[Output, Prepared, Forcing, int, State], State]

NEVER = -1
WHENS: tuple[When, ...] = ("rises", "falls", "above", "below")
NATION = "Belgium"


@dataclass(frozen=True)
class Rule:
    """When an observed indicator passes a threshold, some handles change. D draws of the part.

    A rule acts once in a draw and what it did stays, whatever the indicator does later.

    ``indicator`` of ``product`` (or a union) in ``region`` ("Belgium" or a region); ``rises`` and
    ``falls``: the relative rise or fall over ``window`` years is more than ``threshold``;
    ``above`` and ``below``: the level is, in units of the indicator. A figure that is not known
    passes nothing. ``noise``: standard deviation of the logarithm of a year's figure, whose mean
    is the truth. ``delay`` (D or 1,): months from the end of a year until its figure is known;
    ``interval`` (D or 1,): months between decisions, 1 or more. ``changes``: values (D or 1, K),
    the first for the month of the decision, the last for all months after K.
    """

    id: str
    indicator: str
    product: str
    region: str
    when: When
    threshold: float
    window: int
    noise: float
    delay: Float
    interval: Float
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Part:
    """Draws that run together: ``first_draw`` is the number of the first one in the whole run."""

    prepared: Prepared
    draws: Draws
    catalogue: Catalogue
    first_draw: int = 0


@dataclass(frozen=True)
class Branch:
    """Where a run with rules sets out: its ``state`` (with the reference), what is forced anyway.

    ``output`` has the reference's years before; the run writes over the later ones. ``chance``:
    the run counts few people, of whom a figure may be unknown all the time; it passes nothing.
    """

    forcing: Forcing
    state: State
    output: Output
    chance: bool = False


@dataclass(frozen=True)
class Decided:
    """A run with rules: the branch's output written on, its end, and what was really forced.

    ``taken`` (rules, D): the month in which each rule acted (0 is January 2010), -1 for never.
    """

    output: Output
    forcing: Forcing
    state: State
    taken: Int


def run_with_rules(
    part: Part,
    branch: Branch,
    rules: Sequence[Rule],
    stop: int,
    seed: int,
    advance: Advance = simulate_into,
) -> Decided:
    """Run from the month of ``branch.state`` to month ``stop``, with decisions by ``rules``.

    Decisions fall in the month of the branch and every ``interval`` months after it, rounded. Each
    looks at the latest year whose figure is known; figures of years before the branch are those
    of the reference run. Noise depends on ``seed``, the rule's id, the number of the draw in the
    run and the year alone. Where no rule acts, the bits are those of ``simulate``. ``advance`` is
    the engine: another one may carry more than the state, of which only the month is read here.
    Raises InputError for rules that name unknown things or have values out of range.
    """
    prepared, state = part.prepared, branch.state
    for rule in rules:
        _check(part, rule)
    if len({rule.id for rule in rules}) < len(rules):
        raise InputError("two rules have the same id", given=[rule.id for rule in rules])
    watches = [_Watch(part, rule, state.month, stop, seed) for rule in rules]
    forcing = with_room(prepared, branch.forcing, rules)
    output, choice = branch.output, _needed(watches)
    judged, month = 0, state.month
    while True:
        finished = month // 12
        if any(watch.awaits(judged, finished) for watch in watches):
            seen = _seen(part, output, forcing, [watch.rule for watch in watches], choice)
            for watch, figures in zip(watches, seen, strict=True):
                watch.look(figures[:, : finished - choice.since], choice.since, branch.chance)
            for year in range(judged, finished):
                for watch in watches:
                    watch.decide(prepared, forcing, year)
        judged = finished
        if month == stop:
            break
        after = _next_stop(watches, month, stop)
        state, month = advance(output, prepared, forcing, after, state), after
    taken = np.stack([watch.taken for watch in watches]) if watches else _never(0, part)
    return Decided(output, forcing, state, taken)


class _Watch:
    """One rule over a run: when it is decided on which year, and what was done. D draws, Y years.

    ``at`` (D, Y): month of the first decision whose latest known year it is, or NEVER. Later
    decisions on the same year see the same figures and decide the same.
    """

    def __init__(self, part: Part, rule: Rule, branch: int, stop: int, seed: int) -> None:
        size, years = part.prepared.draws, part.prepared.demography.months // 12
        self.rule = rule
        self.at = _decisions(rule, size, years, branch, stop)
        draws = range(part.first_draw, part.first_draw + size)
        shock = rule.noise * standard_normals(seed, rule.id, draws, years)
        self.error = np.exp(shock - 0.5 * rule.noise**2)
        self.figures = np.full((size, years), np.nan)
        self.taken = np.full(size, NEVER, dtype=np.int64)

    def awaits(self, first: int, last: int) -> bool:
        """Whether a draw without a deed decides on one of the years ``first`` to ``last`` - 1."""
        return bool((self.at[self.taken == NEVER, first:last] != NEVER).any())

    def look(self, known: Float, since: int, chance: bool) -> None:
        """Note the figures of years not seen before; ``known`` (D, years) from ``since`` on.

        Raises InputError where there is none at all, unless that may be ``chance``. Then an
        infinite one is no figure either: few wait, and nobody happened to be admitted.
        """
        if chance:
            known = np.where(np.isinf(known), np.nan, known)
        if np.isnan(known).all() and not chance:
            raise _unknown(self.rule)
        truth = np.full_like(self.figures, np.nan)
        truth[:, since : since + known.shape[1]] = known
        self.figures = np.where(np.isnan(self.figures), truth * self.error, self.figures)

    def decide(self, prepared: Prepared, forcing: Forcing, year: int) -> None:
        """Act in the draws whose figures up to ``year`` pass; writes into ``forcing``."""
        ready = (self.taken == NEVER) & (self.at[:, year] != NEVER)
        acting = np.flatnonzero(ready & passes(self.rule, self.figures, year))
        self.taken[acting] = self.at[acting, year]
        for d in acting:
            for change in self.rule.changes:
                _act(prepared, forcing, change, int(d), int(self.taken[d]))


def passes(rule: Rule, figures: Float, year: int) -> Bool:
    """Whether observed figures (D, Y) pass the threshold in column ``year``, (D,)."""
    now = figures[:, year]
    if rule.when == "above":
        return np.asarray(now > rule.threshold)
    if rule.when == "below":
        return np.asarray(now < rule.threshold)
    if year < rule.window:
        return np.zeros(len(now), dtype=np.bool_)
    with np.errstate(divide="ignore", invalid="ignore"):
        risen = now / figures[:, year - rule.window] - 1.0
    return np.asarray((risen if rule.when == "rises" else -risen) > rule.threshold)


def standard_normals(seed: int, rule: str, draws: range, years: int) -> Float:
    """Standard normal numbers (draws, years), each by seed, rule, number of the draw and year."""
    names = [f"figure {rule} {FIRST_YEAR + year}" for year in range(years)]
    numbers = [normal(seed, name, (draws.stop,))[draws.start :] for name in names]
    return np.stack(numbers, axis=1)


def with_room(prepared: Prepared, forcing: Forcing, rules: Sequence[Rule]) -> Forcing:
    """``forcing`` for each draw, with neutral series and cells for all that rules may change.

    An own copy, values (D, N, T, cells). What it does is the same to the bit. Raises InputError
    for changes that no forcing may have.
    """
    months = prepared.demography.months
    changes = [_from_start(change, months) for rule in rules for change in rule.changes]
    # From the first month on and not neutral: only its checks, cells and numbers are used.
    wanted = build_forcing(prepared.structure, prepared.strata, months, changes)
    pairs = np.stack([forcing.cell, wanted.cell])
    _, first, cell = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
    # Products share series; one that a rule may change needs its own.
    own = np.argwhere(wanted.series != NOBODY)
    before = forcing.values.shape[1]
    series = forcing.series.copy()
    values = np.empty((prepared.draws, before + len(own), months, first.size))
    values[:, :before] = forcing.values[:, :, :, forcing.cell[first]]
    for n, (handle, product) in enumerate(own, start=before):
        shared = series[handle, product]
        values[:, n] = forcing.neutral[handle] if shared == NOBODY else values[:, shared]
        series[handle, product] = n
    return Forcing(
        series=series,
        values=values,
        cell=cell.reshape(-1).astype(np.int64),
        active=np.maximum(forcing.active, wanted.active),
        neutral=forcing.neutral,
    )


def _from_start(change: Change, months: int) -> Change:
    values = _path(np.atleast_2d(change.values), months)
    return Change(change.handle, change.products, values, change.strata)


def _path(values: Float, months: int) -> Float:
    """Values (..., K) as (..., months): the last one stays."""
    return np.asarray(values[..., np.minimum(np.arange(months), values.shape[-1] - 1)])


def _act(prepared: Prepared, forcing: Forcing, change: Change, d: int, month: int) -> None:
    """Write one change of one draw into ``forcing`` from ``month`` on."""
    own = np.atleast_2d(change.values)
    values = _path(own[d if len(own) > 1 else 0], forcing.values.shape[2] - month)[:, None]
    reached = np.unique(forcing.cell[change.strata])
    handle = prepared.structure.handles.index(change.handle)
    for product in change.products:
        number = forcing.series[handle, prepared.structure.products.index(product)]
        rest = forcing.values[d, number, month:]
        met = rest[:, reached]
        level = forcing.neutral[handle] == 0.0
        rest[:, reached] = np.maximum(met, values) if level else met * values


def _decisions(rule: Rule, size: int, years: int, branch: int, stop: int) -> Int:
    """Month of the first decision before ``stop`` on each year (D, Y), or NEVER."""
    delay = np.broadcast_to(rule.delay, size)
    interval = np.broadcast_to(rule.interval, size)
    found = np.full((size, years), NEVER, dtype=np.int64)
    ends = 12.0 * (np.arange(years + 1) + 1)
    for d in range(size):
        count = int((stop - branch) / interval[d]) + 2
        months = branch + np.floor(np.arange(count) * interval[d] + 0.5).astype(np.int64)
        known = ends + delay[d]
        at = np.append(months, stop)[np.searchsorted(months, known[:-1])]
        found[d] = np.where((at < known[1:]) & (at < stop), at, NEVER)
    return found


def _next_stop(watches: Sequence[_Watch], month: int, stop: int) -> int:
    """End of the first year from now on whose figure somebody decides on before ``stop``."""
    for year in range(month // 12, stop // 12):
        if any(watch.awaits(year, year + 1) for watch in watches):
            return 12 * (year + 1)
    return stop


def _needed(watches: Sequence[_Watch]) -> Choice:
    """What the rules look at: their indicators, from the first year that any sets against."""
    first = [
        int(np.flatnonzero((watch.at != NEVER).any(axis=0))[0]) - watch.rule.window
        for watch in watches
        if (watch.at != NEVER).any()
    ]
    since = max(min(first, default=0), 0)
    return Choice.of({watch.rule.indicator for watch in watches}, since)


def check_known(part: Part, output: Output, forcing: Forcing, rules: Sequence[Rule]) -> None:
    """Refuse rules that are wrong, or watch what is unknown in every year of ``output``.

    For engines where an unknown figure may be chance. Raises InputError.
    """
    for rule in rules:
        _check(part, rule)
    if not rules:
        return
    choice = Choice.of({rule.indicator for rule in rules}, 0)
    for rule, figures in zip(rules, _seen(part, output, forcing, rules, choice), strict=True):
        if np.isnan(figures).all():
            raise _unknown(rule)


def _seen(
    part: Part, output: Output, forcing: Forcing, rules: Sequence[Rule], choice: Choice
) -> list[Float]:
    """What each rule watches, (D, years from ``choice.since``) each. Raises InputError."""
    regions = sorted({rule.region for rule in rules})
    strata = part.prepared.strata
    cells = np.stack([weights(strata, region=region) for region in regions])
    names = _names(part.catalogue)
    seen = _observed(part, output, forcing, cells, choice)
    found = []
    for rule in rules:
        if rule.indicator not in seen:
            raise _unknown(rule)
        at = names.index(rule.product), regions.index(rule.region)
        found.append(seen[rule.indicator][:, :, at[0], at[1]])
    return found


def _observed(
    part: Part, output: Output, forcing: Forcing, cells: Float, choice: Choice
) -> dict[str, Float]:
    """The one place where rules observe: (D, years from ``choice.since``, products, cells)."""
    return observe(part.prepared, part.draws, part.catalogue, output, forcing, cells, choice=choice)


def _names(catalogue: Catalogue) -> list[str]:
    return [row.id for row in catalogue.products] + [row.id for row in catalogue.unions]


def _unknown(rule: Rule) -> InputError:
    what = f"{rule.indicator} of {rule.product} in {rule.region}"
    return InputError(
        f"the rule {rule.id} watches an indicator that is never known",
        key="indicator",
        given=what,
        allowed="an indicator that applies to the product and the region",
    )


def _never(rules: int, part: Part) -> Int:
    return np.full((rules, part.prepared.draws), NEVER, dtype=np.int64)


def _check(part: Part, rule: Rule) -> None:
    """Refuse what cannot be watched or decided. Raises InputError."""
    catalogue, size = part.catalogue, part.prepared.draws
    named: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("indicator", rule.indicator, [row.id for row in catalogue.indicators]),
        ("product", rule.product, _names(catalogue)),
        ("region", rule.region, [NATION, *part.prepared.strata.regions]),
        ("when", rule.when, WHENS),
    )
    for key, given, allowed in named:
        if given not in allowed:
            what = f"the rule {rule.id} names something unknown"
            raise InputError(what, key=key, given=given, allowed=allowed)
    relative = rule.when in ("rises", "falls")
    ranges: tuple[tuple[str, object, bool, str], ...] = (
        ("threshold", rule.threshold, not np.isnan(rule.threshold), "a number"),
        ("window", rule.window, rule.window >= 1 or not relative, "1 year or more"),
        ("noise", rule.noise, bool(0.0 <= rule.noise < np.inf), "0 or more"),
        ("delay", rule.delay, _in_range(rule.delay, 0.0), "0 months or more"),
        ("interval", rule.interval, _in_range(rule.interval, 1.0), "1 month or more"),
    )
    for key, value, good, meant in ranges:
        if not good:
            what = f"a value of the rule {rule.id} is out of range"
            raise InputError(what, key=key, given=value, allowed=meant)
    sizes = {"delay": rule.delay.size, "interval": rule.interval.size}
    for change in rule.changes:
        sizes[change.handle] = len(np.atleast_2d(change.values))
    for key, count in sizes.items():
        if count not in (1, size):
            what = f"the rule {rule.id} is about another number of draws"
            raise InputError(what, key=key, given=count, allowed=f"1 or {size}")


def _in_range(values: Float, least: float) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values >= least))
