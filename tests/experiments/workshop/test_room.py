"""What a room keeps, for whom, and for how long."""

from __future__ import annotations

import hmac
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop import room as rooms
from experiments.workshop.room import (
    ENDED,
    FROZEN,
    LARGEST,
    MOST,
    MOST_OF_ADDRESS,
    MOST_OF_ONE,
    MOST_TRIES,
    OPEN,
    TRIES_SECONDS,
    Desk,
    Refused,
    Room,
    Tries,
    titles,
)
from scenarios.schema import ScenarioFile

TOKEN = "told-to-the-facilitator"
HERE = "127.0.0.1"


def scenario(title: str | None = "More care", **given: object) -> ScenarioFile:
    return ScenarioFile.model_validate(
        {"id": "own", "title": title, "levers": {"SD1": 60}, **given}
    )


def opened(room: Room) -> Desk:
    desk = room.desk(TOKEN, HERE)
    assert desk is not None
    return desk


@pytest.fixture
def room() -> Room:
    return Room(TOKEN)


def names(desk: Desk) -> list[str | None]:
    return [one.scenario.title for one in desk.collected()]


def refused(room: Room, page: str, given: ScenarioFile) -> str:
    with pytest.raises(Refused) as told:
        room.send(page, given)
    return told.value.key


def test_what_was_sent_is_kept_in_order_with_its_sender(room: Room) -> None:
    room.send("a", scenario("First", note="why\nso"), " Table  3 ")
    room.send("b", scenario("Second"))
    first, second = opened(room).collected()
    assert (first.scenario.title, first.scenario.note, first.sender) == (
        "First",
        "why\nso",
        "Table 3",
    )
    assert (second.scenario.title, second.scenario.note, second.sender) == ("Second", None, "")
    assert first.scenario.levers == {"SD1": 60}
    assert len(first.clock) == 5
    assert first.clock[2] == ":"


def test_what_is_not_asked_for_is_not_kept(room: Room) -> None:
    room.send("a", scenario(author="A. Name", date="2026-01-01", description="of somebody"))
    kept = opened(room).collected()[0].scenario
    assert (kept.author, kept.date, kept.description) == (None, None, None)


def test_a_scenario_needs_a_name_that_can_be_seen(room: Room) -> None:
    for title in (None, "", "  ", "\u202e\u200b"):
        assert (
            refused(room, "a", scenario().model_copy(update={"title": title}))
            == "room.send.unnamed"
        )
    assert opened(room).collected() == ()


def test_a_page_sends_so_many_and_no_more(room: Room) -> None:
    for _ in range(MOST_OF_ONE):
        room.send("a", scenario())
    assert refused(room, "a", scenario()) == "room.send.enough"
    room.send("b", scenario())
    opened(room).delete(opened(room).collected()[0].key)
    assert refused(room, "a", scenario()) == "room.send.enough"


def test_a_device_sends_so_many_however_often_it_loads_the_page(room: Room) -> None:
    for number in range(MOST_OF_ADDRESS):
        room.send(f"page {number}", scenario(), "", HERE)
    with pytest.raises(Refused) as told:
        room.send("another page", scenario(), "", HERE)
    assert told.value.key == "room.send.enough.address"
    assert told.value.fill == {"most": MOST_OF_ADDRESS}
    room.send("another page", scenario(), "", "10.0.0.2")
    room.send("a page whose address nobody knows", scenario())
    desk = opened(room)
    desk.end()
    desk.begin()
    room.send("another page", scenario(), "", HERE)
    assert len(desk.collected()) == 1


def test_a_room_is_full_at_last_and_has_room_again_after_a_deletion(room: Room) -> None:
    for number in range(MOST):
        room.send(f"page {number}", scenario(f"{number}"))
    assert refused(room, "late", scenario()) == "room.send.full"
    opened(room).delete(opened(room).collected()[0].key)
    room.send("late", scenario("Late"))
    assert names(opened(room))[-1] == "Late"


