"""What is printed and written of adaptive pathways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.comparisons.compare_table import ASSUMED
from experiments.comparisons.scoreboard import load_scoreboard
from experiments.robustness.futures import GRID
from experiments.robustness.pathways import (
    Aim,
    Relative,
    Tipping,
    lasting_map,
    most_telling,
    read_world,
    tipping_points,
    tipping_table,
    transfers,
    trends_of,
    use_by_table,
)
from experiments.robustness.signposts import (
    FEW,
    FEWEST_DRAWS,
    LATE,
    PREDICTS,
    UNJUDGED,
    YES,
    signposts,
)
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MOST_BINS = 9
NO_SWITCH = (
    "No run switches: what follows a package is read from another package that ran from the start "
    "of the same future. Costs, delays and what was lost before a switch are not in it."
)
NO_PROBABILITY = (
    "Shares are of the futures of this study, spread evenly; they are no probabilities."
)
OBSERVED = (
    "Signposts are indicators as the model has them: real figures come with noise, and some later "
    "than --delay says. A signpost may show which trend runs, and be no cause."
)


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    store: str
    indicator: str
    product: str
    aim: float
    relative: Relative = "absolute"
    better: Literal["up", "down"] | None = None
    group: str = "Belgium"
    baseline: str = "current-policy"
    first: int | None = None
    delay: int = 1
    bins: int = 3
    out: Path | None = None


@dataclass(frozen=True)
class Pathways:
    """All tables of pathways, columns as the functions of ``pathways`` give them.

    ``by_two``: None where fewer than two trends vary.
    """

    tipping: Tipping
    points: pd.DataFrame
    use_by: pd.DataFrame
    signposts: pd.DataFrame
    by_one: pd.DataFrame
    by_two: pd.DataFrame | None
    transfers: pd.DataFrame
    attributes: Mapping[str, Any]  # of the store


def pathways_of(asked: Asked) -> Pathways:
    """The pathways of a store. Raises InputError."""
    import pandas as pd

    from experiments.batch.store import open_store

    if not 2 <= asked.bins <= MOST_BINS:
        raise InputError("bins", key="--bins", given=asked.bins, allowed=f"2 to {MOST_BINS}")
    if not np.isfinite(asked.aim):
        raise InputError("no aim", key="--aim", given=asked.aim, allowed="a number")
    aim = Aim(
        indicator=asked.indicator,
        product=asked.product,
        threshold=asked.aim,
        better=asked.better or _better(asked),
        group=asked.group,
        relative=asked.relative,
        baseline=asked.baseline,
        first=asked.first,
    )
    store = open_store(asked.store)
    found = tipping_points(read_world(store, aim), aim)
    ones = [lasting_map(found, [one], asked.bins) for one in trends_of(found.world)]
    two = most_telling(found, asked.bins)
    return Pathways(
        tipping=found,
        points=tipping_table(found),
        use_by=use_by_table(found),
        signposts=signposts(found, store, asked.delay),
        by_one=pd.concat(ones, ignore_index=True) if ones else pd.DataFrame(),
        by_two=lasting_map(found, two, asked.bins) if len(two) == 2 else None,
        transfers=transfers(found),
        attributes={str(key): value for key, value in store.attrs.items()},
    )


def _better(asked: Asked) -> Literal["up", "down"]:
    rows = [row for row in load_scoreboard() if row.per is None and row.statistic == "level"]
    own = {row.better for row in rows if row.indicator == asked.indicator}
    if len(own) == 1:
        return own.pop()
    raise InputError(
        "which direction is better?", key="--better", given="(nothing)", allowed="up, down"
    )


def print_pathways(asked: Asked, console: Console) -> Pathways:
    """Print pathways, write them as asked and give them. Raises InputError."""
    found = pathways_of(asked)
    world, tipping = found.tipping.world, found.tipping
    console.print(f"Aim: {tipping.aim.words(world.years)}. {world.futures} futures.")
    if world.dropped:
        console.print(f"{world.dropped} futures left out: a package failed or has no value there.")
    console.print(_lasting(found))
    if told := _at_once(tipping):
        console.print(told)
    console.print(_warned(found))
    for table in _maps(found):
        console.print(table)
    console.print(_after(found))
    ruled = [name for name in world.packages if "rules" in name]
    rules = f"{', '.join(ruled)}: there adaptive rules switch within the run." if ruled else ""
    limits = (NO_PROBABILITY, NO_SWITCH, rules, _tests(found), OBSERVED, ASSUMED)
    cautions = (*_spread(found), *limits)
    for told in cautions:
        if told:
            console.print(told, style="dim")
    if asked.out is not None:
        for path in write(found, asked.out):
            console.print(f"Written: {path}", soft_wrap=True)
    return found


def write(found: Pathways, folder: Path) -> tuple[Path, ...]:
    """All tables as CSV. Raises InputError when they cannot be written."""
    tables = {
        "tipping-points.csv": found.points,
        "use-by.csv": found.use_by,
        "signposts.csv": found.signposts,
        "lasting-by-trend.csv": found.by_one,
        "lasting-by-two-trends.csv": found.by_two,
        "transfers.csv": found.transfers,
    }
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            if table is not None:
                table.to_csv(folder / name, index=False)
                paths.append(folder / name)
    except OSError as error:
        message = f"the tables cannot be written ({error.strerror})"
        allowed = "a folder that can be written to"
        raise InputError(message, key="--out", given=str(folder), allowed=allowed) from None
    return tuple(paths)


def _spread(found: Pathways) -> list[str]:
    """Cautions of what intervals and shares rest on."""
    told = [GRID] if str(found.attributes.get("design_method", "")) == "grid" else []
    draws = len(np.unique(found.tipping.world.draws))
    if draws == 1:
        told.append("One draw of the parameters: no interval knows what other draws would give.")
    elif draws < FEWEST_DRAWS:
        told.append(
            f"Few draws ({draws}), which all points share: intervals are too narrow (with 5 draws "
            f"those of 90% hold about 75%); {FEWEST_DRAWS} or more are needed."
        )
    return told


def _tests(found: Pathways) -> str:
    """How many trials the signposts are picked from."""
    judged = found.signposts[~found.signposts["verdict"].isin((FEW, UNJUDGED))]
    if not len(judged):
        return ""
    most = int(judged["candidates"].max())
    return (
        f"Signposts: {len(judged)} tests, one for each package and year that can be judged, "
        f"each of the best of up to {most} indicators; above is the first year of a package that "
        "passes. Nothing is adjusted for their number: one that passes alone may be luck."
    )


def _lasting(found: Pathways) -> Table:
    last = found.tipping.last
    table = _table(
        "How long packages meet the aim",
        *("", f"lasts to {last} (90%)", "first missed: median (90%)", "years met (90%)"),
    )
    for _, row in found.points.iterrows():
        years = [_year(row[name], last) for name in ("year", "year_low90", "year_high90")]
        held = f"{row['held']:.1f} ({row['held_low90']:.1f} to {row['held_high90']:.1f})"
        when = f"{years[0]} ({years[1]} to {years[2]})"
        table.add_row(str(row["package"]), _share(row, "lasts"), when, held)
    return table


def _year(value: float, last: int) -> str:
    return f"after {last}" if np.isinf(value) else f"{value:.0f}"


def _share(row: pd.Series, name: str) -> str:
    if not np.isfinite(row[name]):
        return "no future"
    return f"{row[name]:.0%} ({row[f'{name}_low90']:.0%} to {row[f'{name}_high90']:.0%})"


def _brief(row: pd.Series) -> str:
    """A share with its interval, short enough for a column per package."""
    if not np.isfinite(row["lasts"]):
        return "no future"
    low, high = 100.0 * row["lasts_low90"], 100.0 * row["lasts_high90"]
    return f"{row['lasts']:.0%} ({low:.0f}–{high:.0f})" + ("*" if row["longest"] else "")


def _at_once(tipping: Tipping) -> str:
    """A caution where an aim is missed before anything could reach it."""
    now = (tipping.year == tipping.start).mean(axis=1)
    packages = tipping.world.packages
    names = [name for name, share in zip(packages, now, strict=True) if share > 0.5]
    if not names:
        return ""
    return (
        f"In most futures {', '.join(names)} miss the aim in {tipping.start} already. Where it has "
        "to be reached first, let it hold from a later year: --from."
    )


def _warned(found: Pathways) -> Table:
    """The first year in which something predicts, or that nothing does, by package."""
    title = f"What warns first (AUC in futures that did not choose it; from {PREDICTS:g} on)"
    table = _table(title, "", "figure of", "signpost", "AUC (90%)", "caught, false", "lead, years")
    for name in found.tipping.world.packages:
        own = found.signposts[found.signposts["package"] == name]
        good = own[own["verdict"] == YES]
        if not len(good):
            table.add_row(name, "", _silent(own), "", "", "")
            continue
        row = good.iloc[0]
        area = f"{row['auc']:.2f} ({row['auc_low90']:.2f} to {row['auc_high90']:.2f})"
        sign = "above" if row["side"] == "high" else "below"
        what = f"{row['indicator']} of {row['product']} {sign} {row['trigger']:.3g}"
        lead = f"{row['lead']:.0f} ({row['lead_low90']:.0f} to {row['lead_high90']:.0f})"
        caught = f"{row['caught']:.0%}, {row['false_alarms']:.0%}"
        table.add_row(name, f"{row['year']}", what, area, caught, lead)
    return table


def _silent(own: pd.DataFrame) -> str:
    """Why a package has no signpost."""
    first = own.iloc[0]
    if (own["verdict"] == FEW).all():
        missed, risk = int(first["later_missed"]), int(first["at_risk"])
        return f"{FEW} ({missed} of {risk} miss)"
    if (own["verdict"] == UNJUDGED).all():
        return f"{UNJUDGED}: fewer than {FEWEST_DRAWS} draws"
    return LATE if (own["verdict"] == LATE).any() else "nothing predicts"


def _maps(found: Pathways) -> list[Table]:
    world = found.tipping.world
    tables = []
    if len(found.by_one):
        tables.append(_map("Where packages last, with 90% (* longest; ties all marked)", found, 1))
    if found.by_two is not None:
        names = dict(zip(world.factors, world.labels, strict=True))
        pair = " and ".join(names[found.by_two[f"factor{n}"].iloc[0]] for n in (1, 2))
        tables.append(_map(f"Where packages last, by {pair}", found, 2))
    return tables


def _map(title: str, found: Pathways, factors: int) -> Table:
    data = found.by_one if factors == 1 else found.by_two
    assert data is not None
    packages = found.tipping.world.packages
    table = _table(title, *("trend" for _ in range(factors)), "futures", *packages)
    keys = [f"{name}{n}" for n in range(1, factors + 1) for name in ("factor", "low", "high")]
    for key, rows in data.groupby(keys, sort=False):
        where = [f"{key[3 * n].rpartition(':')[2]} {key[3 * n + 1]:.3g} to {key[3 * n + 2]:.3g}"
                 for n in range(factors)]  # fmt: skip
        own = rows.set_index("package")
        cells = [_brief(own.loc[name]) for name in packages]
        table.add_row(*where, str(own["futures"].iloc[0]), *cells)
    return table


def _after(found: Pathways) -> Table:
    last = found.tipping.last
    table = _table(
        "What lasts longer in the same future, once a package misses the aim",
        *("", "then", "share (90%)", f"to {last}", "more years (90%)"),
    )
    for _, row in found.transfers.iterrows():
        if row["then"]:
            years = [row[f"more_years{end}"] for end in ("", "_low90", "_high90")]
            more = f"{years[0]:.0f} ({years[1]:.0f} to {years[2]:.0f})"
            end = f"{row['to_the_end']:.0%}"
            table.add_row(row["package"], row["then"], _share(row, "share"), end, more)
        else:
            table.add_row(row["package"], "nothing lasts longer", _share(row, "share"), "", "")
    return table


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left")
    for n, head in enumerate(heads):
        table.add_column(head, justify="left" if n == 0 else "right")
    return table
