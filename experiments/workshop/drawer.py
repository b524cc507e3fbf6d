"""The drawer: current policy, the scenario under the hand, and saved ones with what can be done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from experiments.workshop import passing, saved
from experiments.workshop.compare_view import Comparison
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button, focus, form, line_sample
from experiments.workshop.entries import entries
from experiments.workshop.extras import build_extras
from experiments.workshop.problems import told_error
from experiments.workshop.view import MOST_OVERLAID, MOST_SAVED, View, idle
from model.errors import InputError
from scenarios.schema import REFERENCE, ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session

SAMPLES = ("over1", "over2")  # how overlaid scenarios are drawn, in their order


def build_drawer(session: Session, host: Host) -> None:
    """The section of scenarios, and where is told what was done with them."""
    _Drawer(session, host)
    passing.build_passing()


def build_save(session: Session, host: Host) -> None:
    """The button that opens the dialog 'Save as'."""
    say = session.words.say
    form_of = _Form(session)
    button(say("drawer.save"), form_of.save, data_df="drawer-save", title=say("drawer.save.about"))


def open_name(view: View, say: Callable[..., str]) -> str:
    """A name for the scenario under the hand that no saved one has."""
    own = view.scenario.title
    if own and saved.number_of(view, own) is None:
        return own
    number = len(view.saved) + 1
    while saved.number_of(view, say("saved.unnamed", number=number)) is not None:
        number += 1
    return say("saved.unnamed", number=number)


class _Form:
    """The dialog in which a scenario gets its name and note."""

    def __init__(self, session: Session) -> None:
        self.session, self.say = session, session.words.say
        self.client = ui.context.client
        self._box = dialog("")

    def save(self) -> None:
        """For the scenario under the hand."""
        view = self.session.view
        self._box.title = self.say("drawer.save.title")
        if saved.full(view):
            with self._box:
                Tag("p", self.say("drawer.full", most=MOST_SAVED), role="alert")
            self._box.open()
            return
        note = view.scenario.note or ""

        def done(name: str, note: str) -> None:
            self.session.show(saved.save(self.session.view, name, note))
            passing.tell(self.say("drawer.saved", name=name), self.client)

        self._ask(open_name(view, self.say), note, None, done)

    def rename(self, number: int, renamed: Callable[[str], None]) -> None:
        """For a saved scenario; ``renamed`` hears its new name."""
        one = self.session.view.saved[number]
        self._box.title = self.say("drawer.name.title")

        def done(name: str, note: str) -> None:
            if number < len(self.session.view.saved):
                self.session.show(saved.rename(self.session.view, number, name, note))
                renamed(name)

        self._ask(one.title or "", one.note or "", number, done)

    def _ask(
        self, name: str, note: str, number: int | None, done: Callable[[str, str], None]
    ) -> None:
        say, words = self.say, self.session.words

        def sent(given: dict[str, str]) -> None:
            wanted = saved.clean_name(given.get("name", ""))
            taken = saved.number_of(self.session.view, wanted)
            problem = ""
            if not wanted:
                problem = say("drawer.name.empty")
            elif taken is not None and taken != number:
                problem = say("drawer.name.taken", name=wanted)
            elif number is None and saved.full(self.session.view):
                problem = say("drawer.full", most=MOST_SAVED)
            if not problem:
                try:
                    done(wanted, given.get("note", ""))
                except InputError as error:
                    problem = told_error(error, words)
                else:
                    self._box.close()
            wrong.set_text(problem)

        with self._box, form(sent):
            with Tag("label", classes="df-field"):
                Tag("span", say("drawer.name"))
                field = Tag("input", name="name", type="text", maxlength=saved.LONGEST_NAME)
                field.props["defaultValue"] = name
                field.attribute("autofocus", "")
                field.attribute("autocomplete", "off")
                field.attribute("required", "")
            wrong = Tag("p", classes="df-wrong", role="alert")
            with Tag("label", classes="df-field"):
                Tag("span", say("drawer.note"))
                area = Tag("textarea", name="note", rows=5, maxlength=saved.LONGEST_NOTE)
                area.props["defaultValue"] = note
                Tag("small", say("drawer.note.about", most=words.count(saved.LONGEST_NOTE)))
            with Tag("div", classes="df-actions"):
                Tag("button", say("drawer.keep"), "df-button df-main", type="submit")
                button(say("cancel"), self._box.close)
        self._box.open()


class _Drawer:
    """The section, drawn anew whenever the view rests."""

    def __init__(self, session: Session, host: Host) -> None:
        self.session, self.say = session, session.words.say
        self.client = ui.context.client
        self._form = _Form(session)
        self._comparison = Comparison(session, host)
        self._unfolded = ""  # name of the scenario whose further buttons are shown
        say = self.say
        with Tag("section", classes="df-drawer", aria_labelledby="df-drawer-title"):
            with Tag("div", classes="df-drawer-head"):
                title = Tag("h2", say("drawer.title"), id="df-drawer-title")
                title.attribute("tabindex", -1)
                title.attribute("data-df", "drawer-title")
                self._compare = button(
                    say("drawer.compare"), self._comparison.open, data_df="drawer-compare"
                )
            build_extras(session)
            self._list = Tag("ul", classes="df-scenarios")
        self._drawn: tuple[object, ...] = ()
        self._fill()
        session.listen("view", self._fill)

    def _fill(self) -> None:
        view = self.session.view
        under = [one == view.scenario for one in view.saved]
        drawn = (_own_of(view), under, view.saved, view.overlaid, self._unfolded)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._list.clear()
        with self._list:
            self._current()
            self._own(view)
            for number, scenario in enumerate(view.saved):
                self._saved(view, number, scenario)
            if not view.saved:
                Tag("li", self.say("drawer.none"), "df-hint")

    def _current(self) -> None:
        with Tag("li", classes="df-scenario"):
            line_sample("reference")
            with Tag("div", classes="df-scenario-name"):
                Tag("strong", self.session.words.name(f"scenario.{REFERENCE}"))
                Tag("small", self.say("drawer.current.about"))

    def _own(self, view: View) -> None:
        say, scenario = self.say, view.scenario
        _, moved, number, changed = _own_of(view)
        with Tag("li", classes="df-scenario"):
            line_sample("scenario")
            with Tag("div", classes="df-scenario-name"):
                Tag("strong", scenario.title or say("drawer.own"))
                told = say("drawer.own.about") if scenario.title else ""
                parts = [told, self._moved(moved), say("drawer.unsaved") if changed else ""]
                Tag("small", " · ".join(part for part in parts if part))
            with Tag("div", classes="df-scenario-acts"):
                if changed and number is not None:
                    button(
                        say("drawer.save.over"),
                        lambda: self._over(number),
                        aria_label=say("drawer.save.over.of", name=scenario.title),
                        data_df="drawer-own-save",
                    )
                elif changed:
                    button(say("drawer.save"), self._form.save, data_df="drawer-own-save")

    def _moved(self, count: int) -> str:
        if not count:
            return self.say("drawer.moved.none")
        return self.say("drawer.moved.one") if count == 1 else self.say("drawer.moved", count=count)

    def _saved(self, view: View, number: int, scenario: ScenarioFile) -> None:
        say, name = self.say, scenario.title or self.say("saved.unnamed", number=number + 1)
        shown = number in view.overlaid
        style = SAMPLES[view.overlaid.index(number)] if shown else "none"
        opened = scenario == view.scenario
        with Tag("li", classes="df-scenario"):
            line_sample(style)
            with Tag("div", classes="df-scenario-name"):
                Tag("strong", name)
                parts = [self._moved(len(entries(scenario)))]
                if shown:
                    parts.append(say(f"drawer.line.{style}"))
                if opened:
                    parts.append(say("drawer.opened"))
                Tag("small", " · ".join(parts))
                if scenario.note and self._unfolded == name:
                    Tag("p", scenario.note, "df-scenario-note")
            with Tag("div", classes="df-scenario-acts"):
                button(
                    say("drawer.over"),
                    lambda: self._toggle(number, name),
                    aria_pressed=shown,
                    aria_label=say("drawer.over.of", name=name),
                    title=say("drawer.over.of", name=name),
                    data_df=f"over-{name}",
                )
                button(
                    say("drawer.open"),
                    lambda: self._act(saved.reopen(self.session.view, number), f"open-{name}"),
                    aria_label=say("drawer.open.of", name=name),
                    title=say("drawer.open.of", name=name),
                    data_df=f"open-{name}",
                )
                button(
                    "⋯",
                    lambda: self._unfold(name),
                    "df-button df-icon",
                    aria_expanded=self._unfolded == name,
                    aria_label=say("drawer.more.of", name=name),
                    title=say("drawer.more.of", name=name),
                    data_df=f"more-{name}",
                )
                if self._unfolded == name:
                    self._further(view, number, name)

    def _further(self, view: View, number: int, name: str) -> None:
        say = self.say
        with Tag("div", classes="df-scenario-more"):
            button(
                say("drawer.rename"),
                lambda: self._form.rename(number, self._renamed),
                aria_label=say("drawer.rename.of", name=name),
                data_df=f"rename-{name}",
            )
            for key, sign, by in (("up", "↑", -1), ("down", "↓", 1)):
                button(
                    sign,
                    partial(self._move, number, by, f"{key}-{name}"),
                    "df-button df-icon",
                    aria_label=say(f"drawer.{key}.of", name=name),
                    title=say(f"drawer.{key}.of", name=name),
                    # Not ``disabled``: the focus would be lost at the end of the list.
                    aria_disabled=not 0 <= number + by < len(view.saved) or None,
                    data_df=f"{key}-{name}",
                )
            button(
                say("drawer.delete"),
                lambda: self._delete(number, name),
                aria_label=say("drawer.delete.of", name=name),
                data_df=f"delete-{name}",
            )

    def _act(self, view: View, key: str) -> None:
        self.session.show(view)
        focus(self.client, key)

    def _over(self, number: int) -> None:
        try:
            view = saved.save_over(self.session.view, number)
        except InputError as error:
            self.session.notice(told_error(error, self.session.words))
            return
        self._act(view, "drawer-save")
        name = self.session.view.saved[number].title
        passing.tell(self.say("drawer.saved", name=name), self.client)

    def _toggle(self, number: int, name: str) -> None:
        view = saved.toggle(self.session.view, number)
        if view == self.session.view:
            passing.tell(self.say("drawer.over.most", most=MOST_OVERLAID), self.client)
        else:
            self._act(view, f"over-{name}")

    def _unfold(self, name: str) -> None:
        self._unfolded = "" if self._unfolded == name else name
        self._fill()
        focus(self.client, f"more-{name}")

    def _renamed(self, name: str) -> None:
        self._unfolded = name
        self._fill()
        focus(self.client, f"rename-{name}")

    def _move(self, number: int, by: int, key: str) -> None:
        view = self.session.view
        if 0 <= number + by < len(view.saved):
            self._act(saved.move(view, number, by), key)

    def _delete(self, number: int, name: str) -> None:
        self._unfolded = ""
        self._act(saved.delete(self.session.view, number), "drawer-compare")
        passing.tell(self.say("drawer.deleted", name=name), self.client)


def _own_of(view: View) -> tuple[str | None, int, int | None, bool]:
    """Of the scenario under the hand: name, how much is moved, number of the saved one of that
    name, and whether anything is unsaved."""
    scenario, moved = view.scenario, len(entries(view.scenario))
    changed = saved.unsaved(view) and (moved > 0 or scenario != idle())
    return scenario.title, moved, saved.number_of(view, scenario.title), changed
