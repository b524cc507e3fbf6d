"""Names and notes as plain text: nothing that cannot be seen, nothing that turns the line round."""

from __future__ import annotations

LONGEST_LINE, LONGEST_TEXT = 200, 1000
CUT = "…"


def is_plain(text: str) -> bool:
    """Whether all of it can be seen: no control characters, none that turn the direction."""
    return all(sign.isprintable() or sign in "\n\r\t" for sign in text)


def plain_line(text: str, most: int = LONGEST_LINE) -> str:
    """One line without control and format characters, cut where it is too long."""
    kept = "".join(sign if sign.isprintable() else " " for sign in text[: 10 * most])
    return _cut(" ".join(kept.split()), most)


def plain_text(text: str, most: int = LONGEST_TEXT) -> str:
    """Lines without control and format characters, cut where they are too long."""
    lines = text[: 10 * most].replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _cut("".join(s for s in lines if s.isprintable() or s == "\n").strip(), most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + CUT
