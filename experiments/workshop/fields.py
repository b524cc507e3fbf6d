"""Native fields of the page: a select with its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from experiments.workshop.elements import Tag

Choices = Sequence[tuple[str, str]]  # value, name
Groups = Sequence[tuple[str, Choices]]  # name of the group ("" for none), its choices


class Select:
    """A labelled ``<select>``; ``chosen`` hears the value that somebody chose."""

    def __init__(
        self, label: str, chosen: Callable[[str], object], classes: str = "", key: str = ""
    ) -> None:
        self._groups: Groups = ()
        with Tag("label", classes=f"df-select {classes}".strip()):
            Tag("span", label, "df-select-name")
            self.element = Tag("select", classes="df-select-field", data_df=key or None)

        def heard(event: GenericEventArguments) -> None:
            chosen(str(event.args))

        self.element.on("change", heard, js_handler="(e) => emit(e.target.value)")

    def show(self, groups: Groups, value: str) -> None:
        """Offer these choices, with this one chosen."""
        if groups != self._groups:
            self._groups = groups
            self.element.clear()
            with self.element:
                for name, choices in groups:
                    if name:
                        with Tag("optgroup", label=name):
                            _options(choices)
                    else:
                        _options(choices)
        self.element.attribute("value", value)
        named = {one: name for _, choices in groups for one, name in choices}
        self.element.attribute("title", named.get(value))  # in full, where the field is narrow


def _options(choices: Choices) -> None:
    for value, name in choices:
        Tag("option", name, value=value)


def hidden(tag: str, text: str = "", **attributes: object) -> Tag:
    """Text that is heard and not seen."""
    return Tag(tag, text, "df-hidden", **attributes)


def section(name: str, classes: str, **attributes: object) -> Element:
    """A landmark with a name."""
    return Tag("section", "", classes, aria_label=name, **attributes)
