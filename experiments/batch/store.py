"""The store of a batch: a Zarr group at any address, opened for work or for reading.

Beside the zarr arrays lie ``labels.json``, checksums of all but the values, and a manifest for
each finished block in ``blocks/``. Nothing in it says when, where or how it was made, so equal
studies have equal stores, byte for byte.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from experiments.batch.blocks import (
    FOLDER,
    LABELS,
    VALUES,
    Grid,
    check_all,
    create_values,
    name_of,
    seal,
    sha256,
    unseal,
)
from experiments.batch.job import Layout
from experiments.batch.objects import ASIDE, Objects, StorageError
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

ROOT = "zarr.json"
PROBE = ".probe"
TYPES = ("float32", "float64", "int64", "string", "bool")
LONG = 1_000_000  # labels of a chunk at most
FOREIGN = "a new or empty place, or the store of the same study"


@dataclass(frozen=True)
class Opened:
    """A store as found: its attributes and how its values are cut."""

    objects: Objects
    attributes: Mapping[str, Any]
    grid: Grid


def grid_of(layout: Layout) -> Grid:
    """How the values of a layout are cut."""
    return Grid(layout.digest, *layout.size, layout.block)


def skeleton(layout: Layout) -> dict[str, bytes]:
    """Everything of a store but values and manifests, by name; the root last.

    Raises TypeError for labels that are neither texts nor numbers.
    """
    import zarr
    from zarr.storage import MemoryStore

    held: dict[str, Any] = {}
    store = MemoryStore(held)
    attributes = {**layout.attributes, "digest": layout.digest, "block": layout.block}
    with warnings.catch_warnings():
        # Consolidated metadata are young in version 3, but readers that do not know them
        # find everything without.
        warnings.simplefilter("ignore")
        zarr.create_group(store, attributes=attributes, zarr_format=3)
        create_values(store, grid_of(layout), " ".join([*layout.rows, *layout.outputs]))
        for dimension, labels in (
            ("run", layout.rows),
            ("output", layout.outputs),
            ("factor", layout.factors),
        ):
            for name in labels:
                _add(store, name, np.asarray(labels[name]), (dimension,))
        _add(store, "sample", np.asarray(layout.points, dtype=np.float64), ("points", "factor"))
        zarr.consolidate_metadata(store)
    found = {name: held[name].to_bytes() for name in sorted(held)}
    root = json.loads(found.pop(ROOT))
    inline = root["consolidated_metadata"]["metadata"]
    root["consolidated_metadata"]["metadata"] = {name: inline[name] for name in sorted(inline)}
    found[ROOT] = (json.dumps(root, indent=1) + "\n").encode()
    return found


def _add(store: Any, name: str, values: npt.NDArray[Any], dimensions: tuple[str, ...]) -> None:
    import zarr
    from zarr.codecs import ZstdCodec

    kind = values.dtype.kind
    if kind not in "biufUT":
        raise TypeError(f"labels of {name} are {values.dtype}, not texts or numbers")
    dtype = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}.get(kind, "string")
    array = zarr.create_array(
        store,
        name=name,
        shape=values.shape,
        chunks=tuple(max(1, min(length, LONG)) for length in values.shape),
        dtype=dtype,
        compressors=[ZstdCodec(level=3, checksum=False)],
        dimension_names=dimensions,
        config={"write_empty_chunks": True},
        zarr_format=3,
    )
    if values.size:
        array[...] = values.astype(np.dtypes.StringDType() if dtype == "string" else dtype)


def prepare(url: str, layout: Layout) -> Objects:
    """Create the store of a layout, or open it and mend its labels.

    Raises InputError where something else lies there or nothing can be written. TypeError: as
    ``skeleton``.
    """
    objects = Objects(url)
    present = _listed(objects)
    if present:
        _check_ours(objects, present, layout)
    _probe(objects)
    objects.tidy(present)
    wanted = skeleton(layout)
    marks = {name: sha256(data) for name, data in wanted.items()}
    wanted = {LABELS: seal({"digest": layout.digest, "sha256s": marks}), **wanted}
    for name, data in wanted.items():  # the root comes last: from then on readers find a store
        if name not in present or objects.get(name) != data:
            objects.put(name, data)
    return objects


def _listed(objects: Objects) -> dict[str, int]:
    if objects.local is not None and objects.local.exists() and not objects.local.is_dir():
        raise InputError("there is a file here", key="--out", given=objects.url, allowed="a folder")
    try:
        return objects.sizes()
    except StorageError as error:
        raise InputError(str(error), key="--out", given=objects.url) from None


def _probe(objects: Objects) -> None:
    try:
        objects.put(PROBE, b"")
        objects.delete(PROBE)
    except StorageError as error:
        raise InputError(
            f"the store cannot be written here: {error}",
            key="--out",
            given=objects.url,
            allowed="an address that can be written to",
        ) from None


def _check_ours(objects: Objects, present: Mapping[str, int], layout: Layout) -> None:
    root = _json(objects.get(ROOT))
    told = unseal(objects.get(LABELS) or b"")
    visible = [name for name in present if not _hidden(name)]
    if root is None and told is None:
        if visible:
            _refuse_foreign(objects, visible)
        return
    attributes = root.get("attributes", {}) if root is not None else {}
    found = attributes.get("digest") if root is not None else told and told["digest"]
    if told is not None and layout.digest in (found, told["digest"]):
        found = layout.digest  # a root that was damaged is written anew
    if found is None:
        _refuse_foreign(objects, visible)
    if found != layout.digest:
        raise InputError(
            "this is the store of another study" + _differences(attributes, layout),
            key="--out",
            given=objects.url,
            allowed=FOREIGN,
        )
    _check_types(objects, _metadata(objects, present, root))
    ours = set(skeleton_names(root)) | {LABELS, ROOT}
    tops = {VALUES, *layout.rows, *layout.outputs, *layout.factors, "sample", FOLDER}
    strange = [n for n in visible if n not in ours and n.partition("/")[0] not in tops]
    if strange:
        _refuse_foreign(objects, strange)


def skeleton_names(root: Mapping[str, Any] | None) -> Iterable[str]:
    """Names of the metadata of the arrays that a root tells of."""
    inline = ((root or {}).get("consolidated_metadata") or {}).get("metadata") or {}
    return [f"{name}/{ROOT}" for name in inline]


def _hidden(name: str) -> bool:
    last = name.rpartition("/")[2]
    return last.startswith((ASIDE, PROBE)) or any(p.startswith(".") for p in name.split("/"))


def _json(data: bytes | None) -> dict[str, Any] | None:
    try:
        told = json.loads(data or b"")
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _metadata(
    objects: Objects, present: Iterable[str], root: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Metadata of every array, its own and the copy at the root, by name."""
    inline = ((root or {}).get("consolidated_metadata") or {}).get("metadata") or {}
    found: dict[str, Any] = {f"{name} (root)": told for name, told in inline.items()}
    for name in present:
        if name.count("/") == 1 and name.endswith((f"/{ROOT}", "/.zarray")):
            found[name.partition("/")[0]] = _json(objects.get(name))
    return found


