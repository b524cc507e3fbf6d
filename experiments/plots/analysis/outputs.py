"""What sensitivity results hold, by name: one output, its factors in words, its verdict."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.plots.analysis.wording import Words, in_shown, shipped
from experiments.plots.fits import parameter_in_words
from experiments.sensitivity.summary import out_of_range
from experiments.sensitivity.verdict import HARDLY, ORDER_HOLDS
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]
Bars = tuple[tuple[str, str], ...]

# The indices drawn of each method, each with the half width of its 95% interval; the last one is
# the main one, by which factors are sorted.
INDICES: dict[str, Bars] = {
    "sobol": (("S1", "S1_conf"), ("ST", "ST_conf")),
    "fast": (("S1", "S1_conf"), ("ST", "ST_conf")),
    "rbd-fast": (("S1", "S1_conf"),),
    "pawn": (("median", "median_conf"),),
    "delta": (("S1", "S1_conf"), ("delta", "delta_conf")),
    "hdmr": (("Sa", "Sa_conf"), ("ST", "ST_conf")),
    "morris": (("mu_star", "mu_star_conf"),),
    "fractional-factorial": (("ME", "ME_conf"),),
}
IN_UNITS = ("morris", "fractional-factorial")  # their indices are in the unit of the outcome
WHOLE = "Belgium"


@dataclass(frozen=True)
class Of:
    """Which output; ``scenario`` None where there is one scenario."""

    indicator: str
    product: str
    year: int
    group: str = WHOLE
    scenario: str | None = None


def method_of(dataset: xr.Dataset) -> str:
    """The method, as the command names it. Raises InputError for an unknown one."""
    method = str(dataset.attrs.get("method", ""))
    if method not in INDICES:
        raise InputError("unknown method in these results", given=method, allowed=sorted(INDICES))
    return method


def bars_of(dataset: xr.Dataset) -> Bars:
    """The indices that are drawn with their half widths, the main one last.

    Raises InputError for an unknown method.
    """
    known = INDICES[method_of(dataset)]
    main, half = (str(dataset.attrs.get(name, "")) for name in ("main_index", "half_width"))
    if not main or main == known[-1][0]:
        return known
    return (*(pair for pair in known if pair[0] != main), (main, half or f"{main}_conf"))[-2:]


def main_index(dataset: xr.Dataset) -> str:
    """The index by which factors are sorted. Raises InputError for an unknown method."""
    return bars_of(dataset)[-1][0]


def factor_dim(dataset: xr.Dataset) -> str:
    """The dimension of factors, or of groups of factors.

    Raises InputError for an unknown method.
    """
    return next(str(dim) for dim in dataset[main_index(dataset)].dims if dim != "output")


def places(dataset: xr.Dataset, of: Of, *, years: bool = False) -> list[int]:
    """Where the output lies; with ``years`` that of every year. Raises InputError for none."""
    wanted = {"indicator": of.indicator, "product": of.product, "group": of.group}
    there = np.ones(dataset.sizes["output"], bool)
    if not years:
        there &= dataset["year"].values.astype(int) == of.year
    if of.scenario is not None:
        wanted["scenario"] = of.scenario
    elif "scenario" in dataset.coords and len(ids := set(map(str, dataset["scenario"].values))) > 1:
        raise InputError("name one scenario of these results", allowed=sorted(ids))
    for name, value in wanted.items():
        if name in dataset.coords:
            there &= dataset[name].values.astype(str) == value
    if not there.any():
        known = sorted(
            {
                " ".join(map(str, one))
                for one in zip(
                    dataset["indicator"].values,
                    dataset["product"].values,
                    dataset["year"].values,
                    strict=True,
                )
            }
        )
        asked = f"{of.indicator} {of.product} {of.year}"
        raise InputError(
            "these results have no such output",
            given=asked,
            allowed=difflib.get_close_matches(asked, known, n=4, cutoff=0.0),
        )
    return [int(i) for i in np.flatnonzero(there)]


def one_output(dataset: xr.Dataset, of: Of) -> xr.Dataset:
    """The results of one output, dims but "output" as they were. Raises InputError for none."""
    return dataset.isel(output=places(dataset, of)[0])


def values(dataset: xr.Dataset, name: str) -> Float:
    """A variable as numbers in its unit; all NaN, one a factor, where the results lack it.

    Shape (factors,), or that of the variable. Raises InputError for an unknown method.
    """
    if name in dataset:
        found: Float = dataset[name].values.astype(np.float64)
        return found
    return np.full(dataset.sizes[factor_dim(dataset)], np.nan)


def number(dataset: xr.Dataset, name: str) -> float:
    """A number of one output, in the unit that the results tell; NaN where they lack it."""
    return float(dataset[name]) if name in dataset else math.nan


def unit_of(one: xr.Dataset) -> str:
    """The unit of the output."""
    return str(one["unit"].values) if "unit" in one.coords else ""


def factor_names(dataset: xr.Dataset, words: Words) -> list[str]:
    """The factors, or groups of them, in words. Raises InputError for an unknown method."""
    dim = factor_dim(dataset)
    size = dataset.sizes[dim]
    ids = dataset[dim].values if dim in dataset.coords else np.arange(size)
    columns = []
    for name in ("kind", "name", "label"):
        coord = dataset.coords.get(f"factor_{name}")
        told = coord is not None and coord.dims == (dim,)
        columns.append(coord.values if told and coord is not None else [""] * size)
    return [
        factor_in_words(words, str(one), str(kind), str(name), str(label))
        for one, kind, name, label in zip(ids, *columns, strict=True)
    ]


def factor_in_words(words: Words, one: str, kind: str = "", name: str = "", label: str = "") -> str:
    """A factor by what it varies; an unknown one by its label or its id."""
    if kind in ("trend", "lever", "effect"):
        of = words.text(f"trend.{name}", label) if kind == "trend" else words.lever(name)
        return words.say(f"factor.{kind}", name=of)
    if kind == "parameter":
        return words.say("factor.parameter", name=parameter(words, name or label))
    if kind in ("posterior", "sizes", "seed"):
        return words.say(f"factor.{kind}")
    if kind == "structure":
        known = ("subadditivity", "floor", "network")
        return (
            words.say(f"factor.{name}")
            if name in known
            else words.say("factor.structure", name=name.replace("_", " "))
        )
    return group_in_words(words, one, label)


def group_in_words(words: Words, one: str, label: str = "") -> str:
    """A group of factors: a trend, a strategic objective, a product or a kind of factor."""
    if one in ("dummy", "posterior", "sizes", "seed", "structure"):
        return words.say(f"factor.{one}" if one != "structure" else "factor.structures")
    for key in (f"trend.{one}", f"product.{one}", f"union.{one}"):
        if found := words.text(key, ""):
            return found
    told = words.lever(one)
    return label or told


def parameter(words: Words, key: str) -> str:
    """A parameter: its product in the language, its name as the table has it (English)."""
    owner, mark, rest = key.partition("/")
    if not mark:
        return key.replace("_", " ")
    if owner == "history":
        event, _, when = rest.rpartition("/")
        told = f"{event.replace('-', ' ')}, {when}"
        return words.say("of-product", product=words.say("event"), name=told)
    told = parameter_in_words(key, owner, shipped())
    whose = words.product(owner)
    kind = owner.removeprefix("kind:")
    if kind != owner:
        whose = words.text(f"kind.{kind}")
    elif owner == "*":
        whose = words.say("all-products")
    return words.say("of-product", product=whose, name=words.inside(told) if told else key)


def what(words: Words, of: Of, key: str) -> str:
    """A title about an outcome: KEY with {what}, {product} and {year}."""
    return words.say(
        key,
        what=words.inside(words.indicator(of.indicator)),
        What=words.indicator(of.indicator),
        product=words.inside(words.product(of.product)),
        year=of.year,
    )


def row_in_words(words: Words, key: str, label: str) -> str:
    """A row of the scoreboard by its key, "INDICATOR[/PER] PRODUCT[ GROUP]"; else its label."""
    parts = key.split(" ")
    if len(parts) not in (2, 3):
        return label
    indicator, _, per = parts[0].partition("/")
    if not words.text(f"indicator.{indicator}", "") or not words.product(parts[1]):
        return label
    told = words.indicator(indicator)
    if per:
        told = words.say("per", what=told, other=words.inside(words.indicator(per)))
    group = "" if len(parts) == 2 else "/".join(words.group(one) for one in parts[2].split("/"))
    told = words.say("of-product", product=words.product(parts[1]), name=words.inside(told))
    return f"{told}, {group}" if group else told


def where(words: Words, of: Of, *more: str) -> str:
    """Scenario, group and what else stands under a title."""
    scenario = (
        "" if of.scenario is None else words.say("of-scenario", name=words.scenario(of.scenario))
    )
    return " · ".join(part for part in (scenario, words.group(of.group), *more) if part)


def verdict(words: Words, one: xr.Dataset) -> str:
    """Whether the indices of an output converged, in words."""
    told = str(one["verdict"].values) if "verdict" in one else ""
    if told not in ("converged", "not converged", "constant", "undefined"):
        return words.say("verdict.none")
    more, width = number(one, "more_runs"), number(one, "width")
    half = words.number(width, digits=2)
    if told == "not converged" and math.isfinite(more) and more > 0:
        said = words.say("verdict.more", width=half, points=words.number(more, whole=True))
    elif told == "converged" and math.isnan(number(one, "rank_stability")):
        said = words.say("verdict.narrow", width=half)
    else:
        said = words.say(f"verdict.{told.replace(' ', '-')}", width=half)
    beyond = [words.say("verdict.beyond")] if out_of_range(one).any() else []
    return " ".join([said, *_order_told(words, one, told), *beyond, *_spread(words, one)])


def _order_told(words: Words, one: xr.Dataset, told: str) -> list[str]:
    """Whether the order of the factors can be read."""
    if "rank_stability" not in one or not told.endswith("converged"):
        return []
    stability = number(one, "rank_stability")
    if math.isnan(stability):
        return [words.say("verdict.no-order")]
    if told == "converged":
        return []
    return [words.say("verdict.order-holds" if stability >= ORDER_HOLDS else "verdict.order-open")]


def _spread(words: Words, one: xr.Dataset) -> list[str]:
    """Mean and standard deviation of the output; whether it hardly varies."""
    mean, sd = number(one, "output_mean"), number(one, "output_sd")
    if not math.isfinite(mean) or not math.isfinite(sd):
        return []
    factor = in_shown(unit_of(one))
    told = words.say(
        "verdict.spread",
        mean=words.number(mean * factor, digits=3),
        sd=words.number(sd * factor, digits=2),
        unit="%" if factor != 1.0 else words.unit(unit_of(one)),
    )
    return [told, *([words.say("verdict.hardly")] if sd < HARDLY * abs(mean) else [])]


def no_index(words: Words, one: xr.Dataset) -> str:
    """Why there is nothing to draw."""
    told = str(one["verdict"].values) if "verdict" in one else ""
    return words.say("nothing.constant" if told == "constant" else "nothing.index")


@dataclass(frozen=True)
class About:
    """What a table of policies or boxes is of: in words where ``text`` is given, else an output.

    ``attributes``: study, method, version; ``notes``: sentences for the foot, in the language.
    """

    of: Of | None = None
    text: str = ""
    unit: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def told(self, words: Words) -> str:
        """The outcome within a title."""
        return self.text or ("" if self.of is None else what(words, self.of, "outcome"))

    def foot(self, words: Words) -> list[str]:
        """What is assumed, and the caller's own notes."""
        return [*self.notes, *assumed(words, "" if self.of is None else self.of.product)]


