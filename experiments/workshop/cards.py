"""Levers by strategic objective, other measures, and trends: a row of buttons, and the open card.

Only what is open is in the page: a card's sliders are made when it opens, the measures of a
specific objective when they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from nicegui.element import Element

from experiments.workshop import moves
from experiments.workshop.elements import Tag, button
from experiments.workshop.fields import hidden, section
from experiments.workshop.info import TREND_POSITIONS, show_info
from experiments.workshop.lever import Lever, Position, Scale
from experiments.workshop.session import Session
from scenarios.levers import OUTSIDE, STRATEGY
from scenarios.library import Library
from scenarios.schema import ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.host import Host

OPEN = "df-card-open"  # id of the box that the open card fills


def position_of(scenario: ScenarioFile, lever: str, library: Library) -> Position:
    """Where a lever or a trend stands."""
    if lever in library.trends:
        drawn = scenario.central_trends and lever not in scenario.trends
        at = round(scenario.trends.get(lever, 0.0))
        return Position(None if drawn else at, at)
    value = moves.position(scenario, lever, library)
    if value is not None:
        return Position(value, value)
    within = [moves.standing(scenario, one, library) for one in library.members(lever)]
    return Position(None, max(0, round(sum(within) / len(within))))


def put(scenario: ScenarioFile, lever: str, position: int, library: Library) -> ScenarioFile:
    """The scenario with a lever or a trend elsewhere."""
    if lever in library.trends:
        return moves.trend_moved(scenario, lever, position)
    return moves.moved(scenario, lever, position, library)


def scale_of(lever: str, library: Library) -> Scale:
    """Positions that a lever or a trend may have."""
    if lever in library.trends:
        return TREND_POSITIONS
    if lever in library.measures:
        low, high = library.measures[lever].entry.range
        return Scale(low, high)
    return Scale()


def objectives_of(card: str, library: Library) -> list[str]:
    """Specific objectives of a strategic one."""
    return [name for name in library.objectives if name.startswith(f"{card[2:]}.")]


def measures_of(objective: str, library: Library) -> list[str]:
    """Measures of a specific objective: those that it moves, then those that move by themselves."""
    found = [m for m in library.measures.values() if m.objective == objective]
    return [m.id for m in sorted(found, key=lambda m: not m.ambition)]


class Cards:
    """The levers of one page."""

    def __init__(self, session: Session) -> None:
        self._session, self._words = session, session.words
        self._library = session.engine.library
        self._buttons: dict[str, Tag] = {}
        self._counts: dict[str, Tag] = {}
        self._levers: dict[str, Lever] = {}
        self._unfolded: set[str] = set()  # specific objectives whose measures are shown
        self._folds: dict[str, Tag] = {}  # their buttons
        self._ends: dict[str, dict[str, Tag]] = {}  # what trends mean at -100 and +100
        self._card = ""
        self._hand: Lever | None = None  # what moved last: it waits for an answer
        self._central: Tag | None = None

    def build(self) -> None:
        """Make the row of buttons and the box below it."""
        with section(self._words.say("cards.title"), "df-cards"):
            hidden("h2", self._words.say("cards.title"))
            with Tag("div", classes="df-card-row"):
                for card in moves.CARDS:
                    self._build_button(card)
            self._box = Tag("div", classes="df-card-box", id=OPEN, role="region")
        self._session.listen("live", self._show)
        self._session.listen("view", self._show)  # another card
        self._session.listen("answer", self._answered)
        self._show()

    def _build_button(self, card: str) -> None:
        made = button(
            "",
            partial(self._turn, card),
            "df-card",
            id=f"df-card-{card}",
            data_df=f"card-{card}",
            aria_expanded=False,
            aria_controls=OPEN,
        )
        with made:
            if card in STRATEGY:
                Tag("span", f"{card} ", "df-card-code")
            Tag("span", self._name(card), "df-card-name")
            self._counts[card] = Tag("span", "", "df-card-count")
        self._buttons[card] = made

    def _name(self, card: str) -> str:
        if card == moves.TRENDS:
            return self._words.say("cards.trends")
        return self._words.name(f"strategic.{card}")

    # What is shown

    def _turn(self, card: str) -> None:
        """Open a card, or close it; that is no step to undo."""
        session = self._session
        session.turn("" if session.view.card == card else card)

    def _show(self) -> None:
        view, library = self._session.view, self._library
        for card, count in self._counts.items():
            active = moves.active(view.scenario, card, library)
            told = self._words.say("cards.active", count=active)
            if count.text != told:
                count.text = told
                _turned(count, "df-hidden", not active)
        if view.card != self._card:
            self._open(view.card)
        for name, lever in self._levers.items():
            lever.show(position_of(view.scenario, name, library))
        for name, fold in self._folds.items():
            self._name_fold(name, fold, view.scenario)
        if self._central is not None:
            self._central.attribute("aria-checked", view.scenario.central_trends)
        self._show_ends()

    def _name_fold(self, objective: str, fold: Tag, scenario: ScenarioFile) -> None:
        """Say how many measures there are, and how many stand elsewhere than their objective."""
        measures = measures_of(objective, self._library)
        apart = sum(name in scenario.levers for name in measures)
        key = "cards.measures.moved" if apart else "cards.measures"
        told = self._words.say(key, count=len(measures), moved=apart)
        if fold.text != told:
            fold.text = told
            label = self._words.say("named", name=told, value=objective)
            fold.attribute("aria-label", label)

    def _open(self, card: str) -> None:
        self._card, self._central, self._hand = card, None, None
        self._levers.clear()
        self._folds.clear()
        self._ends.clear()
        self._box.clear()
        for name, made in self._buttons.items():
            made.attribute("aria-expanded", name == card)
        self._box.attribute("hidden", not card)
        self._box.attribute("aria-labelledby", f"df-card-{card}" if card else None)
        if card:
            with self._box:
                hidden("h3", self._name(card))
                if card == moves.TRENDS:
                    self._build_trends()
                elif card == OUTSIDE:
                    self._build_outside()
                else:
                    self._build_objectives(card)

    def _build_head(self, card: str, about: str) -> Element:
        with Tag("div", classes="df-card-head") as head:
            Tag("p", about)
            button(
                self._words.say("cards.reset"),
                partial(self._reset, card),
                "df-button df-card-reset",
                data_df="reset-card",
            )
        return head

    def _build_objectives(self, card: str) -> None:
        words = self._words
        self._build_head(card, words.name(f"strategic.{card}.about"))
        with Tag("ul", classes="df-lever-grid"):
            with Tag("li", classes="df-card-whole"):
                self._lever(card, words.say("cards.ambition", objective=card))
            for name in objectives_of(card, self._library):
                with Tag("li", classes="df-objective") as item:
                    self._lever(name, f"{name} {words.name(f'objective.{name}')}")
                    self._build_fold(name, item)

    def _build_fold(self, objective: str, item: Tag) -> None:
        """The button that shows the measures of a specific objective, and their place."""
        measures = measures_of(objective, self._library)
        fold = button(
            "",
            lambda: turn(objective not in self._unfolded),
            "df-fold",
            data_df=f"fold-{objective}",
            aria_controls=f"df-measures-{objective}",
        )
        self._folds[objective] = fold
        place = Tag(
            "ul",
            classes="df-measures",
            id=f"df-measures-{objective}",
            aria_label=self._words.say("cards.measures.of", objective=objective),
        )

        def turn(unfold: bool) -> None:
            (self._unfolded.add if unfold else self._unfolded.discard)(objective)
            fold.attribute("aria-expanded", unfold)
            place.attribute("hidden", not unfold)
            _turned(item, "df-objective-open", unfold)
            if unfold:
                self._fill(place, measures)
            else:
                place.clear()
                for name in measures:
                    self._levers.pop(name, None)

        turn(objective in self._unfolded)

    def _fill(self, place: Element, measures: Sequence[str]) -> None:
        with place:
            for name in measures:
                told = self._words.name(f"measure.{name}")
                if not self._library.measures[name].ambition and self._card != OUTSIDE:
                    told = self._words.say("cards.apart", measure=told)
                with Tag("li"):
                    self._lever(name, told)

    def _build_outside(self) -> None:
        self._build_head(OUTSIDE, self._words.name(f"strategic.{OUTSIDE}.about"))
        place = Tag("ul", classes="df-lever-grid")
        found = [m.id for m in self._library.measures.values() if m.strategic == OUTSIDE]
        self._fill(place, found)

    def _build_trends(self) -> None:
        words = self._words
        about = words.say("cards.trends.about")
        with self._build_head(moves.TRENDS, about), Tag("div", classes="df-central"):
            self._central = button(
                "",
                self._draw_all,
                "df-switch",
                role="switch",
                aria_checked=False,
                aria_describedby="df-central-about",
                data_df="central-trends",
            )
            with self._central:
                Tag("span", "", "df-switch-track", aria_hidden=True)
                Tag("span", words.say("cards.central"))
            Tag("p", words.say("cards.central.about"), id="df-central-about")
        with Tag("ul", classes="df-lever-grid"):
            for trend in self._library.trends:
                with Tag("li", classes="df-trend"):
                    self._lever(trend, f"{trend} {words.name(f'trend.{trend}')}")
                    self._ends[trend] = {
                        end: self._build_end(trend, end, sign)
                        for end, sign in (("minus", "−100"), ("plus", "+100"))
                    }
        self._show_ends()

    def _build_end(self, trend: str, end: str, sign: str) -> Tag:
        """What a trend means at one of its ends."""
        with Tag("p", classes="df-trend-end") as told:
            Tag("b", sign)
            Tag("span", self._words.name(f"trend.{trend}.{end}"))
        return told

    def _show_ends(self) -> None:
        """The end that a trend is moved towards: all sixteen would not fit on one screen."""
        trends = self._session.view.scenario.trends
        for trend, ends in self._ends.items():
            towards = trends.get(trend, 0.0)
            _turned(ends["minus"], "df-hidden", towards >= 0.0)
            _turned(ends["plus"], "df-hidden", towards <= 0.0)

    def _lever(self, name: str, label: str) -> None:
        self._levers[name] = Lever(
            name,
            label,
            position_of(self._session.view.scenario, name, self._library),
            scale_of(name, self._library),
            self._words,
            partial(self._moved, name),
            lambda: show_info(self._session, name),
        )

    # What is done

    def _moved(self, name: str, position: int, resting: bool) -> None:
        self._hand = self._levers.get(name)
        view = self._session.view
        scenario = put(view.scenario, name, position, self._library)
        self._session.show(view.with_scenario(scenario), live=not resting)

    def _answered(self) -> None:
        if self._hand is not None:
            self._hand.answered()
            self._hand = None

    def _reset(self, card: str) -> None:
        view = self._session.view
        scenario = moves.cleared(view.scenario, card, self._library)
        self._session.show(view.with_scenario(scenario))

    def _draw_all(self) -> None:
        view = self._session.view
        drawn = not view.scenario.central_trends
        self._session.show(view.with_scenario(moves.drawn_trends(view.scenario, drawn)))


def _turned(element: Element, name: str, on: bool) -> None:
    """Give an element a class, or take it away."""
    if on:
        element.classes(name)
    else:
        element.classes(remove=name)


def build_cards(session: Session, host: Host) -> None:
    """Build the levers of a page."""
    Cards(session).build()