def test_a_scenario_that_is_too_large_is_refused(room: Room) -> None:
    levers = {f"measure-{number:05d}": 1 for number in range(LARGEST // 10)}
    assert refused(room, "a", scenario(levers=levers)) == "room.send.large"


def test_all_that_fits_in_a_room_fits_in_one_message_of_a_browser(room: Room) -> None:
    note = "\N{GRINNING FACE}" * 1000
    for number in range(MOST):
        room.send(f"page {number}", scenario(note=note), "s" * 60)
    assert len(json.dumps(opened(room).held(), ensure_ascii=False).encode()) < 1_000_000


def test_the_facilitator_stops_and_allows_sending(room: Room) -> None:
    desk = opened(room)
    desk.freeze(True)
    assert room.state == FROZEN
    assert refused(room, "a", scenario()) == "room.send.frozen"
    desk.freeze(False)
    room.send("a", scenario())
    assert room.state == OPEN
    assert len(desk.collected()) == 1


def test_scenarios_move_up_and_down_and_no_further(room: Room) -> None:
    desk = opened(room)
    for name in "ABC":
        room.send("a", scenario(name))
    first, second, _ = (one.key for one in desk.collected())
    desk.move(first, -1)
    assert names(desk) == ["A", "B", "C"]
    desk.move(first, 1)
    assert names(desk) == ["B", "A", "C"]
    desk.move(second, 1)
    desk.move(second, 1)
    desk.move(second, 1)
    desk.move("unknown", 1)
    assert names(desk) == ["A", "C", "B"]


def test_nothing_is_left_after_the_end(room: Room) -> None:
    desk = opened(room)
    room.send("a", scenario("Told in confidence", note="by nobody"), "Somebody")
    held = desk.held()
    desk.end()
    assert room.state == ENDED
    assert desk.collected() == ()
    assert "confidence" not in repr(vars(room))
    assert "Somebody" not in repr(vars(room))
    assert refused(room, "a", scenario()) == "room.send.ended"
    desk.freeze(False)
    assert room.state == ENDED
    assert desk.restore(held) == 0  # a tab that slept through the end
    desk.begin()
    assert desk.restore(held) == 0
    assert room.state == OPEN
    assert desk.collected() == ()
    for _ in range(MOST_OF_ONE):
        room.send("a", scenario())


def test_a_server_that_was_started_anew_gets_the_list_back(room: Room) -> None:
    for name in "AB":
        room.send("a", scenario(name, note="a note"), "Table 3")
    before = opened(room)
    before.move(before.collected()[0].key, 1)
    before.freeze(True)
    held = json.loads(json.dumps(before.held()))
    after = opened(Room(TOKEN))
    assert after.earlier(held) == 2
    assert after.collected() == ()  # nothing comes back unasked
    assert after.restore(held) == 2
    assert after.earlier(held) == 0
    assert after.collected() == before.collected()
    assert after.room.state == FROZEN
    assert after.restore(held) == 0


def test_a_running_server_takes_nothing_from_a_browser(room: Room) -> None:
    desk = opened(room)
    room.send("a", scenario())
    held = desk.held()
    desk.delete(desk.collected()[0].key)
    assert desk.restore(held) == 0
    assert desk.collected() == ()


def test_what_was_deleted_after_a_restart_does_not_come_back_from_a_second_tab(room: Room) -> None:
    room.send("a", scenario())
    held = opened(room).held()
    after = opened(Room(TOKEN))
    assert after.restore(held) == 1
    after.delete(after.collected()[0].key)
    assert after.restore(held) == 0
    assert after.collected() == ()


def test_an_end_after_a_restart_ends_it_for_tabs_that_held_it_before(room: Room) -> None:
    room.send("a", scenario("Told in confidence"))
    held = opened(room).held()
    after = opened(Room(TOKEN))
    assert after.restore(held) == 1
    again = after.held()
    assert again["room"] == held["room"]
    after.end()
    after.begin()
    assert after.earlier(held) == after.earlier(again) == 0
    assert after.restore(held) == 0


def test_what_the_facilitator_deletes_is_offered_by_no_other_tab(room: Room) -> None:
    room.send("a", scenario())
    held = opened(room).held()
    after = opened(Room(TOKEN))
    assert after.earlier(held) == 1
    after.forget(held)
    assert after.earlier(held) == after.restore(held) == 0
    after.forget(after.held())  # its own workshop goes on
    after.room.send("a", scenario())
    assert after.room.state == OPEN
    assert len(after.collected()) == 1


def test_what_comes_back_fills_a_room_and_no_more() -> None:
    full = Room(TOKEN)
    for number in range(MOST):
        full.send(f"page {number}", scenario(f"{number}"))
    after = opened(Room(TOKEN))
    after.room.send("a", scenario("New"))
    assert after.restore(opened(full).held()) == MOST - 1
    assert len(after.collected()) == MOST


ROWS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("room", "frozen", "collected", "key", "scenario", "sender", "clock")),
            inner,
            max_size=7,
        )
    ),
    max_leaves=12,
)


