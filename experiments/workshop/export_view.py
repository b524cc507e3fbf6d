"""The button that opens the exports: tables, pictures, the report, each made with all draws."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from nicegui import run, ui

from experiments.workshop.address import address
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button
from experiments.workshop.export import csv_of, netcdf_of
from experiments.workshop.export_numbers import Numbers, file_name, gather
from experiments.workshop.export_picture import picture
from experiments.workshop.problems import told_error
from experiments.workshop.share import address_of
from experiments.workshop.sheet import KEY_GRAPHS, sheet
from experiments.workshop.turns import TURN
from experiments.workshop.view import Graph
from model.errors import InputError

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session


class Kind(NamedTuple):
    """One thing to export: key of its name, number of the graph in it, file, how it is made."""

    name: str
    graph: int
    ending: str
    media: str
    make: Callable[[Numbers], bytes]
    more: tuple[Graph, ...] = ()


KINDS = (
    Kind("report", 0, "pdf", "application/pdf", sheet, KEY_GRAPHS),
    Kind("csv", 0, "csv", "text/csv", csv_of),
    Kind("netcdf", 0, "nc", "application/x-netcdf", netcdf_of),
    *(
        Kind("png", n, f"{n}.png", "image/png", partial(picture, graph=n - 1, kind="png"))
        for n in (1, 2)
    ),
    *(
        Kind("svg", n, f"{n}.svg", "image/svg+xml", partial(picture, graph=n - 1, kind="svg"))
        for n in (1, 2)
    ),
)


def build_export(session: Session, host: Host) -> None:
    """The button and its dialog."""
    export = _Export(session, host)
    button(session.words.say("export.menu"), export.open, data_df="export")


class Gone(Exception):
    """The page is gone: nobody waits for its export, and others wait for their turn."""


class _Export:
    """The dialog: what can be exported, and what is being done."""

    def __init__(self, session: Session, host: Host) -> None:
        self.session, self.host = session, host
        self.client = ui.context.client
        self._box = dialog(session.words.say("export.menu"))
        self._busy = self._gone = False
        self.client.on_delete(self._left)

    def _left(self) -> None:
        self._gone = True

    def _going_on(self, *_: int) -> None:
        if self._gone:
            raise Gone

    def open(self) -> None:
        """One button for each kind."""
        say = self.session.words.say
        with self._box:
            Tag("p", say("export.about", draws=self.host.engine.draws))
            with Tag("ul", classes="df-exports"):
                for kind in KINDS:
                    with Tag("li"):
                        name = say(f"export.{kind.name}", n=kind.graph)
                        button(name, partial(self._make, kind), data_df=f"export-{kind.ending}")
            self._status = Tag("p", role="status", classes="df-hint")
        self._box.open()

    async def _make(self, kind: Kind) -> None:
        """Compute, write and hand over; what goes wrong is told in the dialog."""
        if self._busy:
            return
        words, engine = self.session.words, self.host.engine
        self._busy = True
        self._tell("export.working", draws=engine.draws)
        view, link = self.session.view, self._link()

        def made() -> tuple[str, bytes, int]:
            numbers = gather(engine, view, words, link, kind.more, self._going_on)
            return file_name(numbers, kind.ending), kind.make(numbers), numbers.draws

        try:
            async with TURN:
                found = await run.io_bound(made)
        except Gone:
            return
        except InputError as error:
            self._tell("export.failed", why=told_error(error, words))
        except Exception:
            logging.getLogger(__name__).exception("an export")
            self._tell("export.broken")
        else:
            if found is not None:  # the server ends
                self._hand_over(kind, *found)
        finally:
            self._busy = False

    def _hand_over(self, kind: Kind, name: str, content: bytes, draws: int) -> None:
        with self.client:
            ui.download.content(content, name, kind.media)
        self._tell("export.done", name=name, draws=self.session.words.count(draws))

    def _tell(self, key: str, **fill: object) -> None:
        if self._box.shown:
            self._status.set_text(self.session.words.say(key, **fill))

    def _link(self) -> str:
        """Where the view is found, as others can open it."""
        base = address_of(str(self.client.request.base_url), self.host.addresses)
        return f"{base}{address(self.session.view, self.session.words.language)}"
