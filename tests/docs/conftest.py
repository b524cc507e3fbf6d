"""The documentation site, built once for the tests that look at it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, a warning being an error."""
    folder = tmp_path_factory.mktemp("site")
    python, pages, out = sys.executable, str(folder / "pages"), folder / "out"
    subprocess.run([python, "docs/sources.py", pages], cwd=ROOT, check=True)
    build = [python, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-c", "docs"]
    done = subprocess.run(
        [*build, "-d", str(folder / "doctrees"), pages, str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out
