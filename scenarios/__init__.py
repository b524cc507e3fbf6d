"""Measures, trends and scenario files, and what they come to for an engine."""

from importlib.util import find_spec
from pathlib import Path

# A model.py beside a user's script is found before ours, and Python's own error is a puzzle.
_model = find_spec("model")
if _model is not None and Path(str(_model.origin)).parent != Path(__file__).parents[1] / "model":
    raise ImportError(
        f"{_model.origin} hides the package model of Drug Futures: rename it, or start your "
        "script with python -P"
    )