@given(ROWS)
def test_anything_a_browser_could_hold_is_taken_without_a_fault(held: object) -> None:
    desk = opened(Room(TOKEN))
    count = desk.earlier(held)
    assert desk.restore(held) == count == len(desk.collected())
    assert all(one.scenario.title for one in desk.collected())


def test_a_wrong_token_opens_nothing(room: Room) -> None:
    for token in ("", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\ud800", "é"):
        assert room.desk(token, HERE) is None


def test_tokens_are_compared_in_constant_time(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        seen.append((one, other))
        return same(one, other)

    same = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    room.desk("wrong", HERE)
    assert seen == [(b"wrong", TOKEN.encode())]


def test_after_many_wrong_tokens_an_address_waits_and_others_do_not() -> None:
    now = [0.0]
    room = Room(TOKEN, Tries(lambda: now[0]))
    for _ in range(MOST_TRIES):
        assert room.desk("wrong", HERE) is None
    with pytest.raises(Refused) as told:
        room.desk("wrong too", HERE)
    assert (told.value.key, told.value.fill) == ("room.token.wait", {"seconds": 60})
    assert room.desk(TOKEN, "10.0.0.2") is not None
    assert room.desk(TOKEN, HERE) is not None  # nobody locks the facilitator out
    with pytest.raises(Refused):
        room.desk("wrong", HERE)
    now[0] = TRIES_SECONDS + 1
    assert room.desk("wrong", HERE) is None


def test_addresses_that_tried_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_ADDRESSES", 3)
    tries = Tries(lambda: 0.0)
    for number in range(10):
        tries.failed(f"10.0.0.{number}")
    assert len(tries._wrong) == 3


def test_pages_are_counted_once_each(room: Room) -> None:
    counts = []
    room.listen(lambda: counts.append(room.pages))
    room.joined("a")
    room.joined("a")
    room.joined("b")
    room.left("a")
    room.left("never")
    assert counts == [1, 1, 2, 1, 1]


def test_listeners_hear_until_they_stop_and_one_that_fails_is_no_matter(room: Room) -> None:
    heard: list[str] = []

    def broken() -> None:
        heard.append("broken")
        raise RuntimeError("a page")

    stop = room.listen(broken)
    room.listen(lambda: heard.append("whole"))
    room.send("a", scenario())
    stop()
    stop()
    room.send("a", scenario())
    assert heard == ["broken", "whole", "whole"]
    assert len(opened(room).collected()) == 2


def test_the_same_name_twice_gets_a_number(room: Room) -> None:
    for name in ("A", "B", "A", "A"):
        room.send("a", scenario(name))
    told = list(titles(opened(room).collected()).values())
    assert told == ["A", "B", "A (2)", "A (3)"]


@given(st.text(max_size=120), st.text(max_size=120))
def test_names_are_plain_short_lines(title: str, sender: str) -> None:
    room = Room(TOKEN)
    given = scenario().model_copy(update={"title": f"A {title}", "note": title})
    room.send("a", given, sender)
    kept = opened(room).collected()[0]
    for line in (kept.scenario.title or "", kept.sender):
        assert line.isprintable()
        assert line == line.strip()
        assert len(line) <= 80
        assert all(pair != (" ", " ") for pair in pairwise(line))
