"""The model: tables, hazards, engines and observation.

Compiled kernels are kept on disk by numba, which looks only at the file that a function stands in:
after a change to a function that it calls, the old code would run. The cache therefore lives in a
folder named after the contents of all files with kernels and those that they import from here
(docs/decisions/008).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path


def _kernel_files(here: Path) -> list[Path]:
    texts = {path: path.read_text(encoding="utf-8") for path in here.rglob("*.py")}
    kernels = [path for path in texts if re.search(r"@(njit|rows\.lean|lean)\b", texts[path])]
    named = {
        here.joinpath(*parts).with_suffix(".py")
        for path in kernels
        for line in re.findall(r"^from model((?:\.\w+)*) import (.*)$", texts[path], re.MULTILINE)
        for parts in _modules(*line)
    }
    return sorted({*kernels, *(named & set(texts))})


def _modules(package: str, names: str) -> list[list[str]]:
    """What an import may read: the module itself, or modules of a package."""
    parts = package.split(".")[1:]
    inside = [[*parts, name] for name in re.findall(r"\w+", names)]
    return [parts, *inside] if parts else inside


def _kernel_cache() -> None:
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in _kernel_files(here):
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
            if "numba" in sys.modules:  # it read the variable when it was imported
                sys.modules["numba"].config.reload_config()
            return


_kernel_cache()
