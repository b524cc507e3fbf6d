"""A server of the page in a process of its own, and a browser that looks at it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

TOKEN = "told-to-the-facilitator"
BEAMER, TABLET, NARROW = (1366, 768), (820, 1180), (320, 640)
READY = 120.0  # seconds


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Server:
    """``drugfutures workshop`` on a port of this machine; what it prints goes to ``log``."""

    log: Path
    draws: int = 16
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        program = str(Path(sys.executable).with_name("drugfutures"))
        command = [program, "workshop", "--port", str(self.port), "--draws", str(self.draws)]
        command += ["--token", TOKEN, *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + READY
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(f"{self.address}/en", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except urllib.error.HTTPError:  # it runs, and its page is broken
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(self.log.read_text()[-2000:])

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def memory(self) -> float:
        """Megabytes that the process holds for itself and shares in proportion."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if "Pss:" in line) / 1024.0


def chromium() -> str:
    """The browser: Debian's."""
    found = shutil.which("chromium")
    assert found, "chromium is not installed: apt-get install chromium"
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium())
        try:
            yield opened
        finally:
            opened.close()


@dataclass
class Seen:
    """What a page did that it should not: errors told in its console, requests elsewhere."""

    address: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Look at what a page does from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)
        return page

    def forgive(self, words: str) -> None:
        """Forget errors that hold these words: they were meant to happen."""
        self.errors = [told for told in self.errors if words not in told]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        url = request.url
        inside = url.startswith((self.address, self.address.replace("http", "ws", 1)))
        if not inside and not url.startswith(("data:", "blob:")):
            self.elsewhere.append(url)


def opened(found: Browser, size: tuple[int, int], **options: object) -> BrowserContext:
    """A visitor with a window of a size; nothing is shared with other visitors."""
    width, height = size
    return found.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
