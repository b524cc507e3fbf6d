"""What all tests share: where the project lies, no screen for plots, hypothesis profiles."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")
# As the run command does: threads of the linear algebra cost more than they bring here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# What collecting the tests makes stays, and to look it through for garbage takes a quarter of the
# time of it: not before the tests begin, and then without what is there already.
gc.disable()

# No deadline: the first call of a kernel compiles it. Derandomized, so that a commit that passes
# here passes elsewhere; `make long-tests` looks at new examples each time, and at more of them.
settings.register_profile(
    "usual",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long",
    deadline=None,
    max_examples=500,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("usual")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent
