"""What the lines of the graphs are: one row for both, each by its dash, colour and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.workshop.elements import Tag, line_sample
from experiments.workshop.view import MOST_OVERLAID
from scenarios.schema import REFERENCE

if TYPE_CHECKING:
    from experiments.workshop.session import Session


def names_of(session: Session) -> dict[str, str]:
    """Name of each line by its series."""
    words, view = session.words, session.view
    return {
        "own": words.say("page.legend.own"),
        "reference": words.name(f"scenario.{REFERENCE}"),
        **{
            f"overlaid.{i + 1}": view.saved[number].title
            or words.say("saved.unnamed", number=number + 1)
            for i, number in enumerate(view.overlaid)
        },
    }


def build_legend(session: Session) -> None:
    """The row; overlaid scenarios come and go."""
    say = session.words.say
    with Tag("ul", classes="df-legend", aria_label=say("page.legend")) as row:
        pass

    def show() -> None:
        names = names_of(session)
        row.clear()
        with row:
            _entry("scenario", names["own"])
            with Tag("li"):
                Tag("span", classes="df-band", aria_hidden=True)
                Tag("span", say("page.legend.bands"))
            _entry("reference", names["reference"], say("page.legend.reference.about"))
            for i in range(MOST_OVERLAID):
                if f"overlaid.{i + 1}" in names:
                    _entry(f"over{i + 1}", names[f"overlaid.{i + 1}"])
            with Tag("li"):
                Tag("span", classes="df-dot", aria_hidden=True)
                Tag("span", say("page.legend.dots"))
            with Tag("li"):
                Tag("span", classes="df-end", aria_hidden=True)
                Tag("span", say("page.legend.history"))

    show()
    shown = {"names": names_of(session)}

    def heard() -> None:
        if names_of(session) != shown["names"]:
            shown["names"] = names_of(session)
            show()

    session.listen("view", heard)


def _entry(kind: str, name: str, about: str | None = None) -> None:
    with Tag("li", title=about):
        line_sample(kind)
        Tag("span", name)
