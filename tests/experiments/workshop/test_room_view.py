"""What the facilitator's page makes of a room: graphs, tables, files, and its words."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any, cast

import pytest

from experiments.workshop import room_view
from experiments.workshop.answers import Answer, Ask
from experiments.workshop.engine import Engine
from experiments.workshop.files import file_of, scenario_of_file
from experiments.workshop.graphs import graph_list
from experiments.workshop.room import MOST, Collected, Room
from experiments.workshop.room_board import (
    MOST_SHOWN,
    Board,
    Moved,
    archive,
    most_moved,
    moved_rows,
    result_rows,
    told_moves,
)
from experiments.workshop.room_graph import LETTERS, WIDER, graph_of, large
from experiments.workshop.view import START, Graph
from experiments.workshop.wording import own_sentences, words_of
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library

if TYPE_CHECKING:
    from experiments.workshop.host import Host

HOSTILE = '=cmd|"/c calc"!A1'


def scenario(title: str = "More care", **given: object) -> ScenarioFile:
    return ScenarioFile.model_validate({"id": "own", "title": title, **given})


def sent(*scenarios: ScenarioFile, sender: str = "") -> tuple[Collected, ...]:
    room = Room("token-of-a-test")
    for number, one in enumerate(scenarios):
        room.send(str(number), one, sender)
    desk = room.desk("token-of-a-test", "")
    assert desk is not None
    return desk.collected()


class Asked:
    """Stands for an engine that is only asked."""

    draws = 12

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self.forgotten = 0

    def ask(self, ask: Ask) -> None:
        self.asks.append(ask)

    def forget(self, client: str) -> None:
        self.forgotten += 1


def board_of(engine: object) -> tuple[Board, list[int]]:
    heard: list[int] = []
    return Board(cast("Engine", engine), lambda call: call(), lambda: heard.append(1)), heard


def answered(engine: Engine, collected: tuple[Collected, ...]) -> Board:
    board, _ = board_of(engine)
    for one in collected:
        board.answers[one.key] = engine.answer(one.scenario, board.graphs)
    return board


# What is shown, and what is asked


def test_three_scenarios_are_shown_and_no_fourth() -> None:
    board, _ = board_of(Asked())
    assert [board.choose(key) for key in "abcd"] == [True, True, True, False]
    assert board.shown == ("a", "b", "c")
    assert board.choose("b")
    assert board.choose("d")
    assert board.shown == ("a", "c", "d")
    assert len(board.shown) == MOST_SHOWN


def test_those_in_the_graphs_are_asked_for_first_and_nothing_twice() -> None:
    engine = Asked()
    board, _ = board_of(engine)
    first, second = collected = sent(scenario("A"), scenario("B"))
    board.choose(second.key)
    board.ask(collected)
    board.ask(collected)
    (ask,) = engine.asks
    assert ask.scenarios == (second.scenario, first.scenario)
    assert ask.graphs == START


def test_answers_reach_their_scenario_and_late_ones_none() -> None:
    engine = Asked()
    board, heard = board_of(engine)
    first, second = collected = sent(scenario("A"), scenario("B"))
    board.ask(collected)
    old = engine.asks[0]
    answer = Answer(fans=(), draws=12, most=12)
    old.told(1, answer)
    assert board.answers == {second.key: answer}
    assert heard == [1]
    board.ask((first,))
    assert board.answers == {}
    old.told(0, answer)
    assert board.answers == {}
    board.ask(())
    board.close()
    assert engine.forgotten == 2


def test_a_deleted_scenario_is_shown_no_more() -> None:
    board, _ = board_of(Asked())
    first, second = collected = sent(scenario("A"), scenario("B"))
    board.choose(first.key)
    board.choose(second.key)
    board.ask(collected[1:])
    assert board.shown == (second.key,)


# Tables


def test_what_was_moved_most_comes_first_with_lowest_median_and_highest() -> None:
    made = [
        scenario(levers={"SD1": 20, "SD2": 10}),
        scenario(levers={"SD1": 60}, trends={"F1": -50}),
        scenario(levers={"SD1": 100}),
    ]
    rows = most_moved(made)
    assert rows == [
        Moved("levers.SD1", 3, 20, 60, 100),
        Moved("levers.SD2", 1, 10, 10, 10),
        Moved("trends.F1", 1, -50, -50, -50),
    ]
    words = words_of("nl", library().texts)
    told = moved_rows(rows, 3, words)
    assert told[0][0].startswith("SD1 ")
    assert told[0][1:] == ("3 van 3", "+20", "+60", "+100")
    assert told[2][1:] == ("1 van 3", "−50", "−50", "−50")
    assert told_moves(made[1], library(), words)[0].endswith("60")


def test_what_has_no_position_is_counted_and_has_empty_cells() -> None:
    central = scenario(central_trends=True)
    rows = moved_rows(most_moved([central]), 1, words_of("en", library().texts))
    assert rows[0][1:] == ("1 of 1", "", "", "")


def test_the_table_has_current_policy_then_each_scenario(engine: Engine) -> None:
    words = words_of("en", engine.library.texts)
    still, moved, waits = collected = sent(
        scenario("Still"), scenario("Moved", levers={"SD1": 100}), scenario("Moved")
    )
    board = answered(engine, (still, moved))
    rows = result_rows(board, collected, words, engine.catalogue)
    policy, first, second, third = rows
    assert [row[0] for row in rows[1:]] == ["Still", "Moved", "Moved (2)"]
    assert policy[2] == policy[4] == "0"
    assert first[1:] == policy[1:]
    assert second[1] != policy[1]
    assert second[2].startswith("−")
    assert third[1] == words.say("page.graph.waiting")
    assert {len(row) for row in rows} == {6}
    assert waits.key not in board.answers


# The download


def archived(engine: Engine, collected: tuple[Collected, ...]) -> dict[str, bytes]:
    words = words_of("en", engine.library.texts)
    board = answered(engine, collected)
    packed = archive(board, collected, words, engine.catalogue, file_of)
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_all_can_be_taken_away_and_read_again(engine: Engine) -> None:
    made = scenario("More care", note="why\nso", levers={"SD1": 60}, trends={"F1": -20})
    files = archived(engine, sent(made, scenario("../../etc/passwd"), sender="Table 3"))
    scenarios = [name for name in files if name.startswith("scenarios/")]
    assert scenarios == ["scenarios/001-more-care.yaml", "scenarios/002-etc-passwd.yaml"]
    for name in scenarios:
        scenario_of_file(name, files[name], engine.library)
    assert b"Table 3" in files[scenarios[0]]
    rows = table(files["results.csv"])
    assert [row["scenario"] for row in rows[:2]] == ["Current policy", "More care"]
    assert (rows[1]["sent_by"], rows[1]["note"], rows[1]["draws"]) == ("Table 3", "why\nso", "12")
    assert float(rows[1]["low90"]) <= float(rows[1]["median"]) <= float(rows[1]["high90"])
    moved = {row["entry"]: row["position"] for row in table(files["moved.csv"])}
    assert moved == {"levers.SD1": "60", "trends.F1": "-20"}
    assert {"seeds", "draws"} <= {row["key"] for row in table(files["model.csv"])}


def test_no_cell_is_taken_for_a_formula(engine: Engine) -> None:
    made = scenario(HOSTILE, note="@SUM(A1)", levers={"SD1": 60})
    files = archived(engine, sent(made, sender="+1+1"))
    for name in ("results.csv", "moved.csv"):
        for row in csv.reader(io.StringIO(files[name].decode("utf-8-sig"))):
            assert not [cell for cell in row if cell[:1] in ("=", "@", "\t", "\r")]
            assert "+1+1" not in row
    assert f"'{HOSTILE}" in {row["scenario"] for row in table(files["moved.csv"])}


# Graphs


def test_only_a_graph_that_is_offered_is_taken_from_a_browser(engine: Engine) -> None:
    host = cast("Host", type("Host", (), {"graphs": graph_list(engine)}))
    assert graph_of([START[0].indicator, START[0].product], host) == Graph(
        START[0].indicator, START[0].product
    )
    others: list[object] = [None, [], ["x"], ["x", "y"], [1, 2], "ab", {}]
    for held in (*others, [START[0].indicator, "<b>"]):
        assert graph_of(held, host) is None


def test_graphs_for_a_beamer_have_larger_letters_and_lines() -> None:
    small: dict[str, Any] = {
        "textStyle": {"fontSize": 13},
        "xAxis": [{"axisLabel": {"fontSize": 13}}],
        "yAxis": {"axisLabel": {"fontSize": 13}},
        "series": [{"lineStyle": {"width": 2}}, {"id": "dots"}],
    }
    made = large(small)
    assert made["textStyle"]["fontSize"] == made["xAxis"][0]["axisLabel"]["fontSize"] == LETTERS
    assert made["series"][0]["lineStyle"]["width"] == 2 * WIDER
    assert small["series"][0]["lineStyle"]["width"] == 2


# Words


def own_words() -> dict[str, Mapping[str, str]]:
    return {key: told for key, told in own_sentences().items() if key.startswith("room.")}


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_said_in_each_language_without_gaps_left(language: str) -> None:
    words = words_of(language, library().texts)
    for key, told in own_words().items():
        assert told[language].strip(), key
        assert gaps(told[language]) == gaps(told["en"]), key
        said = words.say(key, **dict.fromkeys(gaps(told["en"]), MOST))
        assert not re.search(r"[{}]", said), key


def test_what_the_room_says_exists() -> None:
    sources = Path(room_view.__file__).parent.glob("room*.py")
    text = "".join(path.read_text() for path in sources)
    said = set(re.findall(r'"((?:room|page|graphs)\.[a-z.]+[a-z])"', text))
    assert said
    assert said <= set(own_sentences())


def test_dutch_speaks_to_the_reader_as_the_rest_of_the_page_does() -> None:
    for key, told in own_words().items():
        assert not re.search(r"\b(je|jij|jouw|jullie)\b", told["nl"], re.IGNORECASE), key
