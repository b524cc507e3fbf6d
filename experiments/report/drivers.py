"""What drives the results: what a store varies, and the section on a sensitivity analysis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.comparisons.compare import KEY, WHOLE
from experiments.comparisons.told_first import rank
from experiments.report.blocks import Block, Heading, Table, Text
from experiments.report.material import Material
from experiments.report.words import Words
from experiments.sensitivity.verdict import ORDER_HOLDS
from scenarios.texts import slug

if TYPE_CHECKING:
    import xarray as xr

    from experiments.batch.factors import Factor

COMMAND = "drugfutures sensitivity sobol STUDY --out FOLDER"
CONVERGED, UNSETTLED = "converged", "not converged"
OUTPUTS = 6  # told of an analysis without the key indicators
HASHES = ("parameter_table_hash", "posterior_hash")


def varied(factors: Sequence[Factor], words: Words) -> Table:
    """Table of the factors of a store with their ranges, and what of them is assumed."""
    rows = []
    for one in factors:
        basis = "assumed" if one.assumed else "sourced"
        told = "–" if one.kind in ("posterior", "seed") else words.say(f"basis.{basis}")
        name = factor_name(words, one.kind, one.name, one.label)
        rows.append((name, _range(one, words), told))
    header = tuple(words.say(f"column.{key}") for key in ("factor", "range", "basis"))
    return Table(words.say("varied.caption"), header, tuple(rows), widths=(3.5, 2.0, 1.3))


def _range(one: Factor, words: Words) -> str:
    if one.values:
        return ", ".join(one.values)
    if one.kind in ("posterior", "sizes", "seed"):
        what = "seeds" if one.kind == "seed" else "draws"
        return words.say(f"varied.{what}", count=words.count(round(one.high)))
    ends = {"low": words.plain(one.low), "high": words.plain(one.high)}
    unit = words.known(f"factor.{slug(one.unit)}", one.unit)
    return words.say("varied.range", **ends, unit=unit)


def factor_name(words: Words, kind: str, name: str, label: str) -> str:
    """The name of a factor in the language of the report; its English label where it has none."""
    if kind == "trend":
        return f"{name} {words.name(f'trend.{name}', name)}"
    own = words.known(f"factor.{name}", "")
    if own:
        return own
    for group in ("strategic", "objective", "measure"):
        found = words.name(f"{group}.{name}", "")
        if found and found != name:
            told = found if group == "measure" else f"{name} {found}"
            return words.say("factor.effect", name=told) if kind == "effect" else told
    return label or name


def sensitivity(material: Material, words: Words, year: int) -> Iterator[Block]:
    """Blocks of the section; one sentence on how to make one where there is no analysis."""
    found = material.sensitivity
    yield Heading(1, words.say("section.sensitivity"))
    if found is None:
        yield Text(words.say("sensitivity.none", command=COMMAND))
        return
    verdicts = found["verdict"].values.astype(str)
    attributes = found.attrs
    method = str(attributes.get("method", ""))
    yield Text(
        words.say(
            "sensitivity.about",
            title=str(attributes.get("title", "")) or "–",
            method=str(attributes.get("method_title", method)),
            runs=words.count(int(attributes.get("runs", 0))),
            outputs=words.count(verdicts.size),
            converged=words.count(int((verdicts == CONVERGED).sum())),
        )
    )
    own = material.attributes
    pairs = [(own.get(key, ""), str(attributes.get(key, ""))) for key in HASHES]
    if any(ours and theirs and ours != theirs for ours, theirs in pairs):
        yield Text(words.say("sensitivity.other"), important=True)
    shown = _shown(found, year)
    told = verdicts[shown]
    if (told == UNSETTLED).any() and not (told == CONVERGED).any():
        yield Text(words.say("sensitivity.unsettled"), important=True)
    yield _table(found, words, shown)


def _shown(found: xr.Dataset, year: int) -> list[int]:
    """Outputs to tell of, in the order of what is told first: of that year, else of the last."""
    years = found["year"].values.astype(int)
    groups = found["group"].values.astype(str)
    year = year if year in years else int(years.max())
    group = WHOLE if WHOLE in groups else groups[0]
    names = (found[key].values.astype(str).tolist() for key in ("indicator", "product"))
    pairs = list(zip(*names, strict=True))
    some = [int(at) for at in np.flatnonzero((years == year) & (groups == group))]
    some.sort(key=lambda at: rank(*pairs[at]))
    return [at for at in some if pairs[at] in KEY] or some[:OUTPUTS]


def _table(found: xr.Dataset, words: Words, shown: Sequence[int]) -> Table:
    spread = "output_sd" in found and "output_mean" in found
    rows = []
    for at in shown:
        one = found.isel(output=at)
        name = words.name(f"indicator.{one['indicator'].item()}")
        product = str(one["product"].item())
        whose = words.name(f"product.{product}", "") or words.name(f"union.{product}")
        scenario = str(one["scenario"].item()) if "scenario" in one.coords else ""
        title = words.name(f"scenario.{scenario}", scenario)
        cells = [f"{name}: {whose}", title]
        if spread:
            unit, factor = words.unit(str(one["unit"].item()))
            mean, sd = (
                words.number(factor * float(one[key])) for key in ("output_mean", "output_sd")
            )
            cells.append(f"{mean} ({sd}), {unit}")
        factors = _leading(one, words)
        verdict = _verdict(one, words, ranked=bool(factors))
        rows.append((*cells, factors or words.say("sensitivity.factor"), verdict))
    middle = (("spread", 1.8),) if spread else ()
    columns = (("indicator", 2.0), ("scenario", 1.2), *middle, ("factors", 4.0), ("verdict", 1.4))
    main = str(found.attrs["main_index"])
    year = int(found["year"].values[shown[0]])
    index = words.known(f"index.{main}", main)
    return Table(
        words.say("sensitivity.caption", year=year, index=index),
        tuple(words.say(f"column.{key}") for key, _ in columns),
        tuple(rows),
        widths=tuple(width for _, width in columns),
    )


def _leading(one: xr.Dataset, words: Words) -> str:
    """The largest indices by size, as the analysis tells them; "" where none stands out."""
    from experiments.sensitivity.summary import leading

    if not str(one["verdict"].item()).endswith(CONVERGED):  # nothing varies, or there is no index
        return "–"
    coordinate = "factor_label" if "factor_label" in one.coords else "factor"
    labels = [str(label) for label in one[coordinate].values]
    told = []
    for label, value, half in leading(one.expand_dims("output"), 0):
        at = labels.index(label)
        name = label
        if "factor_kind" in one.coords:
            kind, key = (str(one[f"factor_{what}"].values[at]) for what in ("kind", "name"))
            name = factor_name(words, kind, key, label)
        known = np.isfinite(half) and half > 0.0  # without a half-width there is no interval
        interval = words.interval(value, value - half, value + half)
        told.append(f"{name} {interval if known else words.number(value)}")
    return "; ".join(told)


def _verdict(one: xr.Dataset, words: Words, ranked: bool) -> str:
    verdict = str(one["verdict"].item())
    stable = float(one["rank_stability"]) if "rank_stability" in one else np.nan
    holds = verdict == UNSETTLED and ranked and stable >= ORDER_HOLDS
    key = "order-holds" if holds else verdict
    return words.known(f"verdict.{key.replace(' ', '-')}", verdict)
