"""Where a view is found: its language and, when it is not the first one, its link."""

from __future__ import annotations

from experiments.workshop.link import FIRST, link_of
from experiments.workshop.view import View

__all__ = ["FIRST", "address"]


def address(view: View, language: str, page: str = "") -> str:
    """Path and query of the page that shows this view, or of another that leads back to it."""
    return f"/{language}{page}" + ("" if view == FIRST else f"?s={link_of(view)}")