def _check_types(objects: Objects, metadata: Mapping[str, Any]) -> None:
    """Raises InputError where an array holds anything but numbers and texts."""
    for name, told in metadata.items():
        kind = told.get("data_type", told.get("dtype")) if isinstance(told, dict) else None
        if kind is not None and kind not in TYPES:
            raise InputError(
                f"the array {name} is of a type that no store of ours holds: reading objects can "
                "run code",
                key="--out",
                given=str(kind.get("name", kind) if isinstance(kind, dict) else kind),
                allowed=TYPES,
                file=objects.url,
            )


def _refuse_foreign(objects: Objects, names: list[str]) -> None:
    some = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
    raise InputError(
        f"there is something here that is not part of the store of a batch ({some}), so it is "
        "left alone",
        key="--out",
        given=objects.url,
        allowed=FOREIGN,
    )


def _differences(found: Mapping[str, Any], layout: Layout) -> str:
    """What differs between the attributes of a store and a layout, in words."""
    asked = {**layout.attributes, "block": layout.block}
    lines = []
    for name in sorted({*asked, *found} - {"digest"}):
        old, new = found.get(name), asked.get(name)
        if old != new and name == "study":
            lines += _lines(str(old), str(new))
        elif old != new:
            lines.append(f"{name}: {_short(old)} in the store, {_short(new)} asked")
    if not lines:
        return ": what it reads has changed since"
    return ":" + "".join(f"\n  {line}" for line in lines[:12])


def _lines(old: str, new: str) -> list[str]:
    import difflib

    told = difflib.ndiff(old.splitlines(), new.splitlines())
    words = {"- ": "study file, in the store:", "+ ": "study file, asked:"}
    return [f"{words[line[:2]]} {line[2:].strip()}" for line in told if line[:2] in words][:8]


