"""The model: tables, hazards, engines and observation.

Compiled kernels are kept on disk by numba, which looks only at the file that a function stands in:
after a change to a function that it calls, the old code would run. The cache therefore lives in a
folder named after the contents of all files of this package (docs/decisions/008).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path


def _kernel_cache() -> None:
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(here.glob("*.py")):
        digest.update(path.read_bytes())
    for parent in (here / "__pycache__", Path.home() / ".cache" / "drugfutures"):
        folder = parent / f"kernels-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            for old in parent.glob("kernels-*"):
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
            os.environ["NUMBA_CACHE_DIR"] = str(folder)
            return


_kernel_cache()
