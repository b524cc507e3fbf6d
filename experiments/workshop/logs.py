"""What the server writes down: one line for each thing, never a traceback."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from types import TracebackType

# These bring handlers of their own, which would print whole tracebacks.
LOUD = ("engineio.server", "socketio.server", "nicegui", "uvicorn", "uvicorn.error", "asyncio")
LONGEST = 500

ErrorInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class OneLine(logging.Formatter):
    """A record on one line: an error is its kind, its words and where it arose."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatException(self, ei: ErrorInfo) -> str:
        """Kind of the error, its words and where it arose."""
        return "" if ei[1] is None else told(ei[1])

    def formatStack(self, stack_info: str) -> str:
        """Nothing: a stack takes many lines."""
        return ""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line, without unprintable characters."""
        # Another handler may have left its own, longer telling of the error on the record.
        own = logging.makeLogRecord({**record.__dict__, "exc_text": None})
        if isinstance(record.msg, BaseException):  # NiceGUI logs errors as messages
            own.msg = "a page failed"
        text = super().format(own)
        shown = " ".join(part for part in text.splitlines() if part.strip())
        return "".join(c if c.isprintable() else "?" for c in shown)[: 2 * LONGEST]


def told(error: BaseException) -> str:
    """An error in a few words: kind, message, and the last place that it came from."""
    while isinstance(error, BaseExceptionGroup):  # tasks of a server put one around it
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {str(error)[:LONGEST]}{where}"


def quiet(level: int = logging.WARNING) -> None:
    """Send everything that is logged through one handler, one line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in LOUD:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(level)
