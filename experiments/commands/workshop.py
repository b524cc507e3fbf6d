"""The command that serves the workshop page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.runs.terminal import CatalogueOption, cores, draws_bar, refusals, with_fields_of
from model.errors import InputError

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine
    from experiments.workshop.host import Host, ServeOptions


@dataclass(frozen=True)
class WorkshopOptions:
    """What can be asked of the server, in the order of its help."""

    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address of this machine to serve at.")
    ] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8080
    share: Annotated[
        bool,
        typer.Option(
            "--share", help="Let others on the local network open the page; prints a QR code."
        ),
    ] = False
    studies: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of results that can be opened and browsed."),
    ] = None
    draws: Annotated[
        int, typer.Option(min=2, max=1000, help="Draws of the parameters when the hand rests.")
    ] = 200
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the draws.")] = 1
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The facilitator's, 8 characters or more.",
            show_default="a new one at each start",
        ),
    ] = None
    catalogue: CatalogueOption = None


@with_fields_of(WorkshopOptions)
def workshop(given: WorkshopOptions) -> None:
    """Serve the workshop page: move levers in the browser, for one person or a room."""
    # As for a run: draws have threads of their own. It is read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with refusals():
        from experiments.workshop.host import ServeOptions
        from experiments.workshop.serve import bound, checked, host_of, server_of
        from experiments.workshop.share import EVERYWHERE

        host = EVERYWHERE[0] if given.share and given.host == "127.0.0.1" else given.host
        options = checked(ServeOptions(**{**vars(given), "host": host}))
        listening = bound(options)
        engine = _open_engine(options)
        serving = host_of(engine, options)
        server = server_of(serving)
        _tell(serving)
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            typer.echo("Stopped.")
        finally:
            engine.close()


def _open_engine(options: ServeOptions) -> Engine:
    from calibration.posterior import load
    from experiments.workshop.engine import Engine

    most = load().draws  # the page shows the posterior alone
    if options.draws > most:
        told, allowed = "the posterior has fewer draws", f"2 to {most}"
        raise InputError(told, key="--draws", given=options.draws, allowed=allowed)
    with draws_bar(options.draws) as advance:
        return Engine.open(options.draws, options.seed, options.catalogue, cores(), advance)


def _tell(host: Host) -> None:
    """Where the page is, for the one at the terminal."""
    from experiments.workshop.share import EVERYWHERE, LOOPBACK, qr_text

    first, *others = host.addresses
    typer.echo(f"\nDrug Futures, the workshop page ({host.engine.draws} draws)\n")
    if host.options.host in EVERYWHERE:
        typer.echo(qr_text(first))
    typer.echo(f"  Page:         {first}")
    for other in others:
        typer.echo(f"                {other}")
    typer.echo(f"  Facilitator:  {first}/en/room?token={host.token}")
    typer.echo("                (nl, fr or de in place of en; keep this link to yourself)")
    if host.options.host in LOOPBACK:
        typer.echo("\nOnly this machine can open it; --share lets others on the network.")
    else:
        typer.echo(
            "\nEveryone on this network can open the page. What they send to the room is kept"
        )
        typer.echo("in memory alone, and is gone when the facilitator ends it or the server stops.")
    typer.echo("Ctrl-C stops the server.\n")
