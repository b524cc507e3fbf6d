"""The tables of the worked study docs/drivers-2030.md, from its study files.

Its batches take most of an hour on two cores; ``tell`` writes the tables of results that are
there. Pictures, the second study (by group) and what the text says of them are not made here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.series import names_of
from experiments.checks.odd_tables import filled
from experiments.reproduce.pages import put
from model.catalogue import load_catalogue
from scenarios.texts import load_texts, text

if TYPE_CHECKING:
    import xarray as xr

PAGE = Path("docs/drivers-2030.md")
STUDIES = Path("docs/examples")
YEAR = 2030
SEEN, MOST = 0.005, 5  # only factors whose interval lies above, and so many
VISIBLE = 0.0005  # of current policy: a smaller difference is none
DRIVEN = (
    ("last_year_prevalence", "any_illegal"),
    ("problematic_prevalence", "all"),
    ("treatment_episodes", "all"),
    ("attributable_deaths", "all"),
    ("violence_index", "any_illegal"),
    ("public_expenditure", "all"),
    ("daily_use", "tobacco"),
    ("alcohol_per_capita", "alcohol"),
    ("mean_age_first_use", "alcohol"),
    ("mean_age_first_use", "tobacco"),
    ("problematic_prevalence", "any_illegal"),
    ("problematic_prevalence", "alcohol"),
    ("problematic_prevalence", "psychoactive_medicines"),
    ("risky_use", "any_gambling"),
    ("mean_wait", "alcohol"),
    ("mean_wait", "opioids"),
    ("overdose_deaths", "any_illegal"),
    ("daly_attributable", "all"),
    ("hcv_infections", "any_illegal"),
    ("economic_offences", "any_illegal"),
    ("nuisance_exposure", "any_illegal"),
    ("production_waste", "any_illegal"),
)
"""Outcomes of the first table."""
JUDGED = {
    "attributable_deaths all": "deaths attributable to the products",
    "overdose_deaths any_illegal": "drug-induced deaths",
    "daly_attributable all": "DALYs",
    "last_year_prevalence any_illegal": "last-year use of illegal drugs",
    "daily_use tobacco": "daily smoking",
    "problematic_prevalence any_illegal": "problematic use of illegal drugs",
    "problematic_prevalence alcohol": "problematic use of alcohol",
    "risky_use any_gambling": "risky gambling",
    "treatment_episodes/problematic all": "care started per person with problems",
    "violence_index any_illegal": "violence of the market",
    "economic_offences any_illegal": "offences to pay for use",
    "mean_wait alcohol": "mean wait, alcohol",
    "mean_wait opioids": "**mean wait, heroin and other opioids**",
}
"""Outcomes of the table of policies, by their id among the aims."""
POLICIES = {
    "strategy": "whole",
    **{f"strategy-sd{number}": f"SD{number}" for number in range(1, 5)},
}


def write(folder: Path, *, small: bool) -> None:
    """Run the studies and write the page. Raises InputError.

    ``small``: a handful of points, which show that everything is there.
    """
    from experiments.reproduce.steps import ROOT, command

    results = folder.with_name(f"{folder.name}-run")
    drugfutures = [sys.executable, "-m", "experiments.cli"]
    n, resamples = ("2", "20") if small else ("1024", "100")
    sobol = ["sensitivity", "sobol", str(STUDIES / "drivers-2030.yaml"), "--n", n]
    out = ["--plots", "none", "--out", str(results / "drivers")]
    command([*drugfutures, *sobol, "--resamples", resamples, *out])
    store = results / "policies.zarr"
    study = STUDIES / "robust-policies.yaml"
    if small:
        study = results / "few.yaml"
        whole = (ROOT / STUDIES / "robust-policies.yaml").read_text(encoding="utf-8")
        put(study, whole.replace("n: 500", "n: 4").replace("posterior: 100", "posterior: 2"))
    command([*drugfutures, "batch", str(study), "--out", str(store)])
    tell(folder, results / "drivers" / "sensitivity.nc", store)


def tell(folder: Path, indices: Path, store: Path) -> None:
    """Write the page with its tables made from these results."""
    import xarray as xr

    from experiments.reproduce.steps import ROOT

    with xr.open_dataset(indices, engine="h5netcdf") as dataset:
        found = {"drivers": _drivers(dataset), "policies": _policies(store)}
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    put(folder / PAGE, filled(page, found))


def _table(*lines: list[str]) -> str:
    head, *rows = lines
    every = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in every)


def _drivers(dataset: xr.Dataset) -> str:
    catalogue = load_catalogue()
    indicators = {row.id: row.name for row in catalogue.indicators}
    products = names_of(catalogue)
    labels = [
        _factor(str(kind), str(name))
        for kind, name in zip(
            dataset["factor_kind"].values, dataset["factor_name"].values, strict=True
        )
    ]
    rows = []
    for indicator, product in DRIVEN:
        at = (dataset["indicator"] == indicator) & (dataset["product"] == product)
        one = dataset.isel(output=np.flatnonzero((at & (dataset["year"] == YEAR)).values)[0])
        total, half = one["ST"].values, one["ST_conf"].values
        order = [i for i in np.argsort(-total, kind="stable") if total[i] - half[i] > SEEN]
        shares = "; ".join(
            f"{labels[i]} {total[i]:.2f} ({total[i] - half[i]:.2f}-{total[i] + half[i]:.2f})"
            for i in order[:MOST]
        )
        told = f"{indicators[indicator]}, {products[product]}"
        rows.append([told, shares or "none", str(one["verdict"].values)])
    heads = [f"outcome in {YEAR}", "share of the spread (total index, 95% interval)", "verdict"]
    return _table(heads, *rows)


def _factor(kind: str, name: str) -> str:
    """A factor as the table names it."""
    texts = load_texts(None)
    if kind == "lever":
        if name[0].isdigit():
            return f"{name} {text(texts, 'en', f'objective.{name}')}"
        return text(texts, "en", f"measure.{name}")
    return name if kind in ("trend", "structure") else "Draw"


def _policies(store: Path) -> str:
    from experiments.batch.store import open_store
    from experiments.robustness.futures import Futures
    from experiments.robustness.robust_table import Asked, robust

    found = robust(Futures(open_store(str(store))), Asked(year=YEAR))
    outcomes = found.outcomes
    base = outcomes.sel(policy=found.baseline)
    rows = []
    ids = [str(name) for name in outcomes["outcome"].values]
    for key, words in JUDGED.items():
        at = ids.index(key)  # an outcome may stand in two aims
        side = 1.0 if str(outcomes["better"].values[at]) == "up" else -1.0
        before = base.isel(outcome=at).values
        cells = []
        for policy in POLICIES:
            after = outcomes.sel(policy=policy).isel(outcome=at).values
            better = side * (after - before) > VISIBLE * np.abs(before)
            there = np.isfinite(after) & np.isfinite(before)
            cells.append(f"{100.0 * better[there].mean():.0f}")
        if words.startswith("**"):
            cells[0] = f"**{cells[0]}**"
        rows.append([words, *cells])
    return _table(["outcome", *POLICIES.values()], *rows)