def _short(value: object) -> str:
    text = "nothing" if value is None else " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def find(url: str) -> Opened:
    """A store for reading. Raises InputError where none is, or where it holds objects."""
    objects = Objects(url, key="STORE")
    try:
        root = _json(objects.get(ROOT))
        old = objects.get(".zgroup") or objects.get(".zarray") or objects.get(".zmetadata")
        if root is None and old is not None:
            _check_types(objects, _metadata(objects, objects.sizes(), None))
        ours = root is None and unseal(objects.get(LABELS) or b"") is not None
    except StorageError as error:
        raise InputError(str(error), key="STORE", given=url) from None
    attributes = (root or {}).get("attributes", {})
    inline = ((root or {}).get("consolidated_metadata") or {}).get("metadata") or {}
    if root is not None:
        _check_types(objects, _metadata(objects, [f"{name}/{ROOT}" for name in inline], root))
    if ours:
        raise InputError(
            f"the {ROOT} of this store is damaged or not written yet",
            key="STORE",
            given=url,
            allowed="`drugfutures batch` with the same study and store writes it anew",
        )
    if "digest" not in attributes or VALUES not in inline:
        raise InputError(
            "there is no store of a batch here",
            key="STORE",
            given=url,
            allowed="what `drugfutures batch STUDY --out STORE` wrote",
        )
    rows, outputs = inline[VALUES]["shape"]
    grid = Grid(attributes["digest"], rows, outputs, int(attributes["block"]))
    return Opened(objects, attributes, grid)


def damaged_labels(opened: Opened) -> list[str]:
    """Names of labels that are not as they were written. Raises StorageError."""
    told = unseal(opened.objects.get(LABELS) or b"")
    if told is None or told["digest"] != opened.grid.digest:
        return [LABELS]
    return [
        name
        for name, mark in told["sha256s"].items()
        if (data := opened.objects.get(name)) is None or sha256(data) != mark
    ]


def states(opened: Opened) -> npt.NDArray[np.str_]:
    """By row: "done", "failed" or "missing" (R,), as the manifests tell.

    Raises InputError for a damaged block.
    """
    grid = opened.grid
    present = opened.objects.sizes()
    known = [block for block in range(grid.blocks) if name_of(block) in present]
    found = np.full(grid.rows, "missing", dtype="<U7")
    # Of a store on this machine every byte is checked: what is damaged must not pass for missing.
    depth: Literal[0, 1] = 0 if opened.objects.local is None else 1
    for checked in check_all(opened.objects, grid, known, depth):
        if checked.state == "damaged":
            raise InputError(
                f"block {checked.block} of the store is damaged: {checked.why}",
                given=opened.objects.url,
                allowed="a whole store: drugfutures status STORE --verify names what is damaged, "
                "and drugfutures batch with the same study computes it again",
            )
        if checked.state == "done":
            first, last = grid.span(checked.block)
            found[first:last] = "done"
            found[[failure.row for failure in checked.failures]] = "failed"
    return found


def open_store(url: str | Path) -> xr.Dataset:
    """A store as a Dataset, values read when they are asked for, labels at once.

    ``values`` (run, output) float32, to be used where the coordinate ``state`` (run) is "done"; it
    is NaN where "failed", and mostly where "missing" (of a block being written parts are there).
    Coordinates over run, output and factor are the labels of ``Layout``; ``sample`` (points,
    factor) is the value of each factor at each point. Raises InputError where no store is.
    """
    import xarray as xr

    opened = find(str(url))
    # Chunks by dask would come in tens of thousands of tasks; xarray's own are as lazy.
    dataset: xr.Dataset = xr.open_zarr(opened.objects.url, consolidated=True, chunks=None)
    labels: dict[str, Any] = {}
    for name, variable in dataset.variables.items():
        if variable.dims in (("run",), ("output",), ("factor",)):
            plain = variable.to_numpy()
            if plain.dtype.kind not in "biuf":  # numpy's new texts are strangers to pandas
                plain = np.asarray(plain.tolist(), dtype=np.str_)
            labels[str(name)] = (variable.dims, plain, variable.attrs)
    labels["state"] = (("run",), states(opened))
    bare: xr.Dataset = dataset.drop_vars([name for name in labels if name in dataset.variables])
    return bare.assign_coords(labels)
