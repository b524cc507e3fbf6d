"""The log beside a store: who computed which block, how long it took, what went wrong.

One file of JSON lines for each start of a driver and each of its workers. A line is written when a
block is begun and one when it ended, so that blocks that were begun twice can be counted, even
where a worker was killed in between. Times and hosts are here and not in the store.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from experiments.batch.objects import ASIDE, Objects, StorageError

SUFFIX = ".log"
SEGMENT = 64  # lines of a file at an address where nothing can be appended


def new_run() -> str:
    """Name of one start of a driver; later ones sort later."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"


class Journal:
    """The log file of one worker, or of the driver. Errors of writing never stop the work."""

    def __init__(self, url: str, run: str, who: str = "") -> None:
        self._objects = Objects(url).beside(SUFFIX)
        who = who or f"{platform.node()}-{os.getpid()}-{threading.get_ident() % 10_000}"
        self._name = f"{run}-{who}"
        self._lines: list[str] = []
        self._segment = 0

    def write(self, **told: Any) -> None:
        """Add a line."""
        line = json.dumps(told) + "\n"
        try:
            if self._objects.local is not None:
                self._objects.local.mkdir(parents=True, exist_ok=True)
                path = self._objects.local / f"{self._name}.jsonl"
                with path.open("a", encoding="utf-8") as file:
                    file.write(line)
                return
            self._lines.append(line)
            name = f"{self._name}-{self._segment:05d}.jsonl"
            self._objects.put(name, "".join(self._lines).encode())
        except OSError:
            return
        if len(self._lines) >= SEGMENT:
            self._lines, self._segment = [], self._segment + 1


@dataclass
class History:
    """What the logs of a store tell.

    ``begun``, ``ended``: times each block was begun, and written; ``seconds``: of computing, in
    all, and ``engine`` those of the engine alone; ``trouble``: why a block ended without being
    written, the last time; ``starts``: of drivers.
    """

    begun: Counter[int] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    engine: float = 0.0
    trouble: dict[int, str] = field(default_factory=dict)
    starts: int = 0

    @property
    def again(self) -> int:
        """Number of times that a block was begun once more."""
        return sum(count - 1 for count in self.begun.values())

    @property
    def written_again(self) -> int:
        """Number of times that a block was written once more."""
        return sum(count - 1 for count in self.ended.values())


def read_history(url: str) -> History:
    """The logs beside a store; lines cut short by a kill are passed over."""
    objects = Objects(url).beside(SUFFIX)
    history = History()
    try:
        names = [name for name in objects.sizes() if ASIDE not in name]
        texts = [(objects.get(name) or b"").decode("utf-8", "replace") for name in names]
    except StorageError:
        return history
    for text in texts:
        for line in text.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            _count(history, told)
    return history


def _count(history: History, told: dict[str, Any]) -> None:
    match told:
        case {"begun": int(block)}:
            history.begun[block] += 1
        case {"ended": int(block), "seconds": seconds}:
            history.ended[block] += 1
            history.seconds += float(seconds)
            history.engine += float(told.get("engine", 0.0))
            history.trouble.pop(block, None)
        case {"trouble": str(why), "block": int(block)}:
            history.trouble[block] = why
        case {"driver": "starts"}:
            history.starts += 1
