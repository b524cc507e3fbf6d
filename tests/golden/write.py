"""``make golden``: write the golden baseline of each engine anew, and say what moved.

Do so only with a line under "Changes results" in CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from tests.golden import agents, reference
from tests.golden.reference import Baseline, differences, text

TOLERANCE = 1e-9  # relative: below it a number counts as the same
BASELINES: dict[Path, Callable[[], Baseline]] = {
    reference.GOLDEN: reference.compute,
    agents.AGENTS: agents.compute,
}


def write(path: Path, compute: Callable[[], Baseline], out: Path) -> list[str]:
    """Write a baseline into a folder and say what moved; what did not keeps its digits."""
    fresh = compute()
    standing = path.read_text(encoding="utf-8") if path.exists() else "{}"
    moved = differences(json.loads(standing), fresh, TOLERANCE)
    out.mkdir(parents=True, exist_ok=True)
    (out / path.name).write_text(text(fresh) if moved else standing, encoding="utf-8")
    return moved


def main() -> None:
    """Write both baselines, here or into another folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    for path, compute in BASELINES.items():
        moved = write(path, compute, out)
        print(f"{path.name}: {len(moved)} lines moved" if moved else f"{path.name}: nothing moved")
        print("\n".join(moved))


if __name__ == "__main__":
    main()
