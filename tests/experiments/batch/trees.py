"""Whole stores compared, and pieces of one broken on purpose."""

from __future__ import annotations

from pathlib import Path

from experiments.batch.objects import Objects


def tree(url: str | Path) -> dict[str, bytes]:
    """Every name under an address and its bytes, hidden ones too."""
    objects = Objects(str(url))
    return {name: objects.get(name) or b"" for name in objects.sizes()}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Names that only one has, or that differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def truncate(path: Path) -> None:
    """Lose the second half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Turn over one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
