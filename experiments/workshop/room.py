"""The room of a workshop: scenarios that participants sent to their facilitator.

All of it is in memory and nowhere else. Who knows the facilitator's token gets a ``Desk``; without
one nothing can be seen, frozen, deleted or ended. Everything here runs on the event loop.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from experiments.workshop.saved import clean_name, clean_note
from scenarios.schema import ScenarioFile

MOST = 100  # scenarios
MOST_OF_ONE = 10  # of one page
LARGEST = 8_000  # bytes of one scenario: all of them fit in one message of a browser
LONGEST_SENDER = 60
MOST_TRIES, TRIES_SECONDS = 10, 60.0  # wrong tokens of one address, and for how long they count
MOST_ADDRESSES = 2000
OPEN, FROZEN, ENDED = "open", "frozen", "ended"


class Refused(Exception):
    """What was sent is not kept; ``key`` of the sentence that says why, and what fills it."""

    def __init__(self, key: str, **fill: object) -> None:
        super().__init__(key)
        self.key, self.fill = key, fill


@dataclass(frozen=True)
class Collected:
    """A scenario that was sent. ``sender``: the name that its sender chose, or nothing; ``clock``:
    time of day, hours and minutes."""

    key: str
    scenario: ScenarioFile
    sender: str
    clock: str


@dataclass
class Tries:
    """Wrong tokens by address, forgotten after a while."""

    now: Callable[[], float] = time.monotonic
    _wrong: dict[str, list[float]] = field(default_factory=dict)

    def left(self, address: str) -> bool:
        """Whether an address may try once more."""
        since = self.now() - TRIES_SECONDS
        recent = [at for at in self._wrong.pop(address, []) if at > since]
        if recent:
            self._wrong[address] = recent
        return len(recent) < MOST_TRIES

    def failed(self, address: str) -> None:
        """One more wrong token."""
        self._wrong.setdefault(address, []).append(self.now())
        while len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


class Room:
    """What one workshop collects. ``listen`` hears of every change, of pages too."""

    def __init__(self, token: str, tries: Tries | None = None) -> None:
        self._token, self._tries = token.encode(), tries or Tries()
        self.state = OPEN
        self._name = uuid4().hex  # of this workshop: a browser knows by it what it holds
        self._ended: set[str] = set()  # names of workshops that are over
        self._kept: dict[str, Collected] = {}
        self._sent: dict[str, int] = {}  # by page
        self._deleted: set[str] = set()
        self._pages: set[str] = set()
        self._listeners: list[Callable[[], None]] = []

    # Everyone

    @property
    def pages(self) -> int:
        """How many participants' pages are connected."""
        return len(self._pages)

    def joined(self, page: str) -> None:
        """A page is connected."""
        self._pages.add(page)
        self._tell()

    def left(self, page: str) -> None:
        """A page is gone."""
        self._pages.discard(page)
        self._tell()

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Hear of changes; what is returned stops it."""
        self._listeners.append(heard)

        def stop() -> None:
            if heard in self._listeners:
                self._listeners.remove(heard)

        return stop

    def send(self, page: str, scenario: ScenarioFile, sender: str = "") -> None:
        """Keep a scenario that somebody sent, named by its title. Raises Refused."""
        if self.state != OPEN:
            raise Refused(f"room.send.{self.state}")
        if self._sent.get(page, 0) >= MOST_OF_ONE:
            raise Refused("room.send.enough", most=MOST_OF_ONE)
        kept = _collected(uuid4().hex, scenario, sender, time.strftime("%H:%M"))
        self._keep(kept)
        self._sent[page] = self._sent.get(page, 0) + 1
        self._tell()

    def desk(self, token: str, address: str) -> Desk | None:
        """The facilitator's, None for a wrong token. Raises Refused after too many tries."""
        if not self._tries.left(address):
            raise Refused("room.token.wait", seconds=int(TRIES_SECONDS))
        if hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token):
            return Desk(self)
        self._tries.failed(address)
        return None

    # The desk alone

    def _keep(self, kept: Collected) -> None:
        if len(self._kept) >= MOST:
            raise Refused("room.send.full", most=MOST)
        self._kept[kept.key] = kept

    def _empty(self, state: str) -> None:
        for held in (self._kept, self._sent, self._deleted):
            held.clear()
        self._ended.add(self._name)
        self._name, self.state = uuid4().hex, state

    def _tell(self) -> None:
        for heard in tuple(self._listeners):
            try:
                heard()
            except Exception:  # one page that fails is no matter of the others, nor of who sent
                logging.getLogger(__name__).exception("a page did not hear of the room")


