"""What all pages of one server share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine
    from experiments.workshop.graphs import GraphList
    from experiments.workshop.room import Room


@dataclass(frozen=True)
class ServeOptions:
    """What the server was asked for. ``token``: the facilitator's, a new one where None."""

    host: str = "127.0.0.1"
    port: int = 8080
    share: bool = False
    studies: Path | None = None
    draws: int = 200
    seed: int = 1
    catalogue: Path | None = None
    token: str | None = None


@dataclass
class Host:
    """One a process. ``addresses``: of the pages, such as http://192.168.1.5:8080; the first is
    the one to give to others."""

    engine: Engine
    options: ServeOptions
    room: Room
    graphs: GraphList
    token: str
    addresses: tuple[str, ...]
