"""The documentation site for everyone: axe finds nothing on pages of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.checks import violations
from tests.browser.serving import browser

KINDS = ("index", "equations", "generated/measures", "all-options", "api/model", "odd")
# The theme has two asides without names; axe calls names best practice, WCAG does not ask them.
OF_THE_THEME = "landmark-unique"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing(site: Path, chrome: Browser, name: str, scheme: str) -> None:
    page = chrome.new_page(
        viewport={"width": 1366, "height": 768},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto((site / f"{name}.html").as_uri())
    found = [line for line in violations(page) if not line.startswith(OF_THE_THEME)]
    page.close()
    assert found == []
