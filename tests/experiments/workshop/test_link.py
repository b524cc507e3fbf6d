"""A link holds the whole view, restores it exactly, and never breaks."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.workshop import moves
from experiments.workshop.link import (
    FIRST,
    LARGEST_LINK,
    LARGEST_STATE,
    WORDS,
    fits,
    link_of,
    view_of,
)
from experiments.workshop.plain import plain_line, plain_text
from experiments.workshop.problems import told
from experiments.workshop.view import OWN, Graph, View, idle
from experiments.workshop.wording import words_of
from scenarios.schema import ChangeEntry, ScenarioFile, Settings
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library, offered

LIBRARY, OFFERED = library(), offered()
OWNERS = OFFERED.products("waiting")
TEXT = st.text(max_size=60)

KNOWN_WORDS = 3553305780
KEPT = "1.ePnTyyS0gwkaIQtC4srIAOoXoNHYygozA6hz_A6vBBbmwLBLzCzWUUgDZqjDyxPBAwMgx4E9p2tsUFtbCwCotCFB"


def put(name: str, share: int) -> float:
    low, high = (0, 100) if name not in LIBRARY.measures else LIBRARY.measures[name].entry.range
    return float(low + round(share * (high - low) / 100))


SHARES = st.integers(0, 100)
LEVERS = st.dictionaries(st.sampled_from(LIBRARY.levers), SHARES, max_size=20).map(
    lambda found: {name: put(name, share) for name, share in found.items()}
)
TRENDS = st.dictionaries(
    st.sampled_from(LIBRARY.trends), st.integers(-100, 100).map(float), max_size=8
)
SCENARIOS = st.builds(
    lambda levers, trends, central, rules, blocks, extra, name, note: ScenarioFile(
        id=OWN,
        levers=levers,
        trends=trends,
        central_trends=central,
        rules=rules,
        blocks=blocks,
        settings=extra,
        author=plain_line(note) or None,
        date="2026-01-31" if central else None,
        description=plain_text(name) or None,
        title=plain_line(name) or None,
        note=plain_text(note) or None,
    ),
    LEVERS,
    TRENDS,
    st.booleans(),
    st.lists(st.sampled_from(list(LIBRARY.rules)), unique=True, max_size=3),
    st.lists(st.sampled_from(list(LIBRARY.blocks)), max_size=2),
    st.none() | st.sampled_from([Settings(), Settings(floor=0.2)]),
    TEXT,
    TEXT,
)
PRESETS = st.sampled_from(list(LIBRARY.futures)).map(lambda name: moves.preset(name, LIBRARY))
GRAPHS = st.builds(
    Graph,
    st.sampled_from(OFFERED.indicators),
    st.sampled_from(OWNERS),
    st.sampled_from(OFFERED.regions),
    st.sampled_from(OFFERED.ages),
)


@st.composite
def views(draw: st.DrawFn) -> View:
    saved = tuple(draw(st.lists(SCENARIOS | PRESETS, max_size=4)))
    numbers = st.lists(st.integers(0, max(len(saved) - 1, 0)), unique=True, max_size=2)
    return View(
        scenario=draw(SCENARIOS | PRESETS),
        graphs=draw(st.tuples(GRAPHS, GRAPHS)),
        saved=saved,
        overlaid=tuple(draw(numbers)) if saved else (),
        card=draw(st.sampled_from(["", *moves.CARDS])),
    )


@given(views())
def test_a_link_restores_the_view_exactly(view: View) -> None:
    link = link_of(view)
    assert view_of(link, LIBRARY, OFFERED) == (view, [])
    assert link == link_of(view_of(link, LIBRARY, OFFERED)[0])
    assert all(c.isalnum() or c in "-_." for c in link)


def test_positions_are_whole_numbers_in_a_link() -> None:
    view = View(ScenarioFile(id=OWN, levers={"SD1": 40.4}, trends={"F1": -10.6}))
    found = view_of(link_of(view), LIBRARY, OFFERED)[0].scenario
    assert (found.levers, found.trends) == ({"SD1": 40.0}, {"F1": -11.0})


def test_long_texts_are_cut_and_that_can_be_seen() -> None:
    long = ScenarioFile(id=OWN, title="t" * 200, note="n" * 5000)
    found = view_of(link_of(View(long)), LIBRARY, OFFERED)[0].scenario
    assert found.title == "t" * 200
    assert found.note == "n" * 999 + "…"


def test_notes_of_changes_are_plain_text() -> None:
    change = {"handle": "capacity", "from": "2026-01", "multiplier": 0.8, "note": "a\u202eb\u0007"}
    view, problems = view_of(packed({"s": {"x": [change]}}), LIBRARY, OFFERED)
    assert [one.note for one in view.scenario.changes] == ["ab"]
    assert [one.key for one in problems] == ["problem.link.text"]
    raw = ScenarioFile(id=OWN, changes=[ChangeEntry.model_validate(change)])
    assert view_of(link_of(View(raw)), LIBRARY, OFFERED) == (View(view.scenario), [])


def test_what_fits_can_be_opened() -> None:
    assert fits(View())
    random = np.random.default_rng(1)
    notes = ["".join(map(chr, random.integers(0x4E00, 0x9FA5, 1000))) for _ in range(12)]
    assert not fits(View(saved=tuple(ScenarioFile(id=OWN, note=note) for note in notes)))


def test_links_are_short() -> None:
    names = list(LIBRARY.measures)[: 7 * 10 : 7]
    ten = dict(zip(names, range(5, 55, 5), strict=True))
    scenario = ScenarioFile(id=OWN, levers={name: float(x) for name, x in ten.items()})
    assert len(link_of(View(scenario))) < 200
    named = scenario.model_copy(update={"title": "Meer zorg, minder wachten", "note": "Voor later"})
    twelve = [
        named.model_copy(
            update={
                "title": f"Scenario {i}",
                "levers": {
                    name: float(range_end(name, i)) for name in list(LIBRARY.measures)[i::7]
                },
                "trends": {"F1": float(5 * i)},
            }
        )
        for i in range(12)
    ]
    assert len(link_of(View(scenario, saved=tuple(twelve)))) < 4000


def range_end(name: str, i: int) -> int:
    return LIBRARY.measures[name].entry.range[1] - 3 * i


def test_the_words_of_links_never_change() -> None:
    # Links that people hold were made with these: a new list needs a new version of links.
    assert zlib.adler32(WORDS) == KNOWN_WORDS


def test_a_link_of_version_1_is_read_for_ever() -> None:
    view, problems = view_of(KEPT, LIBRARY, OFFERED)
    assert not problems
    assert view.scenario.levers == {"SD1": 50.0, "1.1": 20.0, "port-interdiction": 60.0}
    assert view.scenario.trends == {"F4": -30.0}
    assert view.scenario.title == "Néerlandais, français"
    assert view.card == "SD2"


def packed(state: object) -> str:
    packer = zlib.compressobj(9, zdict=WORDS)
    raw = packer.compress(json.dumps(state).encode()) + packer.flush()
    return f"1.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


@pytest.mark.parametrize(
    ("scenario", "named"),
    [
        ({"l": {"SD1": 40, "SD9": 10}}, "SD9"),
        ({"l": {"SD1": 40, "1.1": 300}}, "1.1"),
        ({"l": {"SD1": 40, "1.1": "<b>"}}, "1.1"),
        ({"l": {"SD1": 40}, "t": {"F12": 5}}, "F12"),
        ({"l": {"SD1": 40}, "r": ["no-such-rule"]}, "no-such-rule"),
        ({"l": {"SD1": 40}, "e": [{"driver": "F9.9", "from": "2026-01"}]}, "F9.9"),
        ({"l": {"SD1": 40}, "x": [{"handle": "wishes", "from": "2026-01"}]}, "wishes"),
        ({"l": {"SD1": 40}, "secret": 1}, "secret"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_nobody_knows_is_told_and_the_rest_restored(
    scenario: object, named: str, language: str
) -> None:
    view, problems = view_of(packed({"s": scenario}), LIBRARY, OFFERED)
    assert view.scenario == ScenarioFile(id=OWN, levers={"SD1": 40.0})
    assert len(problems) == 1
    assert named in told(problems[0], words_of(language, LIBRARY.texts))


def test_graphs_that_are_not_offered_are_told() -> None:
    state = {
        "g": [["waiting", "alcohol", "Brussels", "25-34"], ["happiness", "all", "Belgium", "all"]]
    }
    view, problems = view_of(packed(state), LIBRARY, OFFERED)
    assert view.graphs == (Graph("waiting", "alcohol", "Brussels", "25-34"), View().graphs[1])
    assert problems[0].items == ("happiness",)


def test_a_link_of_a_newer_version_and_damaged_ones_are_told() -> None:
    assert keys("2.abc") == ["problem.link.newer"]
    assert keys("1." + "A" * LARGEST_LINK) == ["problem.link.large"]
    whole = link_of(View(ScenarioFile(id=OWN, levers={"SD1": 50.0})))
    for link in ("x", "1.", "1.!!!", "1.AAAA", "9" * 50, "1.é", whole[:-3], whole + "AA"):
        assert view_of(link, LIBRARY, OFFERED)[0] == FIRST
        assert keys(link) == ["problem.link.damaged"]


def keys(link: str) -> list[str]:
    return [one.key for one in view_of(link, LIBRARY, OFFERED)[1]]


def test_a_small_link_cannot_unpack_to_much() -> None:
    bomb = packed({"s": {"n": "A" * (5 * LARGEST_STATE)}})
    assert len(bomb) < LARGEST_LINK
    assert keys(bomb) == ["problem.link.large"]


def test_many_losses_of_a_kind_are_one_sentence() -> None:
    state = {"s": {"l": {f"lever-{i}": 1 for i in range(50)}}, "k": [{"l": {"lever-1": 2}}]}
    (problem,) = view_of(packed(state), LIBRARY, OFFERED)[1]
    assert len(problem.items) == 50
    assert "42" in told(problem, words_of("de", LIBRARY.texts))


def test_names_lose_what_nobody_sees() -> None:
    state = {"s": {"n": "a\u202eb\u0000c\nd", "m": "x\u2066y\r\nz"}}
    view, _ = view_of(packed(state), LIBRARY, OFFERED)
    assert view.scenario.title == "a b c d"
    assert view.scenario.note == "xy\nz"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from([*"sgkopcltberxynmiad", "SD1", "F1"])
STATES = st.recursive(
    JSON, lambda inner: st.dictionaries(KEYS, inner | st.lists(inner, max_size=3)), max_leaves=8
)


@settings(max_examples=200)
@given(STATES)
def test_no_state_breaks_it(state: object) -> None:
    view, problems = view_of(packed(state), LIBRARY, OFFERED)
    again, none = view_of(link_of(view), LIBRARY, OFFERED)
    assert again == view
    assert not none
    for problem in problems:
        assert told(problem, words_of("nl", LIBRARY.texts))


@given(st.text() | st.from_regex(r"1\.[A-Za-z0-9_-]{0,80}", fullmatch=True))
def test_no_text_breaks_it(link: str) -> None:
    view, problems = view_of(link, LIBRARY, OFFERED)
    assert view == FIRST
    assert len(problems) == 1


@given(views(), st.data())
def test_damage_never_passes_for_a_view(view: View, data: st.DataObject) -> None:
    link = link_of(view)
    at = data.draw(st.integers(0, len(link) - 1))
    end = at + data.draw(st.integers(0, 3))
    hurt = link[:at] + data.draw(st.text("Aa0-_.%é", max_size=2)) + link[end:]
    found, problems = view_of(hurt, LIBRARY, OFFERED)
    # The last character of base64 may hold bits that say nothing.
    assert found == view or (found == FIRST and problems)


def test_the_first_view_needs_hardly_a_word() -> None:
    assert len(link_of(View(idle()))) < 24
