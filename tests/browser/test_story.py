"""The story of a facilitator, in every language and at both widths."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from experiments.workshop.cards import measures_of
from experiments.workshop.link import WORDS
from scenarios.texts import LANGUAGES
from tests.browser.acting import HALFWAY, YEAR, Actor, acting
from tests.browser.serving import BEAMER, TABLET, TOKEN, Server
from tests.experiments.workshop.conftest import library

pytestmark = pytest.mark.browser

ENDS = ("median", "low90", "high90")  # columns of the table
NAME, NOTE = "Tafel 1 <b>& co</b>", "=1+1 <script>alert(1)</script>\nTweede regel"


@pytest.mark.parametrize("size", [BEAMER, TABLET], ids=["beamer", "tablet"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_facilitator_tells_a_story(
    chrome: Browser, server: Server, language: str, size: tuple[int, int]
) -> None:
    with acting(chrome, server, language, size) as one:
        for act in (
            begins,
            moves_levers,
            chooses_graphs,
            goes_back,
            saves,
            compares,
            reads,
            switches,
            shares,
            gives_away,
            keeps_a_file,
            looks_around,
        ):
            act(one)


def begins(one: Actor) -> None:
    """The first view says what it is; a preset changes the numbers."""
    one.open(f"/{one.language}")
    expect(one.page.get_by_text(one.say("page.intro"))).to_be_in_viewport()
    for number in (1, 2):
        expect(one.graph(number).get_by_role("img")).to_be_in_viewport()
        assert one.say("page.graph.same") in one.line(number)
    with one.change():
        presets = one.page.get_by_role("combobox", name=one.say("page.preset"), exact=True)
        presets.select_option(label=one.words.name("scenario.strategy-sd1"))
    expect(one.slider(one.ambition("SD1"))).to_have_value("100")
    expect(presets).to_have_value("strategy-sd1")


def moves_levers(one: Actor) -> None:
    """A hand moves SD2; a measure of 1.1 and a trend are moved too."""
    one.card("SD2").click()
    before = one.line(1), one.line(2)
    preview = one.say("page.status.preview", draws=0, most=0).rsplit(maxsplit=1)[-1]
    with one.change():
        for step in one.drag(one.ambition("SD2"), _place(one)):
            if step == HALFWAY:  # where no other story let the lever rest
                expect(one.draws).to_contain_text(preview)
    assert abs(int(one.slider(one.ambition("SD2")).input_value()) - _place(one)) <= 5
    assert one.line(1) != before[0]
    assert one.line(2) != before[1]
    asks_why(one)
    one.card("SD1").click()
    measures = measures_of("1.1", library())
    told = one.say("cards.measures", count=len(measures))
    one.button_named(one.say("named", name=told, value="1.1")).click()
    one.type(one.words.name("measure.tobacco-tax"), 40)
    expect(one.slider(one.words.name("measure.tobacco-tax"))).to_have_value("40")
    one.card("trends").click()
    with one.change():
        one.type(f"F1 {one.words.name('trend.F1')}", -40)


def chooses_graphs(one: Actor) -> None:
    """Indicator, product, region and ages of a graph change what it says."""
    named = ("indicator.last_year_prevalence", "product.cannabis", "region.Brussels")
    told = [one.words.name(key) for key in (*named, "age_group.15-64")]
    for part, choice in zip(("indicator", "product", "region", "age"), told, strict=True):
        one.choice(2, part).select_option(label=choice)
    title = one.graph(2).get_by_role("heading", level=2)
    for words in told:
        expect(title).to_contain_text(words)
        expect(one.voice).to_contain_text(words)
    one.rest()
    expect(one.graph(2)).to_contain_text(one.say("percent"))


def goes_back(one: Actor) -> None:
    """Undo, redo, the reset of a card, and its undo."""
    after, state = one.lines(), one.state()
    with one.change():
        one.button("page.undo").click()
    assert one.lines() != after
    with one.change():
        one.button("page.redo").click()
    assert one.lines() == after
    assert one.state() == state
    with one.change():
        one.button("cards.reset").click()
    assert one.state()["levers"] == ["0"] * len(library().trends)
    with one.change():
        one.button("page.undo").click()
    assert one.lines() == after
    assert one.state() == state


def saves(one: Actor) -> None:
    """The scenario gets a name and a note, then another is tried and the saved one laid over it."""
    one.button("drawer.save").first.click()
    box = one.box(one.say("drawer.save.title"))
    box.get_by_label(one.say("drawer.name"), exact=True).fill(NAME)
    box.get_by_label(one.say("drawer.note")).fill(NOTE)
    box.get_by_role("button", name=one.say("drawer.keep"), exact=True).click()
    expect(box).to_have_count(0)
    expect(one.page.get_by_text(one.say("drawer.saved", name=NAME)).first).to_be_visible()
    over = one.button("drawer.over.of", name=NAME)
    expect(over).to_have_attribute("aria-pressed", "false")
    with one.change():
        one.type(f"F2 {one.words.name('trend.F2')}", 100)
    over.click()
    expect(over).to_have_attribute("aria-pressed", "true")
    expect(one.page.get_by_role("list", name=one.say("page.legend"))).to_contain_text(NAME)
    one.button("drawer.more.of", name=NAME).click()
    expect(one.scenarios).to_contain_text(NOTE.splitlines()[1])


def asks_why(one: Actor) -> None:
    """The change of a graph is shared out over the two levers that were moved."""
    one.graph(2).get_by_role("button", name=one.say("why.button"), exact=True).click()
    box = one.box(one.say("why.button"))
    expect(box.get_by_role("row", name=one.say("why.total"))).to_be_visible()
    expect(box.get_by_role("row")).to_have_count(4)
    assert "4" in box.get_by_text(one.say("why.exact", runs=4)).inner_text()
    one.shut()


def compares(one: Actor) -> None:
    """Two scenarios and current policy, side by side."""
    one.button("drawer.compare").click()
    box = one.box(one.say("compare.title"))
    expect(box).to_contain_text(one.say("compare.done", draws=one.server.draws))
    row = box.get_by_role("row", name=NAME).first
    assert row.get_by_role("cell").count() == 4
    expect(row).not_to_contain_text("…")
    one.shut()


def reads(one: Actor) -> None:
    """The table says what the sentence says, for the scenario, current policy and the saved one."""
    for number in (1, 2):
        value, low, high = one.told(number)
        one.button("page.table.open", number=number).click()
        row = one.page.get_by_role("dialog").get_by_role("row", name=str(YEAR))
        expect(row).to_be_visible()
        cells = row.get_by_role("cell").all_inner_texts()
        assert cells[0] == one.say("cell.interval", median=value, low=low, high=high)
        assert all(cells[:3])
        expect(one.page.get_by_role("dialog")).to_contain_text(NAME)
        one.shut()


def switches(one: Actor) -> None:
    """Another language and back: nothing is lost."""
    state, lines, own = one.state(), one.lines(), one.language
    other = LANGUAGES[LANGUAGES.index(own) - 1]
    for language in (other, own):
        name = f"{language.upper()} {one.say(f'language.{language}')}"
        one.page.get_by_role("link", name=name, exact=True).click()
        one.speak(language)
        one.rest()
        assert one.state() == state
    assert one.lines() == lines


def shares(one: Actor) -> None:
    """Who opens the link in another browser sees the same."""
    one.button("link.button").click()
    box = one.box(one.say("link.title"))
    link = box.get_by_role("textbox", name=one.say("link.address")).input_value()
    one.shut()
    with acting(one.browser, one.server, one.language, TABLET) as other:
        other.open(link.removeprefix(one.server.address))
        assert other.state() == one.state()
        assert other.lines() == one.lines()
        for card in ("SD1", "SD2", "trends"):
            for each in (one, other):
                each.card(card).click()
                expect(each.card(card)).to_have_attribute("aria-expanded", "true")
            assert other.state() == one.state()
        expect(other.notices.get_by_role("paragraph")).to_have_count(0)
        other.button("drawer.more.of", name=NAME).click()
        expect(other.scenarios).to_contain_text(NOTE.splitlines()[1])


def keeps_a_file(one: Actor) -> None:
    """A scenario is written to a file; after a reset the file brings it back."""
    title = one.say("file.title")
    one.button("file.button").click()
    content = one.download(one.box(title).get_by_role("button", name=one.say("file.save.button")))
    one.shut()
    state, lines = one.state(), one.lines()
    with one.change():
        one.button("page.reset").click()
    assert set(one.state()["levers"]) == {"0"}
    one.button("file.button").click()
    with one.change():
        file = FilePayload(name="own.yaml", mimeType="text/yaml", buffer=content)
        one.box(title).get_by_label(one.say("file.choose"), exact=True).set_input_files([file])
    expect(one.box(title)).to_have_count(0)
    expect(one.page.get_by_text(one.say("file.opened", name=NAME)).first).to_be_visible()
    assert one.state() == state
    assert one.lines() == lines


def looks_around(one: Actor) -> None:
    """The page about the page, and back to the same state."""
    state = one.state()
    one.page.get_by_role("navigation", name=one.say("page.pages")).get_by_text(
        one.say("page.more"), exact=True
    ).click()
    one.page.get_by_role("link", name=one.say("page.to.about"), exact=True).click()
    heading = one.page.get_by_role("heading", level=1)
    expect(heading).to_have_text(one.say("about.title"))
    expect(one.page.get_by_role("heading", name=one.say("about.privacy"))).to_be_visible()
    one.page.get_by_role("link", name=one.say("page.back")).click()
    one.rest()
    assert one.state() == state


def gives_away(one: Actor) -> None:
    """The numbers of the page as a table, and a report."""
    value, low, high = one.told(1)
    one.button("export.menu").click()
    text = one.download(one.button("export.csv")).decode("utf-8-sig")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "model"]
    found = [row for row in rows if row["graph"] == "1" and row["year"] == str(YEAR)]
    before = one.words.name("scenario.current-policy")
    assert sorted(row["scenario_name"] for row in found) == sorted([before, NAME, NAME])
    said = [[one.words.number(float(row[end])) for end in ENDS] for row in found]
    assert [value, low, high] in said
    assert all(
        one.say("page.graph.before", value=told[0]) in one.line(1)
        for told, row in zip(said, found, strict=True)
        if row["scenario_name"] == before
    )
    assert {row["draws"] for row in found} == {str(one.server.draws)}
    assert one.download(one.button("export.report")).startswith(b"%PDF")
    one.shut()


def _place(one: Actor) -> int:
    """Where this story puts SD2: from 55 to 90, each elsewhere, so that it must be computed."""
    size = one.page.viewport_size
    assert size is not None
    return 55 + 10 * LANGUAGES.index(one.language) + 5 * (size["width"] == TABLET[0])


def test_an_old_link_tells_what_was_left_out(chrome: Browser, server: Server) -> None:
    levers, graphs = {"9.9": 50, "1.1": 40}, [["gone", "tobacco", "Belgium", "all"]] * 2
    with acting(chrome, server, "nl", BEAMER) as one:
        one.open(f"/nl?s={linked({'s': {'l': levers}, 'g': graphs, 'p': 'SD1'})}")
        for key, name in (("levers", "9.9"), ("graphs", "gone")):
            items = one.say("problem.item", name=name)
            expect(one.notices).to_contain_text(one.say(f"problem.link.{key}", items=items))
        label = f"1.1 {one.words.name('objective.1.1')}"
        expect(one.slider(label)).to_have_value("40")
        one.notices.get_by_role("button", name=one.say("close")).first.click()
        expect(one.notices.get_by_role("paragraph")).to_have_count(1)
        one.open("/nl?s=1.damaged")
        expect(one.notices).to_contain_text(one.say("problem.link.damaged"))
        expect(one.slider(label)).to_have_value("0")


def linked(state: dict[str, object]) -> str:
    """A link that holds this, as another version might write it."""
    packer = zlib.compressobj(9, zdict=WORDS)
    packed = packer.compress(json.dumps(state).encode()) + packer.flush()
    return f"1.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def test_nothing_is_lost_when_the_connection_drops(chrome: Browser, server: Server) -> None:
    with acting(chrome, server, "nl", BEAMER) as one:
        one.open("/nl")
        with one.change():
            one.type(one.ambition("SD1"), 30)
        lost = one.page.get_by_text(one.say("page.gone"))
        one.context.set_offline(True)
        one.type(one.ambition("SD1"), 70)
        expect(lost).to_be_visible()
        with one.change():
            one.context.set_offline(False)
        expect(lost).to_be_hidden()
        after, state = one.lines(), one.state()
        one.page.reload()
        one.rest()
        assert one.lines() == after
        assert one.state() == state
        expect(one.slider(one.ambition("SD1"))).to_have_value("70")
        one.seen.forgive("ERR_INTERNET_DISCONNECTED")


def test_a_page_survives_a_server_that_is_started_anew(chrome: Browser, tmp_path: Path) -> None:
    own = Server(tmp_path / "log.txt", draws=8)
    own.start()
    try:
        with acting(chrome, own, "de", BEAMER) as one:
            one.open("/de")
            for label, position in ((one.ambition("SD1"), 55), (_objective(one, "1.2"), 20)):
                with one.change():
                    one.type(label, position)
            one.button("drawer.save").first.click()
            one.box(one.say("drawer.save.title")).get_by_role(
                "button", name=one.say("drawer.keep"), exact=True
            ).click()
            expect(one.scenarios.get_by_role("strong")).to_have_count(3)
            state, lines = one.state(), one.lines()
            own.stop()
            expect(one.page.get_by_text(one.say("page.gone"))).to_be_visible()
            own.start()
            expect(one.page.get_by_text(one.say("page.gone"))).to_be_hidden(timeout=20_000)
            one.rest()
            assert one.state() == state
            assert one.lines() == lines
            with one.change():
                one.type(one.ambition("SD1"), 100)
            one.seen.forgive("ERR_CONNECTION_REFUSED")
    finally:
        own.stop()


def _objective(one: Actor, name: str) -> str:
    return f"{name} {one.words.name(f'objective.{name}')}"


def test_the_room_of_a_workshop(chrome: Browser, server: Server) -> None:
    with (
        acting(chrome, server, "en", BEAMER) as desk,
        acting(chrome, server, "nl", TABLET) as first,
        acting(chrome, server, "fr", BEAMER) as second,
        acting(chrome, server, "de", BEAMER) as third,
    ):
        desk.page.goto(f"{server.address}/en/room?token={TOKEN}")
        expect(desk.page.get_by_text(desk.say("room.list.empty"))).to_be_visible()
        assert TOKEN not in desk.page.url
        for one, position, name in ((first, 20, "Tafel <i>een</i>"), (second, 90, "Table deux")):
            one.open(f"/{one.language}")
            with one.change():
                one.type(one.ambition("SD1"), position)
            sends(one, name)
            expect(one.page.get_by_text(one.say("room.send.done", name=name)).first).to_be_visible()
            expect(desk.page.get_by_role("checkbox", name=name)).to_be_visible()
        third.open("/de")
        shows(desk, "Table deux")
        desk.button("room.freeze").click()
        for one in (first, second, third):
            expect(one.notices).to_contain_text(one.say("room.told.frozen"))
        third.button("room.send").press("Enter")
        expect(third.notices).to_contain_text(third.say("room.send.frozen"))
        desk.button("room.list.delete", name="Table deux").click()
        desk.page.get_by_role("dialog").get_by_role(
            "button", name=desk.say("room.list.delete.press"), exact=True
        ).click()
        expect(desk.page.get_by_role("checkbox")).to_have_count(1)
        desk.button("room.end").click()
        desk.button("room.end.press").click()
        expect(desk.page.get_by_text(desk.say("room.ended"), exact=True)).to_be_visible()
        for one in (first, second, third):
            expect(one.notices).to_contain_text(one.say("room.told.ended"))
            assert one.line(1)
        desk.button("room.begin").click()
        expect(desk.page.get_by_text(desk.say("room.list.empty"))).to_be_visible()


def sends(one: Actor, name: str) -> None:
    """Hand the scenario to the facilitator."""
    one.button("room.send").click()
    box = one.box(one.say("room.send"))
    expect(box).to_contain_text(one.say("room.send.stored"))
    box.get_by_label(one.say("room.send.name"), exact=True).fill(name)
    box.get_by_label(one.say("room.send.sender"), exact=True).fill("Ann")
    box.get_by_role("button", name=one.say("room.send.press"), exact=True).click()
    expect(box).to_have_count(0)


def shows(desk: Actor, name: str) -> None:
    """The facilitator draws one of the scenarios that the room sent."""
    pick = desk.page.get_by_role("checkbox", name=name)
    pick.click()
    expect(pick).to_be_checked()
    table = desk.page.get_by_role("table", name=desk.say("room.results", year=YEAR))
    expect(table.get_by_role("row", name=name)).to_contain_text(str(desk.server.draws))


def test_without_the_token_the_room_shows_nothing(chrome: Browser, server: Server) -> None:
    with acting(chrome, server, "fr", TABLET) as one:
        for path in ("/fr/room", "/fr/room?token=wrong"):
            one.page.goto(server.address + path)
            field = one.page.get_by_label(one.say("room.token.label"))
            expect(field).to_be_visible()
            expect(one.button("room.end")).to_have_count(0)
        expect(one.page.get_by_role("alert")).to_have_text(one.say("room.token.wrong"))
        field.fill("still wrong")
        field.press("Enter")
        expect(field).to_be_focused()
        expect(one.page.get_by_text(one.say("room.list"))).to_have_count(0)
        field.fill(TOKEN)
        field.press("Enter")
        expect(one.page.get_by_role("heading", name=one.say("room.list"))).to_be_visible()


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_run_of_agents_is_played(chrome: Browser, server: Server, language: str) -> None:
    with acting(chrome, server, language, BEAMER) as one:
        one.page.goto(f"{server.address}/{language}/agents")
        month = one.page.get_by_role("slider", name=one.say("agents.month"), exact=True)
        expect(month).to_have_value("0")
        states = one.page.get_by_role("table").first
        before = states.inner_text()
        one.button("agents.play").click()
        expect(one.button("agents.pause")).to_be_visible()
        expect(month).to_have_value(re.compile(r"[2-9]|\d\d"))  # a busy machine looks late
        one.button("agents.pause").click()
        at = int(month.input_value())
        one.page.wait_for_timeout(700)
        expect(month).to_have_value(str(at))
        one.button("agents.month.on").click()
        expect(month).to_have_value(str(at + 1))
        one.button("agents.month.back").click()
        expect(month).to_have_value(str(at))
        month.press("End")
        expect(one.button("agents.month.on")).to_be_disabled()
        assert states.inner_text() != before
        one.page.get_by_text(one.say("agents.years"), exact=True).click()
        years = one.page.get_by_role("region", name=one.say("agents.years"), exact=True)
        heads = years.get_by_role("columnheader").all_inner_texts()
        assert heads[1:] == [str(year) for year in range(2024, YEAR + 1)]
