"""Saved scenarios: every step gives the page that is expected, and can be undone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop import saved
from experiments.workshop.drawer import open_name
from experiments.workshop.link import fits
from experiments.workshop.problems import told_error
from experiments.workshop.view import MOST_OVERLAID, MOST_SAVED, OWN, View
from experiments.workshop.wording import words_of
from model.errors import InputError
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library


def of(name: str, position: float = 10.0) -> ScenarioFile:
    return ScenarioFile(id=OWN, title=name, levers={"SD1": position})


def page(*names: str, overlaid: tuple[int, ...] = ()) -> View:
    return View(saved=tuple(of(name) for name in names), overlaid=overlaid)


def titles(view: View) -> list[str | None]:
    return [one.title for one in view.saved]


def drawn(view: View) -> list[str | None]:
    return [one.title for one in view.drawn()]


def test_what_is_saved_comes_last_and_stays_under_the_hand() -> None:
    view = page("A").with_scenario(ScenarioFile(id=OWN, levers={"SD2": 30.0}))
    assert saved.unsaved(view)
    kept = saved.save(view, "  B \n", "first\r\nsecond ")
    assert titles(kept) == ["A", "B"]
    assert kept.saved[1].note == "first\nsecond"
    assert kept.saved[1].levers == {"SD2": 30.0}
    assert kept.scenario == kept.saved[1]
    assert not saved.unsaved(kept)


def long_note(seed: int) -> str:
    random = np.random.default_rng(seed)
    return "".join(map(chr, random.integers(0x4E00, 0x9FA5, saved.LONGEST_NOTE)))


def crowded() -> View:
    """As many long notes as the address holds, and short scenarios up to the last but one."""
    view = page()
    while True:
        try:
            view = saved.save(view, str(len(view.saved)), long_note(len(view.saved)))
        except InputError:
            break
    long = len(view.saved)
    assert 5 < long < MOST_SAVED
    for number in range(long, MOST_SAVED - 1):
        view = saved.save(view, str(number), "")
    return view


def test_notes_that_the_address_cannot_hold_are_refused_with_words() -> None:
    view = crowded()
    assert fits(view)
    last = len(view.saved) - 1
    file = ScenarioFile(id=OWN, note=long_note(201), description=long_note(202))
    with pytest.raises(InputError) as error:
        saved.save(view, "one more", long_note(100))
    with pytest.raises(InputError):
        saved.rename(view, last, "another", long_note(100))
    with pytest.raises(InputError):
        saved.opened(view, file)
    with pytest.raises(InputError):
        saved.save_over(view.with_scenario(file), last)
    assert saved.opened(page(), file).scenario == file
    for language in LANGUAGES:
        said = words_of(language, library().texts)
        told = said.say("problem.the-notes-are-too-long-for-the-address")
        assert told_error(error.value, said) == told


def test_saving_over_changes_one_alone() -> None:
    view = page("A", "B", "C").with_scenario(of("B", 70.0))
    kept = saved.save_over(view, 1)
    assert [one.levers["SD1"] for one in kept.saved] == [10.0, 70.0, 10.0]
    assert titles(kept) == ["A", "B", "C"]


def test_another_name_goes_with_the_scenario_under_the_hand_if_it_is_that_one() -> None:
    view = page("A", "B").with_scenario(of("B", 70.0))
    named = saved.rename(view, 1, "Z", "")
    assert titles(named) == ["A", "Z"]
    assert (named.scenario.title, named.scenario.levers) == ("Z", {"SD1": 70.0})
    assert saved.rename(view, 0, "Z", "").scenario == view.scenario


def test_order_and_deletion_take_the_lines_on_the_graphs_along() -> None:
    view = page("A", "B", "C", overlaid=(2, 0))
    down = saved.move(view, 0, 1)
    assert titles(down) == ["B", "A", "C"]
    assert drawn(down) == ["C", "A"]
    assert saved.move(down, 1, -1) == view
    less = saved.delete(view, 0)
    assert (titles(less), drawn(less)) == (["B", "C"], ["C"])


def test_no_more_lie_over_the_graphs_than_there_are_lines() -> None:
    view = page("A", "B", "C")
    for number in range(3):
        view = saved.toggle(view, number)
    assert MOST_OVERLAID == 2
    assert drawn(view) == ["A", "B"]
    assert drawn(saved.toggle(view, 0)) == ["B"]


def test_a_full_drawer_says_so() -> None:
    names = [str(number) for number in range(MOST_SAVED)]
    assert saved.full(page(*names))
    assert not saved.full(page(*names[1:]))


def test_a_name_that_is_taken_is_not_offered() -> None:
    say = words_of("en", library().texts).say
    assert open_name(page(), say) == "Scenario 1"
    assert open_name(page("A", "Scenario 3"), say) == "Scenario 4"
    assert open_name(page("A").with_scenario(of("B")), say) == "B"
    assert open_name(page("A").with_scenario(of("A")), say) == "Scenario 2"


@given(st.text(max_size=200))
def test_names_and_notes_can_be_shown(text: str) -> None:
    name, note = saved.clean_name(text), saved.clean_note(text)
    assert len(name) <= saved.LONGEST_NAME
    assert name.isprintable()
    assert note is None or note.replace("\n", "").isprintable()
    assert saved.clean_name(name) == name


@given(st.integers(1, 6), st.data())
def test_whatever_is_done_saved_ones_and_lines_fit(count: int, data: st.DataObject) -> None:
    view = page(*(f"S{number}" for number in range(count)))
    for _ in range(6):
        if not view.saved:
            break
        number = data.draw(st.integers(0, len(view.saved) - 1))
        what = data.draw(st.sampled_from(("toggle", "delete", "up")))
        lines = set(drawn(view))
        if what == "toggle":
            view = saved.toggle(view, number)
        elif what == "delete":
            lines.discard(view.saved[number].title)
            view = saved.delete(view, number)
            assert set(drawn(view)) == lines
        elif number:
            view = saved.move(view, number, -1)
            assert set(drawn(view)) == lines
        assert all(0 <= one < len(view.saved) for one in view.overlaid)
        assert len(set(view.overlaid)) == len(view.overlaid) <= MOST_OVERLAID
    assert saved.reopen(replace(view, saved=(of("A"),)), 0).scenario == of("A")
