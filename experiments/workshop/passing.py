"""That something was done, told for a few seconds over the page: nothing moves, nothing to close.

Problems are told by ``session.notice`` instead, and stay until they are closed.
"""

from __future__ import annotations

import json

from nicegui import Client, ui

from experiments.workshop.elements import Tag

PLACE, SECONDS = "df-passing", 6


def build_passing() -> None:
    """The place of these words: there from the start, so that screen readers listen to it."""
    Tag("div", classes=PLACE, id=PLACE, role="status")


def tell(words: str, client: Client | None = None) -> None:
    """Tell it to whoever looks at this page; a newer one takes its place."""
    told = json.dumps(words)
    (client or ui.context.client).run_javascript(
        f"(() => {{ const e = document.getElementById('{PLACE}'); clearTimeout(e.going);"
        # Emptied first: the same words again are heard again.
        f" e.textContent = ''; setTimeout(() => e.textContent = {told}, 50);"
        f" e.going = setTimeout(() => e.textContent = '', {1000 * SECONDS}); }})()"
    )
