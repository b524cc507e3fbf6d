"""Random numbers drawn by name: other names, and more draws, leave them as they are."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one named quantity: Philox keyed by (seed, name)."""
    digest = hashlib.sha256(name.encode()).digest()
    key = np.array([seed, int.from_bytes(digest[:8], "little")], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def normal(seed: int, name: str, shape: tuple[int, ...]) -> Float:
    """Standard normals of one named quantity; the first axis is the draw. Shape ``shape``."""
    return stream(seed, name).standard_normal(shape)


def uniform(seed: int, name: str, shape: tuple[int, ...]) -> Float:
    """Uniforms in [0, 1) of one named quantity; the first axis is the draw. Shape ``shape``."""
    return stream(seed, name).random(shape)
