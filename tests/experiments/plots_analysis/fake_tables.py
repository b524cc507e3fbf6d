"""Made-up policies, boxes, trees and calibrations for the analysts' plots."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from experiments.batch.factors import Factor
from experiments.robustness.boxes import Box, Limit

POLICIES = (
    "strategy",
    "strategy-sd1",
    "strategy-sd2",
    "strategy-sd3",
    "strategy-rules-sd5",
    "future-calm-together-strategy",
    "stress-regulated-cannabis",
)
OUTCOMES = (
    "People with problematic use outside care",
    "Drug-induced deaths",
    "Public expenditure, million EUR",
    "Disability-adjusted life years",
)
BETTER = {OUTCOMES[0]: "down", OUTCOMES[1]: "down", OUTCOMES[2]: "down", OUTCOMES[3]: "down"}


def factor(one: str, kind: str, name: str, low: float, high: float, unit: str) -> Factor:
    return Factor(one, kind, name, one, low, high, unit, name, False, True)  # type: ignore[arg-type]


FACTORS = (
    factor("f3", "trend", "F3", -100, 100, "%"),
    factor("f5", "trend", "F5", -100, 100, "%"),
    factor("l2.1", "lever", "2.1", 0, 100, "%"),
    factor("e1", "effect", "letter-on-long-term-sedatives", 0.05, 0.95, "quantile"),
    factor("p1", "parameter", "cocaine/relapse_early[,,,,]", 0.05, 0.95, "quantile"),
)


def outcomes(seed: int = 2) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    names = ("current-policy", *POLICIES)
    base = np.array([60_000.0, 200.0, 900.0, 250_000.0])
    future = rng.normal(1, 0.15, (1, 120, 4))
    policy = 1 - rng.uniform(-0.06, 0.15, (len(names), 1, 4))
    policy[0] = 1
    values = base * future * policy * rng.normal(1, 0.02, (len(names), 120, 4))
    return xr.DataArray(
        values,
        dims=("policy", "future", "outcome"),
        coords={
            "policy": list(names),
            "outcome": list(OUTCOMES),
            "better": ("outcome", [BETTER[one] for one in OUTCOMES]),
        },
    )


def means() -> pd.DataFrame:
    given = outcomes()
    return pd.DataFrame(given.mean("future").values, given["policy"].values, list(OUTCOMES))


def ends() -> tuple[pd.DataFrame, pd.DataFrame]:
    return 0.96 * means(), 1.04 * means()


def regret() -> pd.DataFrame:
    given = outcomes().isel(policy=slice(1, None))
    gap = given - given.min("policy")
    share = 100 * gap / given.min("policy")
    return pd.DataFrame(
        share.quantile(0.9, "future").values, given["policy"].values, list(OUTCOMES)
    )


def trajectory() -> list[Box]:
    rng = np.random.default_rng(1)
    found, coverage, density = [], 1.0, 0.2
    names = [one.id for one in FACTORS]
    for step in range(24):
        count = min(step // 5, len(names))
        limits = tuple(Limit(name, low=-20.0, quasi_p_low=0.01) for name in names[:count])
        mass = 0.95**step
        found.append(Box(limits, coverage, density, mass, round(1000 * mass), step))
        coverage -= rng.uniform(0, 0.04)
        density = min(density + rng.uniform(0, 0.06), 0.97)
    return found


BOX = Box(
    (
        Limit("f3", low=22.5, quasi_p_low=1.2e-9),
        Limit("l2.1", high=41.0, quasi_p_high=0.0003),
        Limit("p1", low=0.2, high=0.8, quasi_p_low=0.01, quasi_p_high=0.04),
    ),
    0.72,
    0.81,
    0.18,
    180,
)


def leaves() -> list[Box]:
    low, high = Limit("f3", high=20.0), Limit("f3", low=20.0)
    return [
        Box((low, Limit("l2.1", high=40.0)), 0.2, 0.3, 0.2, 200),
        Box((low, Limit("l2.1", low=40.0)), 0.05, 0.04, 0.3, 300),
        Box((high, Limit("f5", high=-10.0)), 0.15, 0.4, 0.15, 150),
        Box((high, Limit("f5", low=-10.0), Limit("e1", high=0.5)), 0.4, 0.9, 0.2, 200),
        Box((high, Limit("f5", low=-10.0), Limit("e1", low=0.5)), 0.2, 0.6, 0.15, 150),
    ]


def runs(
    scenarios: tuple[str, ...] = ("current-policy", "strategy"), seed: int = 4
) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    years = np.arange(2010, 2031)
    grow = 1 + 0.02 * (years - 2010)
    one = 9_000 * grow * rng.lognormal(0, 0.12, (len(scenarios), 200, 1))
    late = np.clip((years - 2024) / 6, 0, 1)
    one = one * (1 - 0.08 * late * np.arange(len(scenarios))[:, None, None])
    return xr.DataArray(
        one, dims=("scenario", "draw", "time"), coords={"scenario": list(scenarios), "time": years}
    )


DOTS = pd.DataFrame(
    {
        "year": [2008, 2013, 2016, 2018, 2020],
        "value": [8000, 9200, 10100, np.nan, 11000.0],
        "low": [np.nan, 8800, np.nan, 9900, 10200],
        "high": [np.nan, 9700, np.nan, 12000, 11900],
        "source": ["S1", "S1", "S2", "S2", "S3"],
    }
)


def held(seed: int = 5) -> pd.DataFrame:
    from model.catalogue import load_catalogue

    rng = np.random.default_rng(seed)
    found = []
    for n, product in enumerate(one.id for one in load_catalogue().products):
        for i in range(3 + 4 * (n % 9)):
            wide = rng.uniform(0.1, 0.6)
            value = rng.normal(0, wide) if i % 11 else np.nan
            spread = 0.1 if i % 3 == 0 or np.isnan(value) else np.nan
            middle = 0.2 if np.isnan(value) else value
            found.append(
                (
                    product,
                    f"fig-{n}-{i}",
                    2010 + i % 14,
                    middle - spread,
                    value,
                    middle + spread,
                    -1.645 * wide,
                    -0.674 * wide,
                    0.0,
                    0.674 * wide,
                    1.645 * wide,
                    i % 13 != 5,
                )
            )
    from experiments.plots.analysis.held import GIVEN

    return pd.DataFrame(found, columns=list(GIVEN))


def tipping() -> tuple[pd.DataFrame, pd.DataFrame]:
    inf = float("inf")
    table = pd.DataFrame(
        {
            "package": list(POLICIES[:5]),
            "lasts": [0.81, 0.2, 0.35, 0.1, 0.55],
            "lasts_low90": [0.74, 0.15, 0.28, 0.06, 0.47],
            "lasts_high90": [0.87, 0.27, 0.43, 0.16, 0.62],
            "year": [inf, 2027.0, 2028.0, 2026.0, inf],
            "year_low90": [2028.0, 2025, 2026, 2025, 2026],
            "year_high90": [inf, inf, inf, 2030.0, inf],
        }
    )
    moves = pd.DataFrame(
        {
            "package": ["strategy-sd1", "strategy-sd2", "strategy-sd3", "strategy-sd3"],
            "then": ["strategy", "strategy-rules-sd5", "strategy-sd2", ""],
            "share": [0.7, 0.4, 0.5, 0.2],
        }
    )
    return table, moves
