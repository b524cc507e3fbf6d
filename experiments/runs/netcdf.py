"""A new netCDF-4 file of labelled variables, laid out with h5py.

h5netcdf looks every dimension up in the file for each variable anew, which for the 300 variables of
a results file takes five times as long. What is written is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np


class NetCDF:
    """A file while it is written: every dimension has a variable of its name, made before others.

    ``attributes`` are those of the file, ``sizes`` the length of each dimension.
    """

    def __init__(
        self, path: Path, attributes: Mapping[str, str | int], sizes: Mapping[str, int]
    ) -> None:
        self.sizes = dict(sizes)
        self.variables: dict[str, h5py.Dataset] = {}
        self._number = {dim: np.int32(at) for at, dim in enumerate(sizes)}
        # netCDF-4 asks that everything keeps the order in which it was made.
        self._file = h5py.File(path, "w", track_order=True)
        self.tell({"Conventions": "CF-1.11", **attributes})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def tell(self, told: Mapping[str, str | int]) -> None:
        """Write attributes of the file; some are known at the end only."""
        _tell(self._file, told)

    def put_label(
        self, name: str, dim: str, values: Sequence[object], told: Mapping[str, str]
    ) -> None:
        """Write the labels of a dimension, or what goes with them."""
        if isinstance(values[0], str):
            kind, array = h5py.string_dtype(), np.array(values, dtype=object)
        else:
            array = np.asarray(values)
            kind = array.dtype
        self._create(name, (dim,), dtype=kind)[:] = array
        _tell(self.variables[name], told)

    def put_variable(
        self,
        name: str,
        dims: Sequence[str],
        fill: np.float32 | np.int32,
        told: Mapping[str, str],
        **storage: object,
    ) -> None:
        """Make a variable that reads as ``fill``, whose type it has, until it is written.

        ``storage`` are chunks and compression, in the words of h5py.
        """
        variable = self._create(name, dims, dtype=fill.dtype, fillvalue=fill, **storage)
        _tell(variable, {"_FillValue": fill, **told})

    def _create(self, name: str, dims: Sequence[str], **kept: object) -> h5py.Dataset:
        shape = tuple(self.sizes[dim] for dim in dims)
        made = self._file.create_dataset(name, shape, track_order=True, **kept)
        if name in self.sizes:
            made.make_scale(name)
        else:
            for axis, dim in enumerate(dims):
                made.dims[axis].attach_scale(self.variables[dim])
        made.attrs["_Netcdf4Dimid"] = self._number[dims[0]]
        made.attrs["_Netcdf4Coordinates"] = np.array([self._number[dim] for dim in dims])
        self.variables[name] = made
        return made


def _tell(
    what: h5py.File | h5py.Dataset, told: Mapping[str, str | int | np.float32 | np.int32]
) -> None:
    for name, value in told.items():  # numbers are lists of one, as netCDF-C writes them
        what.attrs[name] = value if isinstance(value, str) else np.atleast_1d(value)
