"""Plain HTML elements with text: what stands in them is never read as HTML."""

from __future__ import annotations

import json
from collections.abc import Callable

from nicegui import Client, ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments


class Tag(TextElement):
    """An element; ``attributes`` as HTML has them, None and False are left out."""

    def __init__(self, tag: str, text: str = "", classes: str = "", **attributes: object) -> None:
        super().__init__(tag=tag, text=text)
        if classes:
            self.classes(classes)
        for key, value in attributes.items():
            self.attribute(key, value)

    def attribute(self, key: str, value: object) -> None:
        """Set one attribute (``aria_label`` is aria-label); None and False take it away."""
        name = key.rstrip("_").replace("_", "-")
        truth = isinstance(value, bool) and name.startswith("aria-")
        shown = str(value).lower() if truth else value
        absent = value is None or (value is False and not name.startswith("aria-"))
        new = None if absent else shown
        if self.props.get(name) != new:  # else the browser would draw the whole page anew
            self.props.set_optional(name, new)


def button(
    text: str, pressed: Callable[[], object], classes: str = "df-button", **attributes: object
) -> Tag:
    """A button that can be found again by its ``data_df`` after it was drawn anew."""
    made = Tag("button", text, classes, type="button", **attributes)
    made.on("click", lambda _: pressed(), args=[])
    return made


def form(sent: Callable[[dict[str, str]], object]) -> Element:
    """A form whose fields are handed over together, by name, when it is sent."""
    made = Tag("form", classes="df-form", novalidate=True)

    def heard(event: GenericEventArguments) -> None:
        given = event.args if isinstance(event.args, dict) else {}
        sent({str(key): str(value) for key, value in given.items()})

    made.on(
        "submit",
        heard,
        js_handler="(e) => { e.preventDefault();"
        " emit(Object.fromEntries(new FormData(e.target))); }",
    )
    return made


# Dashes of the lines on the graphs; the colours are those of the style sheet.
_DASHES = {"reference": "6 4", "scenario": "", "over1": "2 3", "over2": "8 3 2 3", "none": None}


def line_sample(kind: str) -> None:
    """How a scenario is drawn: a short line; an empty place for one that is not."""
    dash = _DASHES[kind]
    with Tag("span", classes=f"df-line df-line-{kind}", aria_hidden=True):
        if dash is not None:
            line = "M1 6H31"
            with Tag("svg", width=32, height=12, viewBox="0 0 32 12"):
                Tag("path", d=line, fill="none", stroke_dasharray=dash or None)


def focus(client: Client, key: str) -> None:
    """Give the focus to what carries this ``data_df``, once it is drawn."""
    wanted = json.dumps(f'[data-df="{_quoted(key)}"]')
    client.run_javascript(
        f"setTimeout(() => {{ const e = document.querySelector({wanted}); if (e) e.focus(); }}, 60)"
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def picture(svg: str, words: str, classes: str) -> Element:
    """An inline SVG; never of something that a person typed."""
    made = ui.html(svg, sanitize=False).classes(classes)
    made.props.update({"role": "img", "aria-label": words})
    return made
