"""``python -m tests.benchmarks``: measure, print a table, write results/benchmark.json.

Exit status 1 when a bound is missed.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """One thread for each linear-algebra library: idle ones would count as the twins' CPU time.

    The libraries read this when numpy is imported, so the imports come after it.
    """
    for library in ("OPENBLAS", "MKL", "OMP"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    from tests.benchmarks import report

    return report.main()


if __name__ == "__main__":
    sys.exit(main())
