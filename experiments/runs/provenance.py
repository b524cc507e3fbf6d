"""Where results come from: versions, commit and hashes of the inputs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path

from calibration.figures import FIGURES
from model.catalogue import TABLES

DISTRIBUTION = "drugfutures"
PROJECT = Path(__file__).resolve().parents[2]
SCENARIOS = PROJECT / "scenarios"
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "h5netcdf", "h5py", "pydantic", "PyYAML")


def package_version() -> str:
    """Version of the installed project; "not installed" when it runs from bare files."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that numbers depend on."""
    found = {"python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in LIBRARIES}


def git_commit() -> str:
    """Commit of the checkout that runs, with "+changes" when files differ; "" outside one."""
    if not (PROJECT / ".git").exists():
        return ""
    commit = _git("rev-parse", "HEAD").strip()
    changed = _git("status", "--porcelain", "--untracked-files=no") if commit else ""
    return commit + ("+changes" if changed.strip() else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
        )
    except OSError:  # git is not on this machine
        return ""
    return done.stdout if done.returncode == 0 else ""


def tables_hash(catalogue: Path | None) -> str:
    """SHA-256 over every table of the model and of a user's folder: names and contents."""
    digest = hashlib.sha256()
    folders = [TABLES] if catalogue is None else [TABLES, catalogue]
    for path in [file for folder in folders for file in sorted(folder.glob("*.csv"))]:
        digest.update(f"{path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def levers_hash(catalogue: Path | None) -> str:
    """SHA-256 over levers, trends, rules and blocks, shipped and of a user's folder."""
    digest = hashlib.sha256()
    folders = [SCENARIOS] if catalogue is None else [SCENARIOS, catalogue]
    patterns = ("levers/*.yaml", "trends/*", "rules.yaml", "blocks.yaml")
    found = [path for folder in folders for pattern in patterns for path in folder.glob(pattern)]
    for path in sorted(found):
        digest.update(f"{path.parent.name}/{path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def figures_hash() -> str:
    """SHA-256 of the table of observed figures."""
    return hashlib.sha256(FIGURES.read_bytes()).hexdigest()
