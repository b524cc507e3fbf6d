"""How long the engine itself takes in a thread, so that a log can say what a batch adds to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CLOCK = threading.local()


def engine_seconds() -> float:
    """Seconds that this thread has spent in the engine so far."""
    return float(getattr(_CLOCK, "seconds", 0.0))


@contextmanager
def in_engine() -> Iterator[None]:
    """The time of the block counts as that of the engine."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _CLOCK.seconds = engine_seconds() + time.perf_counter() - began
