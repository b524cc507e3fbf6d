"""CART: the tree that tells the futures of interest apart, its leaves with their shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, high, numbers_on, wrapped
from experiments.plots.analysis.outputs import About, factor_in_words, source
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, BLUE, GREY

COLUMNS = ("leaf", "depth", "condition", "density", "cases", "coverage")
SHARE, NUMBERS, LEAF = 1.15, 1.05, 0.46  # inches: bars, words beside them, a row
DEEPEST = 4


@dataclass(frozen=True)
class Split:
    """A question (a factor, and its value or values) with what lies on both sides."""

    factor: str
    value: float | frozenset[str]
    yes: Split | Any
    no: Split | Any


def tree_of(leaves: Sequence[Any]) -> Split | Any | None:
    """The splits that give these leaves (boxes with limits); None where no tree does."""
    if len(leaves) == 1:
        return leaves[0]
    for factor, value in _questions(leaves):
        yes = [one for one in leaves if _side(one, factor, value) is True]
        no = [one for one in leaves if _side(one, factor, value) is False]
        if yes and no and len(yes) + len(no) == len(leaves):
            both = tree_of(yes), tree_of(no)
            if both[0] is not None and both[1] is not None:
                return Split(factor, value, *both)
    return None


def _questions(leaves: Sequence[Any]) -> list[tuple[str, float | frozenset[str]]]:
    found: dict[tuple[str, float | frozenset[str]], None] = {}
    for leaf in leaves:
        for limit in leaf.limits:
            if limit.values:
                found[limit.factor, frozenset(limit.values)] = None
            for end in (limit.high, limit.low):
                if end is not None:
                    found[limit.factor, float(end)] = None
    return list(found)


def _side(leaf: Any, factor: str, value: float | frozenset[str]) -> bool | None:
    limit = next((one for one in leaf.limits if one.factor == factor), None)
    if limit is None:
        return None
    if isinstance(value, frozenset):
        own = set(limit.values)
        return True if own and own <= value else False if own and not own & value else None
    near = 1e-9 * max(abs(value), 1.0)
    if limit.high is not None and limit.high <= value + near:
        return True
    return False if limit.low is not None and limit.low >= value - near else None


def _in_order(node: Any, depth: int = 0) -> list[tuple[Any, int]]:
    if isinstance(node, Split):
        return _in_order(node.yes, depth + 1) + _in_order(node.no, depth + 1)
    return [(node, depth)]


def rows(leaves: Sequence[Any], factors: Sequence[Any], language: str = "en") -> pd.DataFrame:
    """A row a leaf from the top: its conditions, share of interest, cases.

    Without intervals: cases of one point share its factors, and the tree was grown on them.
    """
    words, known = words_of(language), {one.id: one for one in factors}
    tree = tree_of(leaves) if leaves else None
    order = _in_order(tree) if tree is not None else [(one, 0) for one in leaves]
    found = []
    for n, (leaf, depth) in enumerate(order, 1):
        told = "; ".join(_condition(words, known, limit) for limit in leaf.limits)
        found.append(
            (
                n,
                depth,
                told,
                leaf.density,
                leaf.cases,
                leaf.coverage,
            )
        )
    return pd.DataFrame(found, columns=list(COLUMNS))


def _name(words: Words, known: dict[str, Any], factor: str) -> str:
    one = known.get(factor)
    return factor_in_words(words, factor, one.kind, one.name, one.label) if one else factor


def _unit(words: Words, known: dict[str, Any], factor: str) -> str:
    unit = known[factor].unit if factor in known else ""
    return f"\u00a0{words.unit(unit)}" if unit else ""


def _condition(words: Words, known: dict[str, Any], limit: Any) -> str:
    name = _name(words, known, limit.factor)
    if limit.values:
        return f"{name}: {', '.join(limit.values)}"
    unit = _unit(words, known, limit.factor)
    low = "" if limit.low is None else f" ≥ {words.number(limit.low)}{unit}"
    top = "" if limit.high is None else f" ≤ {words.number(limit.high)}{unit}"
    return f"{name}{low}{top}"


def figure(
    leaves: Sequence[Any], factors: Sequence[Any], about: About, language: str = "en"
) -> Figure:
    """Questions from left to right, yes above and no below; a bar for each leaf."""
    words, known = words_of(language), {one.id: one for one in factors}
    table = rows(leaves, factors, language)
    tree = tree_of(leaves) if leaves else None
    depth = int(table["depth"].max()) if len(table) else 0
    drawn = tree is not None and 0 < depth <= DEEPEST
    across = WIDTH - SHARE - NUMBERS - 0.4
    notes = [words.say("reading.tree" if drawn else "reading.leaves"), *about.foot(words)]
    texts = [] if drawn else [wrapped(one, across - 0.1, 7) for one in table["condition"]]
    each = max([LEAF if drawn else 0.3, *(high(len(one), 7) + 0.08 for one in texts)])
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("tree", what=about.told(words)),
            "",
            notes,
            source(words, about.attributes),
            0.3 + each * len(table) + 0.4 if len(table) else 0.9,
        )
        if table.empty or (len(table) == 1 and not table["condition"].iloc[0]):
            return frame.nothing(words.say("nothing.tree"))
        tall = each * len(table)
        left = frame.box(0.1, 0.25, across, tall)
        left.set_axis_off()
        left.set_xlim(0, across)
        left.set_ylim(len(table) - 0.5, -0.5)
        if drawn:
            _branch(left, tree, 0.0, across / depth, iter(range(len(table))), (words, known))
        else:
            for i, lines in enumerate(texts):
                left.text(0, i, "\n".join(lines), va="center", fontsize=7, linespacing=1.1)
        _bars(frame.box(0.2 + across, 0.25, SHARE, tall), table, words)
        frame.text(0.2 + across, 0.0, words.say("head.leaf"), fontsize=7, color=GREY)
    return frame.figure


def _branch(
    axes: Axes,
    node: Any,
    left: float,
    step: float,
    numbers: Any,
    named: tuple[Words, dict[str, Any]],
) -> float:
    """Draw a node; returns the height at which it stands."""
    if not isinstance(node, Split):
        at = float(next(numbers))
        axes.plot(
            [left, axes.get_xlim()[1]], [at, at], color=GREY, linewidth=0.6, linestyle=(0, (1, 2))
        )
        return at
    above = _branch(axes, node.yes, left + step, step, numbers, named)
    below = _branch(axes, node.no, left + step, step, numbers, named)
    words, known = named
    turn = left + step * 0.78
    middle = (above + below) / 2
    axes.plot([turn, turn], [above, below], color=BLACK, linewidth=0.9)
    for at in (above, below):
        axes.plot([turn, left + step], [at, at], color=BLACK, linewidth=0.9)
    unit = _unit(words, known, node.factor)
    if isinstance(node.value, frozenset):
        asked = ", ".join(sorted(node.value))
    else:
        asked = f"≤\u00a0{words.number(node.value)}{unit}"
    lines = wrapped(f"{_name(words, known, node.factor)} {asked}?", step * 0.74, 7)
    axes.text(left + 0.03, middle, "\n".join(lines), va="center", fontsize=7, linespacing=1.1)
    for at, key in ((above, "yes"), (below, "no")):
        axes.annotate(
            words.say(f"answer.{key}"),
            (turn, at),
            xytext=(2, 1.5),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=7,
            color=BLUE if key == "yes" else GREY,
            weight="bold",
        )
    return middle


def _bars(axes: Axes, table: pd.DataFrame, words: Words) -> None:
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(False, axis="y")
    at = range(len(table))
    axes.barh(list(at), 100 * table["density"], height=0.4, color=BLUE, alpha=0.8, gid="leaves")
    axes.set_xlim(0, 100)
    numbers_on(axes, words, "x", 3, "%")
    place = axes.get_yaxis_transform()
    for i, row in enumerate(table.itertuples()):
        told = words.say(
            "leaf", share=words.share(row.density), cases=words.number(row.cases, whole=True)
        )
        part = (
            ""
            if math.isnan(row.coverage)
            else "\n" + words.say("leaf.coverage", share=words.share(row.coverage))
        )
        axes.text(1.06, i, told + part, transform=place, va="center", fontsize=7, linespacing=1.1)
