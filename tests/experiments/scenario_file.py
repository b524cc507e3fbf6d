"""A small file of scenarios with plausible numbers, made from labels alone: no run is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.series import names_of
from experiments.comparisons.compare import DIMS
from experiments.runs.scenario_results import FILE, load_main_indicators
from model.catalogue import Catalogue, IndicatorRow, load_catalogue

Float = npt.NDArray[np.float64]

YEARS = tuple(range(2023, 2031))
GROUPS = (
    *("Belgium", "Flanders", "Wallonia", "Brussels"),
    *("most_deprived", "others", "10-17", "18-24"),
)
SHARES = (1.0, 0.57, 0.32, 0.11, 0.36, 0.64, 0.08, 0.09)
"""Size of each group in Belgium, of counts."""
LEVELS = (1.0, 0.95, 1.05, 1.2, 1.25, 0.88, 0.5, 1.6)
"""Level of each group against Belgium, of shares."""
ONLY = {
    "population": ("all",),
    "hcv_infections": ("any_illegal",),
    "alcohol_per_capita": ("alcohol",),
    "hazardous_drinking": ("alcohol",),
    "cigarettes_per_day": ("tobacco",),
    "substitution_clients": ("opioids",),
    "excise_revenue": ("alcohol", "tobacco", "all"),
}
"""Products of indicators that few have."""
NO_UNIONS = ("mean_age_first_use", "mean_wait", "recovery", "price_index")
SIZES = {
    "proportion": 0.06,
    "years": 0.15,
    "persons": 2e4,
    "index (2010 = 1)": 1.6,
    "index (January 2010 = 1)": 1.1,
    "cigarettes per day": 18.0,
    "litres per person per year": 7.0,
}
EFFECTS = (0.0, 0.0, -0.12, 0.15)
"""Yearly push of the first scenarios on what grows worse when it grows; 0: none."""
NAMED = ("current-policy", "nothing-new", "full-mix", "stress")
COSTS = {"cost": 1e7, "cost_low": 5e6, "cost_high": 2e7, "cost_price_year": 2024.0}


def make_scenarios(count: int = 4, draws: int = 40, seed: int = 3) -> xr.Dataset:
    """A dataset laid out as the compact file of scenarios; some values are missing."""
    catalogue = load_catalogue()
    random = np.random.default_rng(seed)
    ids = [*NAMED, *(f"invented-{i:02d}" for i in range(count))][:count]
    strengths = np.array([*EFFECTS, *random.normal(0.0, 0.08, count)])[:count]
    chosen = load_main_indicators(catalogue)
    found: dict[str, tuple[object, ...]] = {
        row.id: (DIMS, _values(row, catalogue, strengths, draws), _about(row)) for row in chosen
    }
    names = names_of(catalogue)
    kinds = [row.kind for row in catalogue.products] + ["union"] * len(catalogue.unions)
    modes = [row.mode for row in catalogue.products] + [""] * len(catalogue.unions)
    nan = np.full(len(ids), np.nan)
    found |= {
        # Two of five measures of the stress test have no cost, all three of the full mix have one.
        "measures": ("scenario", np.array([0, 0, 3, 5, *[1] * count])[:count], {}),
        "measures_without_cost": ("scenario", np.array([0, 0, 0, 2, *[1] * count])[:count], {}),
    }
    for name, known in COSTS.items():
        found[name] = ("scenario", np.where(np.arange(len(ids)) == 2, known, nan), {})
    coordinates = {
        "scenario": ids,
        "scenario_title": ("scenario", [one.replace("-", " ").capitalize() for one in ids]),
        "draw": np.arange(draws),
        "time": list(YEARS),
        "product": list(names),
        "product_name": ("product", list(names.values())),
        "product_kind": ("product", kinds),
        "mode": ("product", modes),
        "group": list(GROUPS),
    }
    return xr.Dataset(found, coordinates, {"draws": "posterior", "title": "invented numbers"})


def write_scenarios(folder: Path, count: int = 4, draws: int = 40) -> Path:
    """Write ``scenarios.nc`` into ``folder``; returns the folder."""
    make_scenarios(count, draws).to_netcdf(folder / FILE, engine="h5netcdf")
    return folder


def _about(row: IndicatorRow) -> dict[str, str]:
    return {
        "long_name": row.name,
        "units": row.unit,
        "kind": row.kind,
        "definition": row.definition,
        "source": row.source,
    }


def _values(
    row: IndicatorRow, catalogue: Catalogue, strengths: Sequence[float] | Float, draws: int
) -> npt.NDArray[np.float32]:
    """(scenarios, D, years, products, groups): a lognormal level, a trend and a push from 2024."""
    number = int.from_bytes(hashlib.sha256(row.id.encode()).digest()[:4], "big")
    random = np.random.default_rng(number)
    products = list(names_of(catalogue))
    size = 14.0 if row.id == "mean_age_first_use" else SIZES.get(row.unit, 4e3)
    size = 5e8 if row.unit.startswith("EUR") else size
    level = size * random.lognormal(0.0, 0.2, (draws, 1, len(products), 1))
    since = np.arange(len(YEARS), dtype=float)[:, None, None]
    trend = np.exp(random.normal(0.01, 0.01, (draws, 1, len(products), 1)) * since)
    helps = -0.5 if row.id.startswith(("treatment", "mean_age", "recovery", "subst")) else 1.0
    push = helps * random.normal(1.0, 0.5, (draws, 1, len(products), 1)) * since / since.max()
    push = push * random.normal(1.0, 0.2, (draws, 1, 1, len(GROUPS)))
    groups = np.array(LEVELS if row.kind in ("share", "ratio", "mean") else SHARES)
    if row.id == "mean_age_first_use":
        groups = np.ones(len(GROUPS))
    factors = [np.exp(strength * push) for strength in strengths]
    values = np.stack([level * trend * factor * groups for factor in factors])
    if row.id in ONLY:
        values[:, :, :, [p not in ONLY[row.id] for p in products]] = np.nan
    if row.id in NO_UNIONS:
        values[:, :, :, len(catalogue.products) :] = np.nan
    if row.reach == "nation":
        values[..., 1:] = np.nan
    if row.id == "mean_wait":
        values[:, :3] = np.nan  # a draw in which nobody leaves the list
    return values.astype(np.float32)