def assumed(words: Words, product: str, one: xr.Dataset | None = None) -> list[str]:
    """What is assumed, and whether the product is scenario-only."""
    told = [words.say("assumed.factors")] if one is not None else [words.say("assumed.futures")]
    modes = {row.id: row.mode for row in shipped().products}
    if modes.get(product) == "scenario-only":
        told.append(words.say("scenario-only", product=words.product(product)))
    elif any(union.id == product for union in shipped().unions):
        told.append(words.say("union-priors"))
    return [" ".join(told)]


def source(words: Words, attributes: Mapping[Any, Any]) -> str:
    """Study, method, number of runs and version of what is drawn; what is unknown is left out."""
    parts = []
    for key, names in (
        ("title", ("study_title", "title")),
        ("method", ("method", "design_method")),
        ("n", ("n", "design_n")),
        ("runs", ("runs",)),
        ("drawn", ("drawn",)),
        ("version", ("package_version", "version")),
    ):
        value = next((attributes[name] for name in names if attributes.get(name)), None)
        if value is None:
            continue
        if key == "drawn":
            value = words.say(f"drawn.{value}") if value in ("prior", "posterior") else value
        elif isinstance(value, int | float | np.number):
            value = words.number(float(value), whole=True)
        elif key == "method" and value in INDICES:
            value = words.say(f"method.{value}")
        parts.append(words.say(f"source.{key}", value=value))
    return words.say("source", told="; ".join(parts)) if parts else ""


def shown_factor(dataset: xr.Dataset, one: xr.Dataset) -> float:
    """What indices are multiplied by: those in the unit of a share are drawn in percent.

    Raises InputError for an unknown method.
    """
    return in_shown(unit_of(one)) if method_of(dataset) in IN_UNITS else 1.0