class Desk:
    """What only the facilitator may do and see."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def collected(self) -> tuple[Collected, ...]:
        """All scenarios in their order."""
        return tuple(self.room._kept.values())

    def freeze(self, frozen: bool) -> None:
        """Let nobody send any more, or let them again."""
        if self.room.state != ENDED:
            self.room.state = FROZEN if frozen else OPEN
            self.room._tell()

    def delete(self, key: str) -> None:
        """Forget one scenario."""
        if self.room._kept.pop(key, None) is not None:
            self.room._deleted.add(key)
            self.room._tell()

    def move(self, key: str, by: int) -> None:
        """One scenario up (-1) or down (1) the list."""
        order = list(self.room._kept)
        if key not in order or not 0 <= order.index(key) + by < len(order):
            return
        place = order.index(key)
        order.insert(place + by, order.pop(place))
        self.room._kept = {key: self.room._kept[key] for key in order}
        self.room._tell()

    def end(self) -> None:
        """End the workshop: everything that was collected is gone."""
        self.room._empty(ENDED)
        self.room._tell()

    def begin(self) -> None:
        """Open an empty room after an end."""
        if self.room.state == ENDED:
            self.room.state = OPEN
            self.room._tell()

    # What the facilitator's browser holds, for a server that was started anew

    def held(self) -> dict[str, Any]:
        """All that a browser is to keep."""
        return {
            "room": self.room._name,
            "frozen": self.room.state == FROZEN,
            "collected": [
                {
                    "key": one.key,
                    "scenario": one.scenario.model_dump(by_alias=True, exclude_defaults=True),
                    "sender": one.sender,
                    "clock": one.clock,
                }
                for one in self.collected()
            ],
        }

    def restore(self, held: object) -> int:
        """Take back what a browser held for a server before this one; how many scenarios.

        Nothing is taken of a workshop that this server knows, still on or ended.
        """
        room = self.room
        if not isinstance(held, Mapping) or room.state == ENDED:
            return 0
        name = held.get("room")
        if not isinstance(name, str) or name == room._name or name in room._ended:
            return 0
        rows = held.get("collected")
        count = sum(map(self._taken, rows[:MOST] if isinstance(rows, list) else ()))
        if held.get("frozen") is True:
            room.state = FROZEN
        room._tell()
        return count

    def _taken(self, row: object) -> bool:
        try:
            kept = _read(row)
            if kept.key in self.room._kept or kept.key in self.room._deleted:
                return False
            self.room._keep(kept)
        except (Refused, ValidationError, KeyError, TypeError, ValueError):
            return False
        return True


def _read(row: Any) -> Collected:
    """A row of ``Desk.held``. Raises what a wrong one brings about."""
    key, clock = str(row["key"]), str(row["clock"])
    if len(key) > 32 or not key.isalnum():
        raise ValueError(key)
    scenario = ScenarioFile.model_validate(row["scenario"])
    return _collected(key, scenario, str(row["sender"]), clean_name(clock)[:5])


def _collected(key: str, scenario: ScenarioFile, sender: str, clock: str) -> Collected:
    title = clean_name(scenario.title or "")
    if not title:
        raise Refused("room.send.unnamed")
    told = {"title": title, "note": clean_note(scenario.note or ""), "author": None, "date": None}
    kept = scenario.model_copy(update={**told, "description": None})
    if len(kept.model_dump_json().encode()) > LARGEST:
        raise Refused("room.send.large", most=LARGEST // 1000)
    return Collected(key, kept, clean_name(sender)[:LONGEST_SENDER].strip(), clock)


def titles(collected: Iterable[Collected]) -> dict[str, str]:
    """Names by key; those that stand there more than once get a number."""
    found: dict[str, str] = {}
    seen: dict[str, int] = {}
    for one in collected:
        name = one.scenario.title or ""
        seen[name] = seen.get(name, 0) + 1
        found[one.key] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return found
