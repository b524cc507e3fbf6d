"""The commands about policies across many futures: discover, robust and value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.runs.terminal import (
    LangOption,
    Language,
    Plots,
    PlotsOption,
    console,
    refusals,
    tell_plots,
    with_fields_of,
)
from model.errors import InputError

if TYPE_CHECKING:
    from experiments.robustness.cases import Miss
    from experiments.robustness.futures import Futures

StoreArgument = Annotated[
    str, typer.Argument(metavar="STORE", help="Store of a batch: a folder or an address.")
]
BaselineOption = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Scenario to compare with.", show_default="the first"),
]
IndicatorOption = Annotated[str, typer.Option(metavar="ID", help="Indicator of the outcome.")]
ProductOption = Annotated[str, typer.Option(metavar="ID", help="Product or union of it.")]
GroupOption = Annotated[str, typer.Option(metavar="GROUP", help="Group of people.")]
YearOption = Annotated[
    int | None, typer.Option(metavar="YEAR", help="Year.", show_default="the last one")
]
BetterOption = Annotated[
    str | None,
    typer.Option(
        metavar="up|down", help="Which side is better.", show_default="as the aims have it"
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Write tables (CSV), what is told of them (JSON) and plots here."
    ),
]


class Method(StrEnum):
    """How boxes are looked for."""

    prim = "prim"
    cart = "cart"


@dataclass(frozen=True)
class DiscoverOptions:
    """What can be asked of scenario discovery, in the order of its help."""

    store: StoreArgument
    scenario: Annotated[str, typer.Option(metavar="ID", help="Policy: a scenario of the store.")]
    indicator: IndicatorOption
    product: ProductOption
    group: GroupOption = "Belgium"
    year: YearOption = None
    above: Annotated[
        float | None, typer.Option(metavar="X", help="It misses where the outcome is above this.")
    ] = None
    below: Annotated[
        float | None, typer.Option(metavar="X", help="It misses where the outcome is below this.")
    ] = None
    worse: Annotated[
        bool,
        typer.Option(
            "--worse-than-baseline", help="It misses where it is worse than the baseline."
        ),
    ] = False
    by: Annotated[
        float, typer.Option(metavar="PERCENT", min=0.0, help="Worse by more than this.")
    ] = 0.0
    worst: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="It misses in this share of futures, the worst ones."),
    ] = None
    baseline: BaselineOption = None
    better: BetterOption = None
    method: Annotated[Method, typer.Option(help="PRIM peels; CART splits.")] = Method.prim
    coverage: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the misses to cover at least.")
    ] = 0.5
    with_draw: Annotated[
        bool, typer.Option("--with-draw", help="Take the draw of the parameters for a factor.")
    ] = False
    halves: Annotated[
        int, typer.Option(min=10, help="Halves of the points that the search is tried on.")
    ] = 20
    seed: Annotated[int, typer.Option(min=0, help="Seed of the halves.")] = 1
    out: OutOption = None
    lang: LangOption = Language.en
    plots: PlotsOption = Plots.main


def _plots(given: DiscoverOptions | RobustOptions | ValueOptions) -> Path | None:
    """The folder for plots. Raises InputError when it cannot be made; None where none is asked."""
    if given.out is None or given.plots is Plots.none:
        return None
    from experiments.sensitivity.tables import ready

    return ready(given.out / "plots")


def _opened(store: str) -> Futures:
    from experiments.batch.store import open_store
    from experiments.robustness.futures import Futures

    return Futures(open_store(store))


def _miss(given: DiscoverOptions, futures: Futures) -> Miss:
    """The one rule that was given. Raises InputError for none or several."""
    from experiments.robustness.aims import better_of
    from experiments.robustness.cases import Miss

    rules = ("--above X", "--below X", "--worse-than-baseline", "--worst SHARE")
    asked = (given.above is not None, given.below is not None, given.worse, given.worst is not None)
    if sum(asked) != 1:
        told = ", ".join(name for name, on in zip(rules, asked, strict=True) if on) or "none"
        raise InputError(
            "when does the policy miss its aim?", given=told, allowed=f"one of {', '.join(rules)}"
        )
    if given.by and not given.worse:
        raise InputError("--by goes with --worse-than-baseline", key="--by", given=given.by)
    if given.above is not None:
        return Miss("above", given.above)
    if given.below is not None:
        return Miss("below", given.below)
    side = better_of(given.indicator, given.product, given.better)
    if given.worst is not None:
        _share("--worst", given.worst)
        return Miss("worst", given.worst, side)
    baseline = futures.scenario(given.baseline, "--baseline")
    if baseline == given.scenario:
        raise InputError(
            "a scenario is not worse than itself",
            key="--baseline",
            given=baseline,
            allowed=[one for one in futures.scenarios if one != given.scenario],
        )
    return Miss("worse", given.by, side, baseline)


def _share(option: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise InputError("not a share", key=option, given=value, allowed="more than 0, less than 1")


@with_fields_of(DiscoverOptions)
def discover(given: DiscoverOptions) -> None:
    """Find which trends and assumptions make a policy miss its aim (PRIM or CART)."""
    with refusals():
        from experiments.robustness.discovery import Sought
        from experiments.robustness.discovery import discover as search
        from experiments.robustness.discovery_table import print_discovery, save_discovery

        futures = _opened(given.store)
        scenario = futures.scenario(given.scenario)
        outcome = futures.asked(given.indicator, given.product, given.group, given.year)
        _share("--coverage", given.coverage)
        sought = Sought(
            scenario,
            outcome,
            _miss(given, futures),
            given.method.value,
            given.coverage,
            given.with_draw,
            given.halves,
            given.seed,
        )
        found = search(futures, sought)
        if given.out is not None:
            save_discovery(found, futures, given.out)
        print_discovery(found, futures, console())
        if folder := _plots(given):
            from experiments.plots.analysis import draw_discovery

            drawn = draw_discovery(found, folder, given.lang.value, futures.store.attrs)
            tell_plots(console(), folder, drawn)


@dataclass(frozen=True)
class RobustOptions:
    """What can be asked of robustness, in the order of its help."""

    store: StoreArgument
    aims: Annotated[
        list[str] | None,
        typer.Option("--aim", metavar="ID", help="Only this aim; may be given again."),
    ] = None
    baseline: BaselineOption = None
    year: YearOption = None
    thresholds: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="INDICATOR:PRODUCT=NUMBER",
            help="What is good enough of one outcome; may be given again.",
            show_default="better than the baseline",
        ),
    ] = None
    today: Annotated[
        int | None,
        typer.Option(
            "--better-than",
            metavar="YEAR",
            help="Good enough: better than the baseline in this year, in the same future.",
        ),
    ] = None
    out: OutOption = None
    lang: LangOption = Language.en
    plots: PlotsOption = Plots.main


@with_fields_of(RobustOptions)
def robust(given: RobustOptions) -> None:
    """Judge scenarios across futures: regret, good enough, worst case, spread; no sum of aims."""
    with refusals():
        from experiments.robustness.robust_table import Asked, print_robust, save_robust
        from experiments.robustness.robust_table import robust as judge

        futures = _opened(given.store)
        asked = Asked(
            tuple(given.aims or ()),
            given.baseline,
            given.year,
            tuple(given.thresholds or ()),
            given.today,
        )
        found = judge(futures, asked)
        if given.out is not None:
            save_robust(found, futures, given.out)
        print_robust(found, futures, console())
        if folder := _plots(given):
            from experiments.plots.analysis import draw_robustness
            from experiments.plots.analysis.outputs import About

            about = About(attributes=futures.store.attrs)
            drawn = draw_robustness(
                found.outcomes, folder, given.lang.value, about, found.baseline, found.result
            )
            tell_plots(console(), folder, drawn)


@dataclass(frozen=True)
class ValueOptions:
    """What can be asked of the value of information, in the order of its help."""

    store: StoreArgument
    indicator: IndicatorOption
    product: ProductOption
    group: GroupOption = "Belgium"
    year: YearOption = None
    better: BetterOption = None
    out: OutOption = None
    lang: LangOption = Language.en
    plots: PlotsOption = Plots.main


@with_fields_of(ValueOptions)
def value(given: ValueOptions) -> None:
    """Tell what knowing a factor before choosing a scenario would bring, in the outcome's unit."""
    with refusals():
        from experiments.robustness.value_table import print_value, save_value
        from experiments.robustness.value_table import value as worth

        futures = _opened(given.store)
        outcome = futures.asked(given.indicator, given.product, given.group, given.year)
        found = worth(futures, outcome, given.better)
        if given.out is not None:
            save_value(found, futures, given.out)
        print_value(found, futures, console())
        if folder := _plots(given):
            from experiments.plots.analysis import draw_value

            tell_plots(console(), folder, draw_value(found, futures, folder, given.lang.value))
