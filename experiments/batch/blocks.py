"""Blocks of a store: numbers to bytes, a manifest as the mark that they are whole, and checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from experiments.batch.job import Computed, Failure, Single
from experiments.batch.objects import Objects

VALUES = "values"
FOLDER = "blocks"
LABELS = "labels.json"  # checksums of all but the values; there before the first block
WIDE = 2048  # outputs of a chunk at most
NAMED = 5  # outputs named in the reason of a row with values that are no numbers

State = Literal["done", "missing", "damaged"]


@dataclass(frozen=True)
class Grid:
    """How ``values`` (rows, outputs) is cut: ``block`` rows a chunk, ``WIDE`` outputs at most."""

    digest: str
    rows: int
    outputs: int
    block: int

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.rows // self.block)

    @property
    def wide(self) -> int:
        """Outputs of a chunk."""
        return max(1, min(self.outputs, WIDE))

    def span(self, block: int) -> tuple[int, int]:
        """First row of a block, and the one after its last."""
        return block * self.block, min((block + 1) * self.block, self.rows)

    def chunks(self, block: int) -> list[str]:
        """Names of the chunks of a block."""
        return [f"{VALUES}/c/{block}/{part}" for part in range(-(-self.outputs // self.wide))]


@dataclass(frozen=True)
class Checked:
    """What is known of a block: ``state``, ``why`` it is damaged, its ``failures``."""

    block: int
    state: State
    why: str = ""
    failures: tuple[Failure, ...] = ()


def name_of(block: int) -> str:
    """Name of the manifest of a block."""
    return f"{FOLDER}/{block:06d}.json"


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def seal(told: Mapping[str, Any]) -> bytes:
    """A manifest as JSON, with a checksum of itself."""
    return (json.dumps({**told, "sha256": _checksum(told)}, indent=1) + "\n").encode()


def unseal(data: bytes) -> dict[str, Any] | None:
    """What a manifest tells, or None where it is not as it was written."""
    try:
        told = json.loads(data)
        mark = told.pop("sha256")
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return told if mark == _checksum(told) else None


def _checksum(told: Mapping[str, Any]) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode())


def create_values(store: Any, grid: Grid, labels: str = "") -> Any:
    """The empty zarr array ``values`` in a zarr store; ``labels``: names of its coordinates."""
    import zarr
    from zarr.codecs import BytesCodec, ZstdCodec

    return zarr.create_array(
        store,
        name=VALUES,
        shape=(grid.rows, grid.outputs),
        chunks=(grid.block, grid.wide),
        dtype="float32",
        fill_value=float("nan"),
        serializer=BytesCodec(endian="little"),
        compressors=[ZstdCodec(level=3, checksum=False)],
        filters=None,
        dimension_names=("run", "output"),
        attributes={"coordinates": labels} if labels else None,
        config={"write_empty_chunks": True},  # a block of failures is a block too
        zarr_format=3,
    )


def encode(grid: Grid, block: int, values: Single) -> dict[str, bytes]:
    """The chunks of a block, by name; the same numbers give the same bytes.

    ``values`` (rows of the block, outputs).
    """
    from zarr.storage import MemoryStore

    held: dict[str, Any] = {}
    first, last = grid.span(block)
    create_values(MemoryStore(held), grid)[first:last] = values
    return {name: held[name].to_bytes() for name in grid.chunks(block)}


def decode(grid: Grid, block: int, chunks: Mapping[str, bytes]) -> Single:
    """The values of a block, from its chunks: (rows, outputs), in the units of the outputs."""
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    held: dict[str, Any] = {}
    array = create_values(MemoryStore(held), grid)
    buffer = default_buffer_prototype().buffer
    held.update({name: buffer.from_bytes(data) for name, data in chunks.items()})
    first, last = grid.span(block)
    return np.asarray(array[first:last], dtype=np.float32)


def _told(computed: Computed, first: int, shape: tuple[int, int]) -> tuple[Single, list[Failure]]:
    """Values with failed rows blank, and every failure: also rows with values that are no numbers.

    Raises ValueError where a job gave another number of values than asked.
    """
    values = np.array(computed.values, dtype=np.float32)
    if values.shape != shape:
        raise ValueError(f"the job gave values of shape {values.shape} in place of {shape}")
    failures = {failure.row: failure for failure in computed.failures}
    if any(not 0 <= row - first < shape[0] for row in failures):
        raise ValueError("the job named failures outside the rows that it was asked for")
    wrong = ~np.isfinite(values)
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        if first + row not in failures:
            outputs = np.flatnonzero(wrong[row])
            some = ", ".join(str(output) for output in outputs[:NAMED])
            more = ", ..." if len(outputs) > NAMED else ""
            reason = f"not a finite number: {len(outputs)} outputs ({some}{more})"
            failures[first + row] = Failure(first + row, reason)
    values[[row - first for row in failures]] = np.nan
    return values, [failures[row] for row in sorted(failures)]


def write(objects: Objects, grid: Grid, block: int, computed: Computed) -> list[Failure]:
    """Write a block, its manifest last; gives its failures. Raises StorageError, ValueError."""
    first, last = grid.span(block)
    values, failures = _told(computed, first, (last - first, grid.outputs))
    chunks = encode(grid, block, values)
    for name, data in chunks.items():
        objects.put(name, data)
    told = {
        "block": block,
        "rows": [first, last],
        "digest": grid.digest,
        "values": sha256(values.astype("<f4").tobytes()),
        "chunks": {name: sha256(data) for name, data in chunks.items()},
        "failures": [{"row": failure.row, "reason": failure.reason} for failure in failures],
    }
    objects.put(name_of(block), seal(told))
    return failures


def check(objects: Objects, grid: Grid, block: int, depth: Literal[0, 1, 2] = 1) -> Checked:
    """Whether a block is whole.

    ``depth`` 0 reads the manifest alone, 1 also the bytes of each chunk, 2 also decodes them.
    """
    data = objects.get(name_of(block))
    if data is None:
        return Checked(block, "missing")
    told = unseal(data)
    if told is None:
        return Checked(block, "damaged", "its manifest is not as it was written")
    if (told.get("block"), told.get("digest")) != (block, grid.digest):
        return Checked(block, "damaged", "its manifest is that of something else")
    if list(told["chunks"]) != grid.chunks(block) or told["rows"] != list(grid.span(block)):
        return Checked(block, "damaged", "its manifest names other chunks or rows")
    failures = tuple(Failure(int(f["row"]), str(f["reason"])) for f in told["failures"])
    if depth > 0:
        why = _damage(objects, grid, block, told, depth > 1)
        if why:
            return Checked(block, "damaged", why)
    return Checked(block, "done", failures=failures)


def _damage(objects: Objects, grid: Grid, block: int, told: dict[str, Any], deep: bool) -> str:
    found: dict[str, bytes] = {}
    for name, mark in told["chunks"].items():
        data = objects.get(name)
        if data is None:
            return f"{name} is missing"
        if sha256(data) != mark:
            return f"{name} is not as it was written"
        if deep:
            found[name] = data
    if deep:
        try:
            values = decode(grid, block, found)
        except Exception as error:  # a decoder's own errors
            return f"its values cannot be decoded ({error})"
        if sha256(values.astype("<f4").tobytes()) != told["values"]:
            return "its values are not those that were computed"
    return ""


def check_all(
    objects: Objects, grid: Grid, blocks: Sequence[int], depth: Literal[0, 1, 2]
) -> list[Checked]:
    """``check`` of many blocks, a few at a time."""
    from concurrent.futures import ThreadPoolExecutor

    if not blocks:
        return []
    with ThreadPoolExecutor(4 if objects.local is not None else 16) as pool:
        return list(pool.map(lambda block: check(objects, grid, block, depth), blocks))
