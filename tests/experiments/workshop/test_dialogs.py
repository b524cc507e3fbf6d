"""Dialogs: content is made when wanted and gone when closed. How they act is seen in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import Client, ui

from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button, picture
from experiments.workshop.page import page_of


def on_page(language: str, act: Callable[[Client], None]) -> None:
    """Act on a page that no browser has opened."""

    async def run() -> None:
        made: Any = page_of(language, "/test-of-dialogs")
        client = Client(made, request=None)
        with client:
            act(client)
        client.delete()

    asyncio.run(run())


def test_content_is_made_when_wanted_and_gone_when_closed() -> None:
    left: list[str] = []

    def act(client: Client) -> None:
        box = dialog("Title", closed=lambda: left.append("closed"))
        before = set(client.elements)
        assert not box.shown
        with box:
            label = Tag("p", "inside")
        box.open()
        assert box.shown
        assert label.id in client.elements
        box._gone()
        assert set(client.elements) == before
        assert not box.shown
        box._gone()
        assert left == ["closed"]

    on_page("en", act)


def test_the_button_that_closes_speaks_the_language_of_the_page() -> None:
    def act(client: Client) -> None:
        with dialog("Titel") as element:
            pass
        assert element.props["leave"] == "Sluiten"

    on_page("nl", act)


def test_a_dialog_outlives_what_is_drawn_anew_beside_it() -> None:
    def act(client: Client) -> None:
        with ui.element("section") as section:
            box = dialog("Title")
            with box:
                label = Tag("p", "inside")
        section.clear()
        assert label.id in client.elements

    on_page("en", act)


def test_attributes_are_set_as_they_are_and_never_read() -> None:
    def act(client: Client) -> None:
        name = '" onclick="alert(1)" x="'
        made = button(name, lambda: None, aria_label=name, aria_pressed=False, hidden=False)
        assert made.text == name
        assert made.props["aria-label"] == name
        assert "onclick" not in made.props
        assert "hidden" not in made.props
        assert made.props["aria-pressed"] == "false"
        made.attribute("aria_label", None)
        assert "aria-label" not in made.props
        assert picture("<svg></svg>", name, "x").props["aria-label"] == name

    on_page("en", act)
