"""The core in C, built here with the system's compiler: what numba's code is held against."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model import transitions
from model.rows import aligned
from tests.benchmarks.problem import Core, years

Float = npt.NDArray[np.float64]
Run = Callable[[Core], tuple[Float, Float]]

SOURCE = Path(__file__).with_name("core_c.c")
OPTIONS = ("-O3", "-march=native", "-shared", "-fPIC")

_CONSTANTS = ("TOLERANCE", "LARGEST", "FEWEST_TERMS", "MOST_TERMS", "MOST_PARTS")
_COUNTS = ("products", "states", "flows", "strata", "regions", "blocks", "bands", "months")
_ARRAYS = ("state_start", "flow_start", "origin", "destination", "region_start")
_FLOATS = ("base", "factor", "moving_up", "coming")


class _Problem(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_void_p) for name in (*_ARRAYS, *_FLOATS)),
    )


def compiler() -> str | None:
    """Path of the system's C compiler, or None."""
    return shutil.which("cc")


def build(folder: Path) -> Run:
    """Compile the twin into ``folder``; the function takes and returns what core_numba.run does.

    Raises subprocess.CalledProcessError when the compiler fails.
    """
    library = folder / "core_c.so"
    given = [f"-D{name}={getattr(transitions, name)!r}" for name in _CONSTANTS]
    command = [compiler() or "cc", *OPTIONS, *given, str(SOURCE), "-o", str(library), "-lm"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    function = ctypes.CDLL(str(library)).run_core
    function.restype = None
    function.argtypes = [ctypes.POINTER(_Problem), *3 * (ctypes.c_void_p,)]

    def run(problem: Core) -> tuple[Float, Float]:
        stock = problem.stock.copy()
        states, strata = stock.shape
        months, flows, regions = problem.factor.shape
        blocks = problem.coming.shape[2]
        lived = np.zeros((years(problem), states, strata))
        scratch = aligned((flows + 5 * states) * strata)
        counts = (len(problem.state_start) - 1, states, flows, strata, regions, blocks)
        arrays = [np.ascontiguousarray(getattr(problem, name)) for name in (*_ARRAYS, *_FLOATS)]
        pointers = [array.ctypes.data for array in arrays]
        filled = _Problem(*counts, problem.bands, months, *pointers)
        function(ctypes.byref(filled), stock.ctypes.data, lived.ctypes.data, scratch.ctypes.data)
        return lived, stock

    return run
