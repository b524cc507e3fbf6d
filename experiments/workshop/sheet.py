"""The printable report of what a page shows: two pages of A4, tagged PDF, in its language.

Names and notes reach the layout as data, so nothing in them is read as markup.
"""

from __future__ import annotations

import math
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.comparisons.compare import KEY
from experiments.report.blocks import (
    Block,
    Break,
    Bullets,
    Heading,
    Link,
    Picture,
    Report,
    Row,
    Table,
    Text,
)
from experiments.report.written import pdf
from experiments.workshop.answers import LAST_YEAR, Change
from experiments.workshop.entries import percent, signed_interval
from experiments.workshop.estimate import bands, change_of
from experiments.workshop.export_numbers import Drawn, Numbers, everyone, graph_name
from experiments.workshop.export_picture import shortened, small
from experiments.workshop.flags import MOST_NAMES, Flag
from experiments.workshop.flags import told as flag_told
from experiments.workshop.moved import Moved, moved_of
from experiments.workshop.share import only_here
from experiments.workshop.view import Graph
from experiments.workshop.wording import Words

KEY_GRAPHS = (
    *(Graph(indicator, product) for indicator, product in KEY),
    Graph("overdose_deaths", "any_illegal"),
)
"""What every sheet compares besides its own graphs."""
MOST_MOVED = 24  # rows of what was moved, the farthest from nothing first
MOST_OVERLAID_MOVED = 6  # named of a scenario that is laid over
MOST_LINES = 8  # of a note; more stand behind each other
LONGEST_NOTE, LONGEST_LINK, LONGEST_TITLE = 1500, 420, 120
# What the typeface of the sheet has; anything else would be an empty box, or refuse the file.
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
LONG_WORD, PIECE = re.compile(r"\S{40,}"), 10  # may be broken at any so many letters, to fit a cell


def sheet(numbers: Numbers) -> bytes:
    """The two pages. ``numbers`` hold the graphs of the page first, then those of KEY_GRAPHS."""
    with tempfile.TemporaryDirectory() as name:
        return pdf(report_of(numbers, Path(name)))


def report_of(numbers: Numbers, folder: Path) -> Report:
    """The report; its pictures are written to ``folder``."""
    words = numbers.words
    first = (*_moved(numbers), *_graphs(numbers, folder))
    second = (*_table(numbers), *_flags(numbers), *_note(numbers), *_reading(numbers))
    return Report(
        language=words.language,
        title=printable(shortened(numbers.own.name, LONGEST_TITLE)),
        subtitle=words.say("export.sheet.subtitle", year=LAST_YEAR),
        foot=words.say("foot"),
        contents="",
        blocks=(*first, Break(), *second),
        layout="sheet",
    )


def printable(told: str) -> str:
    """A text with a box for what the typeface lacks, and without what cannot be seen."""
    found = []
    for letter in unicodedata.normalize("NFC", told):
        kind = unicodedata.category(letter)
        if letter == "\n" or (kind[0] in "LM" and _known(letter)):
            found.append(letter)
        elif kind[0] in "NPZ" or letter in "+<=>|~^`$€£°±×÷©®−≈":
            found.append(letter if ord(letter) < 0x2100 or letter in "−≈" else "□")
        elif kind[0] != "C":
            found.append("□")
    return LONG_WORD.sub(_breakable, "".join(found))


def _breakable(word: re.Match[str]) -> str:
    letters = word[0]
    return "\u200b".join(letters[k : k + PIECE] for k in range(0, len(letters), PIECE))


def _known(letter: str) -> bool:
    return ord(letter) < 0x2000 and unicodedata.name(letter, "").startswith(
        (*SCRIPTS, "COMBINING", "FEMININE", "MASCULINE", "MICRO")
    )


