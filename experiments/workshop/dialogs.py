"""One accessible dialog for all parts of the page: the browser's own, named by its heading::

    box = dialog(words.say("drawer.save.title"))
    ...
    with box:  # when it is wanted: the content is made now
        ui.label(...)
    box.open()

Escape, the button and a click outside close it; its content is then gone, and the focus is back at
what opened it. Give the opener ``.props('data-df="a key of its own"')`` where it may be drawn anew
meanwhile, and a field that is to have the focus first ``.props("autofocus")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element

from experiments.workshop.wording import own_sentences
from scenarios.texts import LANGUAGES


class _Box(Element, component="dialog.js"):
    """The element, as long as the dialog is open."""

    def __init__(self, title: str, leave: str, *, wide: bool) -> None:
        super().__init__()
        self._props["title"] = title
        self._props["leave"] = leave
        self._props["wide"] = wide


class Dialog:
    """A dialog of one page. ``closed`` is called each time after it was closed."""

    def __init__(self, title: str, *, wide: bool, closed: Callable[[], object] | None) -> None:
        self.title = title
        self._wide, self._closed = wide, closed
        self._client = ui.context.client
        self._box: _Box | None = None

    @property
    def shown(self) -> bool:
        """Whether it has content now."""
        return self._box is not None

    def __enter__(self) -> _Box:
        if self._box is None:
            # Beside the page, not in it: what is drawn anew there does not take the dialog along.
            with self._client.content:
                self._box = _Box(self.title, _leave(self._client), wide=self._wide)
            self._box.on("shut", self._gone)
        self._box.__enter__()
        return self._box

    def __exit__(self, *error: object) -> None:
        if self._box is not None:
            self._box.__exit__(*error)

    def open(self) -> None:
        """Show it, over everything else."""
        with self as box:
            box.run_method("open")

    def close(self) -> None:
        """Close it as its button does."""
        if self._box is not None:
            self._box.run_method("close")

    def _gone(self) -> None:
        if self._box is not None:
            self._box.delete()
            self._box = None
            if self._closed is not None:
                self._closed()


def dialog(title: str, *, wide: bool = False, closed: Callable[[], object] | None = None) -> Dialog:
    """A dialog of the page that is being built or that an event came from, not yet open."""
    return Dialog(title, wide=wide, closed=closed)


def _leave(client: Any) -> str:
    language = str(client.page.resolve_language())[:2]
    return own_sentences()["close"][language if language in LANGUAGES else "en"]
