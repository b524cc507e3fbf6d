"""The room of a workshop: scenarios that participants sent to their facilitator.

All of it is in memory and nowhere else. Who knows the facilitator's token gets a ``Desk``; without
one nothing can be seen, frozen, deleted or ended. Everything here runs on the event loop.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from experiments.workshop.saved import clean_name, clean_note
from scenarios.schema import ScenarioFile

MOST = 100  # scenarios
MOST_OF_ONE = 10  # of one page
MOST_OF_ADDRESS = 30  # of one device, however often it loads the page
LARGEST = 8_000  # bytes of one scenario: all of them fit in one message of a browser
LONGEST_SENDER = 60
LONGEST_KEY = 32
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
        self._names = {self._name}  # and what it was called before a server was started anew
        self._ended: set[str] = set()  # names of workshops that are over
        self._kept: dict[str, Collected] = {}
        self._sent: Counter[str] = Counter()  # by page
        self._came: Counter[str] = Counter()  # by address
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

    def send(
        self, page: str, scenario: ScenarioFile, sender: str = "", address: str | None = None
    ) -> None:
        """Keep a scenario that somebody sent, named by its title. Raises Refused.

        ``address``: of the device, None where it is not known.
        """
        if self.state != OPEN:
            raise Refused(f"room.send.{self.state}")
        if self._sent[page] >= MOST_OF_ONE:
            raise Refused("room.send.enough", most=MOST_OF_ONE)
        if address is not None and self._came[address] >= MOST_OF_ADDRESS:
            raise Refused("room.send.enough.address", most=MOST_OF_ADDRESS)
        kept = _collected(uuid4().hex, scenario, sender, time.strftime("%H:%M"))
        self._keep(kept)
        self._sent[page] += 1
        if address is not None:
            self._came[address] += 1
        self._tell()

    def desk(self, token: str, address: str) -> Desk | None:
        """The facilitator's, None for a wrong token. Raises Refused after too many wrong ones."""
        # First, so that nobody who guesses at the same address can lock the facilitator out.
        if hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token):
            return Desk(self)
        if not self._tries.left(address):
            raise Refused("room.token.wait", seconds=int(TRIES_SECONDS))
        self._tries.failed(address)
        return None

    # The desk alone

    def _keep(self, kept: Collected) -> None:
        if len(self._kept) >= MOST:
            raise Refused("room.send.full", most=MOST)
        self._kept[kept.key] = kept

    def _empty(self, state: str) -> None:
        for held in (self._kept, self._sent, self._came):
            held.clear()
        self._ended |= self._names
        self._name, self.state = uuid4().hex, state
        self._names = {self._name}

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

    def earlier(self, held: object) -> int:
        """How many scenarios a browser holds of a workshop that this server does not know.

        Whether that one was ended or broken off, the facilitator must say: a tab may have slept
        through its end. None are of a workshop that this server knows, still on or ended.
        """
        return 0 if self.room.state == ENDED else len(self._unknown(held)[1])

    def restore(self, held: object) -> int:
        """Take back what ``earlier`` counted; how many scenarios. The workshop goes on."""
        room, (name, found) = self.room, self._unknown(held)
        if not found or room.state == ENDED:
            return 0
        assert isinstance(held, Mapping)
        before = len(room._kept)
        for one in found:
            if len(room._kept) < MOST:
                room._keep(one)
        # Under its own name, by which other tabs may hold it too.
        room._name = name
        room._names.add(name)
        if held.get("frozen") is True:
            room.state = FROZEN
        room._tell()
        return len(room._kept) - before

    def forget(self, held: object) -> None:
        """Take what ``earlier`` counted as ended: no other tab brings it back here."""
        name, _ = self._unknown(held)
        if name:
            self.room._ended.add(name)

    def _unknown(self, held: object) -> tuple[str, list[Collected]]:
        """Name and scenarios of a held workshop that this server does not know."""
        if not isinstance(held, Mapping):
            return "", []
        name, rows = held.get("room"), held.get("collected")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_KEY:
            return "", []
        if name in self.room._names | self.room._ended or not isinstance(rows, list):
            return "", []
        found: dict[str, Collected] = {}
        for row in rows[:MOST]:
            with suppress(Refused, ValidationError, KeyError, TypeError, ValueError):
                one = _read(row)
                if one.key not in self.room._kept:
                    found[one.key] = one
        return name, list(found.values())


def _read(row: Any) -> Collected:
    """A row of ``Desk.held``. Raises what a wrong one brings about."""
    key, clock = str(row["key"]), str(row["clock"])
    if len(key) > LONGEST_KEY or not key.isalnum():
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