def _moved(numbers: Numbers) -> list[Block]:
    """What the scenario moves, in two tables side by side."""
    words = numbers.words
    scenario = numbers.own.scenario
    assert scenario is not None
    found = moved_of(scenario, numbers.library, words)
    blocks: list[Block] = [Heading(1, words.say("export.moved"))]
    if not found:
        return [*blocks, Text(words.say("export.moved.none"))]
    shown = found[:MOST_MOVED]
    half = -(-len(shown) // 2)
    parts = [shown] if len(shown) < 4 else [shown[:half], shown[half:]]
    tables = tuple(_moved_table(part, words, i, len(parts)) for i, part in enumerate(parts))
    if len(tables) > 1:
        blocks.append(Text(words.say("export.moved.scale")))
    blocks.append(Row(tables) if len(tables) > 1 else tables[0])
    if len(found) > len(shown):
        rest = len(found) - len(shown)
        blocks.append(Text(words.say("export.moved.more", n=words.count(rest)), important=True))
    return blocks


def _moved_table(part: Sequence[Moved], words: Words, i: int, of: int) -> Table:
    caption = words.say("export.moved.scale")
    if of > 1:
        caption = words.say("part", caption=words.say("export.moved"), part=i + 1, parts=of)
    return Table(
        caption=caption,
        header=tuple(words.say(f"export.moved.{key}") for key in ("what", "position", "means")),
        rows=tuple((printable(one.name), one.position, one.means) for one in part),
        numbers=(1,),
        widths=(3.2, 0.8, 1.3),
    )


def _graphs(numbers: Numbers, folder: Path) -> list[Block]:
    """The two graphs of the page side by side, each with its sentence."""
    words, pictures = numbers.words, []
    for g in range(2):
        path = folder / f"{g}.svg"
        path.write_bytes(small(numbers, g))
        said = sentence(numbers, g)
        title = " · ".join((*graph_name(numbers.graphs[g], words), numbers.shown(g)[0]))
        alt = words.say("export.alt", title=title)
        pictures.append(Picture(path, said, f"{alt} {said}"))
    own = printable(shortened(numbers.own.name))
    told = [words.say("export.key", name=own)]
    for one, look in zip(numbers.scenarios[2:], ("dotted", "dashdot"), strict=False):
        told.append(words.say(f"export.key.{look}", name=printable(shortened(one.name))))
    told.append(words.say("export.key.dots"))
    return [
        Heading(1, words.say("export.graphs", year=LAST_YEAR)),
        Row(tuple(pictures)),
        Text(" ".join(told)),
    ]


def sentence(numbers: Numbers, graph: int) -> str:
    """What a graph says of the last year, with intervals, and the change draw by draw."""
    words, reference = numbers.words, numbers.scenarios[0]
    value = cell(numbers, numbers.own, graph)
    told = words.say(
        "export.sentence",
        year=LAST_YEAR,
        value=value,
        reference=cell(numbers, reference, graph),
        unit=numbers.shown(graph)[0],
    )
    change = change_in(numbers, numbers.own, graph)
    if not math.isfinite(change.median):
        return words.say("export.nothing")
    if same(change):
        return f"{told} {words.say('export.sentence.same')}"
    more = words.say(
        "export.sentence.change",
        change=told_change(words, change),
        share=percent(change.agree, words),
    )
    return f"{told} {more}"


def cell(numbers: Numbers, one: Drawn, graph: int) -> str:
    """Median and 90% interval of a scenario in the last year."""
    _, factor = numbers.shown(graph)
    low, _, median, _, high = factor * bands(one.values[graph][:, -1:])[:, 0]
    return numbers.words.interval(median, low, high)


def change_in(numbers: Numbers, one: Drawn, graph: int) -> Change:
    """Paired change against current policy in the last year, in the unit shown."""
    _, factor = numbers.shown(graph)
    reference = numbers.scenarios[0].values[graph]
    return change_of(factor * one.values[graph][:, -1], factor * reference[:, -1])


def same(change: Change) -> bool:
    """Whether nothing changes in any draw that the interval holds."""
    return change.low == change.median == change.high == 0.0


def told_change(words: Words, change: Change) -> str:
    """A change with its interval, signs shown."""
    return signed_interval((change.median, change.low, change.high), words)


def _table(numbers: Numbers) -> list[Block]:
    """Outcomes in the last year: current policy, and how each scenario differs from it."""
    words = numbers.words
    others = numbers.scenarios[1:]
    names = [printable(shortened(one.name, 48)) for one in others]
    rows = []
    for g, graph in enumerate(numbers.graphs):
        if graph in numbers.graphs[:g] or not np.isfinite(numbers.scenarios[0].values[g]).any():
            continue
        what, whose = graph_name(graph, words)
        name = what if everyone(graph) else f"{what} ({whose})"
        changes = [change_in(numbers, one, g) for one in others]
        told = [words.say("export.same") if same(c) else told_change(words, c) for c in changes]
        rows.append(
            (f"{name}, {numbers.shown(g)[0]}", cell(numbers, numbers.scenarios[0], g), *told)
        )
    changed = [words.say("export.table.change", name=name) for name in names]
    table = Table(
        caption=words.say("export.table.caption", year=LAST_YEAR),
        header=(words.say("export.table.what"), numbers.scenarios[0].name, *changed),
        rows=tuple(rows),
        numbers=tuple(range(1, 2 + len(others))),
        widths=(2.2, *(1.4,) * (1 + len(others))),
    )
    heading = Heading(1, words.say("export.table", year=LAST_YEAR))
    overlaid = tuple(_overlaid(one, numbers) for one in numbers.scenarios[2:])
    return [heading, table, *([Bullets(overlaid)] if overlaid else [])]


def _overlaid(one: Drawn, numbers: Numbers) -> tuple[str, str]:
    """The name of a scenario that is laid over, and what it moves the farthest."""
    words = numbers.words
    assert one.scenario is not None
    found = moved_of(one.scenario, numbers.library, words)
    names = [" ".join((each.name, each.position)).strip() for each in found]
    told = "; ".join(names[:MOST_OVERLAID_MOVED]) or words.say("export.moved.none")
    more = len(names) - MOST_OVERLAID_MOVED
    if more > 0:
        told = words.say("flag.more", names=told, count=more)
    return f"{printable(shortened(one.name, 48))}:", printable(told)


def _flags(numbers: Numbers) -> list[Block]:
    words = numbers.words
    told = list(_told(numbers))
    lost = max(one.lost for one in numbers.scenarios)
    if lost:
        told.append(words.say("export.lost", lost=words.count(lost)))
    items = dict.fromkeys((words.say("export.caution"), *told, words.say("export.assumed")))
    heading = Heading(1, words.say("export.flags"))
    return [heading, Bullets(tuple(("", printable(one)) for one in items))]


def _told(numbers: Numbers) -> Iterator[str]:
    """All flags; those that hold of some graphs alone name them."""
    words = numbers.words
    of: dict[str, list[str]] = {}
    widest: dict[str, list[Flag]] = {}
    for graph, flags in zip(numbers.graphs, numbers.flags, strict=True):
        what, whose = graph_name(graph, words)
        name = what if everyone(graph) else f"{what} ({whose})"
        for flag in flags:
            told = flag_told(flag, words)
            if flag.names:  # what it is about stands in it; a union says what its parts would
                widest.setdefault(flag.key, []).append(flag)
            else:
                of.setdefault(told, []).append(name)
    for same_key in widest.values():
        named = [set(flag.names[:MOST_NAMES]) for flag in same_key]
        kept = [f for f in same_key if not any(set(f.names) < names for names in named)]
        yield from dict.fromkeys(flag_told(flag, words) for flag in kept)
    for told, names in of.items():
        yield f"{'; '.join(dict.fromkeys(names))}. {told}"


def _note(numbers: Numbers) -> list[Block]:
    """The note of the scenario, and those of the ones laid over it."""
    words, found = numbers.words, []
    for number, one in enumerate(numbers.scenarios[1:]):
        lines = [" ".join(line.split()) for line in _text(one).splitlines()]
        told = [line for line in lines if line]
        if told:
            whole = ("\n" if len(told) <= MOST_LINES else " ¶ ").join(told)
            longest = LONGEST_NOTE if number == 0 else LONGEST_NOTE // 5
            if len(whole) > longest:
                left = words.count(len(whole) - longest)
                whole = f"{whole[:longest]}… {words.say('export.note.more', n=left)}"
            found.append(
                (f"{printable(shortened(one.name, 48))}:" if number else "", printable(whole))
            )
    if not found:
        return []
    own = [Text(text) for name, text in found if not name]
    rest = tuple((name, text) for name, text in found if name)
    return [Heading(1, words.say("export.note")), *own, *([Bullets(rest)] if rest else [])]


def _text(one: Drawn) -> str:
    return "" if one.scenario is None else one.scenario.note or ""


def _reading(numbers: Numbers) -> list[Block]:
    words, found = numbers.words, numbers.provenance
    rows = [
        (words.say("provenance.source"), found.get("source", "")),
        (words.say("export.draws"), words.count(numbers.draws)),
        (words.say("provenance.seeds"), found.get("seeds", "")),
        *(
            (words.say(f"provenance.{key}"), found.get(key, "") or "–")
            for key in ("parameter_table_hash", "levers_hash", "posterior_hash")
        ),
    ]
    table = Table(
        caption=words.say("provenance.caption"),
        header=(words.say("column.what"), words.say("column.value")),
        rows=tuple((key, printable(value)) for key, value in rows),
        widths=(1.0, 3.0),
    )
    link = numbers.link
    shown = link if len(link) <= LONGEST_LINK else f"{link[:LONGEST_LINK]}…"
    more = "" if shown == link else f" {words.say('export.link.cut')}"
    more += f" {words.say('export.link.here')}" if only_here(link) else ""
    return [
        Heading(1, words.say("export.reading.title")),
        Text(words.say("export.reading")),
        Heading(1, words.say("section.provenance")),
        table,
        Text(f"{words.say('export.link')}{more}"),
        Link(shown, link),
    ]
