"""What went wrong, in the language of the page: parts of a link left out, files that are refused.

Messages of an ``InputError`` are English and meant for a terminal. Each of the common ones has a
sentence ``problem.<its first words>``; the rest are told by where they are and what was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from experiments.workshop.entries import entry_name
from experiments.workshop.plain import plain_line
from experiments.workshop.wording import Words
from model.errors import InputError
from scenarios.texts import slug

MOST_ITEMS = 8
LONGEST_ITEM = 60
LONGEST_GIVEN = 80
PART = "part."
_RANGE = re.compile(r"(-?[0-9.]+) to (-?[0-9.]+)")
_BOUND = re.compile(r"(-?[0-9.]+) or (more|less)")
_NAME = re.compile(r"[A-Za-z0-9_:.+-]+|[0-9]+ KB")
_MORE = re.compile(r"\.\.\. \([0-9]+ in all\)")


Item = str | tuple[str, str]


@dataclass(frozen=True)
class Problem:
    """``key`` of the sentence; what fills it: plain words, or ``items`` for a list of things.

    An item is a name as it was given, a part of a link (``part.graphs``), or the entry of a
    scenario (``levers.1.1``) with what was given for it.
    """

    key: str
    fill: Mapping[str, object] = field(default_factory=dict)
    items: tuple[Item, ...] = ()


def told(problem: Problem, words: Words) -> str:
    """A problem in the page's language."""
    filled = dict(problem.fill)
    if problem.items:
        shown = [_item(item, words) for item in problem.items[:MOST_ITEMS]]
        if more := len(problem.items) - len(shown):
            shown.append(words.say("problem.more", count=words.count(more)))
        filled["items"] = ", ".join(shown)
    return words.say(problem.key, **filled)


def _item(item: Item, words: Words) -> str:
    if isinstance(item, str):
        if item.startswith(PART) and (part := words.known(f"problem.{item}", "")):
            return part
        return words.say("problem.item", name=plain_line(item, LONGEST_ITEM))
    entry, given = item
    return words.say(
        "problem.item.given", name=entry_name(entry, words), given=plain_line(given, LONGEST_ITEM)
    )


def told_error(error: InputError, words: Words) -> str:
    """An InputError in the page's language: where, what is wrong, what was given and allowed."""
    what = error.message.partition(" (")[0]
    said = words.known(f"problem.{slug(what)}", "") or words.say("problem.other")
    parts = [said]
    if error.line is not None and error.key is not None:
        key = plain_line(error.key, LONGEST_ITEM)
        parts.append(words.say("problem.at.key", line=error.line, name=key))
    elif error.line is not None:
        parts.append(words.say("problem.at", line=error.line))
    elif error.key is not None:
        parts.append(words.say("problem.key", name=plain_line(error.key, LONGEST_ITEM)))
    if error.given is not None:
        given = error.given
        if given == "(nothing)":
            parts.append(words.say("problem.given.nothing"))
        else:
            parts.append(words.say("problem.given", given=plain_line(str(given), LONGEST_GIVEN)))
    if allowed := _allowed(error.allowed or "", words):
        parts.append(words.say("problem.allowed", allowed=allowed).replace("….", "…"))
    return " ".join(parts)


def _allowed(allowed: str, words: Words) -> str:
    """What may stand there, nothing where that is told in English alone."""
    if found := _RANGE.fullmatch(allowed):
        return words.say("problem.range", low=_plain(found[1]), high=_plain(found[2]))
    if found := _BOUND.fullmatch(allowed):
        return words.say(f"problem.or.{found[2]}", end=_plain(found[1]))
    if known := words.known(f"problem.allowed.{slug(allowed)}", ""):
        return known
    names = [_MORE.sub("…", name) for name in allowed.split(", ")]
    if words.language == "en" or _are_names(names):
        return plain_line(", ".join(names), 400)
    return ""


def _are_names(names: Sequence[str]) -> bool:
    return all(name == "…" or _NAME.fullmatch(name) for name in names)


def _plain(number: str) -> str:
    return number.replace("-", "−")
