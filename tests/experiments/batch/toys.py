"""A job without a model: numbers from a counter-based generator by row, so any mix-up shows.

Also a driver of its own, started by tests that kill it: ``python toys.py '{"url": ...}'``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass

import numpy as np

from experiments.batch.job import Computed, Failure, Float, Layout, Single
from model.errors import InputError


@dataclass(frozen=True)
class Toy:
    """Rows of numbers. ``slow``: seconds a block takes; ``fails``: rows that cannot be computed.

    ``deadly``: rows whose block kills its process; ``wrong``: rows with an infinite value;
    ``raises``: rows whose block ends in an error; ``refuses``: rows whose inputs differ.
    """

    digest: str = "d" * 64
    outputs: int = 60
    slow: float = 0.0
    fails: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()
    wrong: tuple[int, ...] = ()
    raises: tuple[int, ...] = ()
    refuses: tuple[int, ...] = ()

    def compute(self, first: int, last: int) -> Computed:
        """As ``Job.compute``."""
        time.sleep(self.slow)
        asked = range(first, last)
        if any(row in asked for row in self.deadly):
            os.kill(os.getpid(), signal.SIGKILL)
        if any(row in asked for row in self.raises):
            raise ZeroDivisionError("a mistake in the job")
        if any(row in asked for row in self.refuses):
            raise InputError("the tables here are others")
        values = np.stack([of_row(row, self.outputs) for row in asked])
        failures = []
        for row in self.fails:
            if row in asked:
                values[row - first] = np.nan
                failures.append(Failure(row, f"row {row} cannot be computed"))
        for row in self.wrong:
            if row in asked:
                values[row - first, 3] = np.inf
        return Computed(values, tuple(failures))


def of_row(row: int, outputs: int) -> Single:
    """The numbers of a row."""
    generator = np.random.Generator(np.random.Philox(key=row))
    return generator.standard_normal(outputs, dtype=np.float32)


def layout_of(toy: Toy, rows: int, block: int) -> Layout:
    """Rows of a toy: draw by draw, ten points, two scenarios."""
    number = np.arange(rows)
    points: Float = np.linspace(0.0, 1.0, 20).reshape(10, 2)
    return Layout(
        digest=toy.digest,
        attributes={"title": "A toy", "question": "What is it?", "study": "id: toy\nblock: 1\n"},
        rows={
            "scenario": np.array(["current-policy", "stratégie"])[number % 2],
            "point": number // 2 % 10,
            "draw": number // 20,
            "seed": np.zeros(rows, dtype=np.int64),
        },
        outputs={
            "indicator": np.array([f"indicator-{i}" for i in range(toy.outputs)]),
            "product": np.array(["cannabis"] * toy.outputs),
            "group": np.array(["Belgium"] * toy.outputs),
            "unit": np.array(["people"] * toy.outputs),
            "year": np.full(toy.outputs, 2030),
        },
        factors={
            "factor": np.array(["F1", "1.1"]),
            "factor_kind": np.array(["trend", "lever"]),
            "factor_low": np.array([0.0, 0.0]),
            "factor_ordered": np.array([True, False]),
        },
        points=points,
        block=block,
    )


def main(text: str) -> None:
    """Run a toy batch, as the command does: exit status 0 when done, 1 when stopped."""
    from experiments.batch.cluster import Dask
    from experiments.batch.driver import BatchStopped, run_batch
    from experiments.batch.pools import Pool, Serial
    from experiments.batch.processes import Processes
    from experiments.runs.terminal import stop

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    asked = json.loads(text)
    toy = Toy(**asked.get("toy", {}))
    pool: Pool = Serial()
    if asked.get("scheduler"):
        pool = Dask(asked["scheduler"])
    elif asked.get("workers", 1) > 1:
        pool = Processes(asked["workers"])
    try:
        run_batch(toy, layout_of(toy, asked["rows"], asked["block"]), asked["url"], pool)
    except BatchStopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    # Workers get the job by the name of its module, which is not __main__.
    from tests.experiments.batch import toys

    toys.main(sys.argv[1])
