"""One server and one browser for all stories; each story has visitors of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.serving import Server, browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server") / "log.txt")
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    with browser() as found:
        yield found
