"""A batch whose runs are a toy function: the real store, layout and driver, without the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from experiments.batch.design import Design, sample
from experiments.batch.driver import run_batch
from experiments.batch.factors import Factor
from experiments.batch.job import Computed, Failure, Float, Layout, Single
from experiments.batch.pools import Serial
from tests.experiments.sensitivity.toys import ishigami

SCENARIOS = ("current-policy", "strategy")
YEARS = (2029, 2030)


def factors(unordered: bool = False) -> tuple[Factor, ...]:
    """Three trends of Ishigami, the last of another group and acting on the past; one idle."""
    made = [
        Factor(f"trend/F{k}", "trend", f"F{k}", f"Trend {k}", -np.pi, 3.0, "", group, past, True)
        for k, (group, past) in enumerate(
            (("F1", False), ("F1", False), ("F2", True), ("F3", False)), start=1
        )
    ]
    if unordered:
        made[3] = replace(made[3], id="structure/floor", kind="structure", values=("off", "on"))
        made[3] = replace(made[3], low=0.0, high=2.0)
    return tuple(made)


@dataclass(frozen=True)
class Toy:
    """Three outputs a year: Ishigami, a constant, and one that breaks where asked to."""

    points: Float
    scenarios: int
    draws: int
    digest: str = "toy"
    failing: int = -1

    def compute(self, first: int, last: int) -> Computed:
        values = self.values()[first:last]
        failures: tuple[Failure, ...] = ()
        if first <= self.failing < last:
            values[self.failing - first] = np.nan
            failures = (Failure(self.failing, "planted"),)
        return Computed(values, failures)

    def values(self) -> Single:
        """Draw (outermost), point, scenario: draws add noise that averages out exactly."""
        base = ishigami(self.points[:, :3])
        rows = []
        for draw in range(self.draws):
            shift = draw - (self.draws - 1) / 2.0
            for scenario in range(self.scenarios):
                rows.append(base * (1.0 + scenario) + shift)
        table = np.array(rows).reshape(self.draws, self.scenarios, -1).transpose(0, 2, 1)
        one = table.reshape(-1)
        columns = [one, np.full_like(one, 3.0), one + 100.0] * len(YEARS)
        return np.column_stack(columns).astype(np.float32)


def layout_of(design: Design, draws: int = 1, unordered: bool = False) -> Layout:
    varied = factors(unordered)
    points = sample(varied, design)
    many = len(points)
    told = {
        f"design_{name}": int(value) for name, value in vars(design).items() if name != "method"
    }
    return Layout(
        digest="toy",
        attributes={"title": "A toy", "question": "?", "design_method": design.method, **told},
        rows={
            "scenario": np.tile(np.array(SCENARIOS), many * draws),
            "point": np.tile(np.repeat(np.arange(many), len(SCENARIOS)), draws),
            "draw": np.repeat(np.arange(draws), many * len(SCENARIOS)),
            "seed": np.zeros(many * draws * len(SCENARIOS), dtype=np.int64),
        },
        outputs={
            "indicator": np.tile(np.array(["waiting", "treatment", "population"]), len(YEARS)),
            "product": np.array(["alcohol"] * 3 * len(YEARS)),
            "group": np.array(["Belgium"] * 3 * len(YEARS)),
            "year": np.repeat(np.array(YEARS), 3),
            "unit": np.array(["persons"] * 3 * len(YEARS)),
        },
        factors={
            "factor": np.array([f.id for f in varied]),
            "factor_kind": np.array([f.kind for f in varied]),
            "factor_name": np.array([f.name for f in varied]),
            "factor_label": np.array([f.label for f in varied]),
            "factor_group": np.array([f.group for f in varied]),
            "factor_low": np.array([f.low for f in varied]),
            "factor_high": np.array([f.high for f in varied]),
            "factor_unit": np.array([f.unit for f in varied]),
            "factor_ordered": np.array([f.ordered for f in varied]),
            "factor_history": np.array([f.history for f in varied]),
            "factor_assumed": np.array([f.assumed for f in varied]),
            "factor_values": np.array(["|".join(f.values) for f in varied]),
        },
        points=points,
        block=64,
    )


def stored(
    folder: Path, design: Design, draws: int = 1, failing: int = -1, unordered: bool = False
) -> str:
    """The address of a finished store (or one with a failed run)."""
    layout = layout_of(design, draws, unordered)
    job = Toy(layout.points, len(SCENARIOS), draws, failing=failing)
    url = str(folder / "store.zarr")
    run_batch(job, layout, url, Serial())
    return url
