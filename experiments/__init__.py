"""What users do with the model: the command line, batches, analyses, reports, the workshop."""

import sys
from importlib.util import find_spec
from pathlib import Path

# A model.py beside a user's script is found before ours, and Python's own error is a puzzle.
for _room in ("model", "scenarios", "calibration"):
    _spec = find_spec(_room)
    if _spec is not None and Path(str(_spec.origin)).parent != Path(__file__).parents[1] / _room:
        _said = (
            f"{_spec.origin} hides the package {_room} of Drug Futures: rename it, or start your "
            "script with python -P"
        )
        raise SystemExit(_said) if Path(sys.argv[0]).stem == "drugfutures" else ImportError(_said)
