# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A researcher's batch
#
# The question: would more treatment places, together with a higher excise duty on alcohol,
# shorten waiting lists and lower deaths, and does the answer hold whatever trends do? We write a
# scenario of our own, check it, run it beside current policy, ask what its parts contribute, and
# then run it in many futures at once.
#
# The same story as commands alone is in the [researcher's guide](../docs/researcher.md). Sizes of
# measures and trends are **assumed** in large part: this shows what follows from them, not what
# will happen.

# %%
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from IPython.display import Image

warnings.filterwarnings("ignore", "IProgress")  # of a library of bars that is not needed

from experiments.batch.opened import outcome
from experiments.batch.store import open_store
from experiments.plots.differences import differences
from experiments.plots.scenario_fans import Of, scenario_fan
from experiments.plots.scenario_sheet import save

FAST = bool(os.environ.get("DRUGFUTURES_FAST"))  # fewer draws, to look at it quickly
HERE = Path(tempfile.mkdtemp(prefix="researcher-"))  # all that this notebook writes
DRAWS, POINTS = (8, 10) if FAST else (200, 100)
PROGRAM = Path(sys.executable).with_name("drugfutures")
PLAIN = os.environ | {"FORCE_COLOR": "", "COLUMNS": "100"}  # no colours, as into a file


def drugfutures(*words: object) -> int:
    """Run a command, show what it prints, and return its exit status."""
    given = [PROGRAM, *map(str, words)]
    done = subprocess.run(given, cwd=HERE, env=PLAIN, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr)
    return done.returncode


# %% [markdown]
# ## A scenario of our own
#
# A scenario is a small file: positions of measures (0 is current policy, 100 the full extent that
# the measure's entry describes) and of trends. `drugfutures show levers` lists what can be moved,
# each with its evidence.

# %%
SCENARIO = """
id: more-places
title: More places, dearer alcohol
description: More places in treatment, with a higher excise duty on alcohol.
levers: {treatment-capacity: 50, alcohol-excise: 50}
"""
(HERE / "more-places.yaml").write_text(SCENARIO)
checked = drugfutures("validate", "more-places.yaml")

# %% [markdown]
# A mistake is refused before anything runs, with the line, what was given and what is allowed:

# %%
(HERE / "mistaken.yaml").write_text(SCENARIO.replace("alcohol-excise: 50", "alcohol-exise: 50"))
refused = drugfutures("validate", "mistaken.yaml")

# %% [markdown]
# ## Beside current policy
#
# Every scenario is the same run as current policy until January 2024 and shares its draws, so
# differences are taken draw by draw. `DRAWS` is the number of draws of the posterior.

# %%
ran = drugfutures(
    "run", "more-places.yaml", "--draws", DRAWS, "--plots", "none", "--out", "results/more-places"
)

# %%
compared = drugfutures(
    "compare", "results/more-places",
    "--indicator", "waiting", "--indicator", "coded_deaths", "--product", "alcohol",
)  # fmt: skip

# %% [markdown]
# The same from the results themselves, which are an ordinary labelled dataset. A difference of
# medians is not the median difference: subtract first, then summarise.

# %%
results = xr.open_dataset(HERE / "results" / "more-places" / "scenarios.nc")
deaths = results["coded_deaths"].sel(product="alcohol", group="Belgium", time=2030)
change = (deaths.sel(scenario="more-places") - deaths.sel(scenario="current-policy")).dropna("draw")
low, median, high = np.quantile(change, [0.05, 0.5, 0.95])
print(f"deaths coded to alcohol in 2030: {median:.0f} ({low:.0f} to {high:.0f}) {deaths.units}")

# %%
of = Of("coded_deaths", "alcohol")
Image(save(scenario_fan(results, of), HERE)[0], alt="Deaths coded to alcohol, both scenarios")

# %%
Image(save(differences(results, of), HERE)[0], alt="Difference in deaths coded to alcohol")

# %% [markdown]
# ## What its parts contribute
#
# Contributions are Shapley values: what a block adds on average over the orders in which blocks
# can come. In each draw they add up to the whole difference.

# %%
explained = drugfutures(
    "explain", "results/more-places", "more-places", "--indicator", "coded_deaths",
    "--product", "alcohol", "--measures", "--draws", min(DRAWS, 10),
    "--format", "csv", "--out", "contributions.csv",
)  # fmt: skip
parts = pd.read_csv(HERE / "contributions.csv")
parts[["label", "kind", "median", "low", "high", "mean", "unit"]]

# %% [markdown]
# ## In many futures
#
# A study file says what varies: here three trends, each over its whole range (+100 is its adverse
# end). `POINTS` futures are sampled, each with the same draws for every scenario. The store can
# be left and taken up again: the command computes only what is missing.

# %%
(HERE / "study.yaml").write_text(
    f"""
id: more-places-study
title: Does it hold whatever the trends do?
version: 1
scenarios: [current-policy, more-places.yaml]
draws: {min(DRAWS, 20)}
factors:
  - {{trend: F2, low: -100, high: 100}}
  - {{trend: F3, low: -100, high: 100}}
  - {{trend: F4, low: -100, high: 100}}
sample: {{method: latin, n: {POINTS}, seed: 1}}
keep:
  indicators: [coded_deaths, waiting]
  products: [alcohol]
  years: [2030]
  groups: [Belgium]
"""
)
batched = drugfutures("batch", "study.yaml", "--out", "results/study")

# %%
again = drugfutures("batch", "study.yaml", "--out", "results/study")  # nothing is left to do
status = drugfutures("status", "results/study", "--verify")

# %% [markdown]
# `open_store` reads it as it lies: a row for each run, a column for each output. Shares of
# sampled futures are **not** probabilities: the sample covers the ranges evenly, and nobody knows
# how likely these are.

# %%
store = open_store(HERE / "results" / "study")
deaths_by_run = outcome(store, "coded_deaths", "alcohol")  # scenario, point, draw
beside = deaths_by_run.sel(scenario="current-policy")
paired = (deaths_by_run.sel(scenario="more-places") - beside).mean("draw")
print(
    f"mean change by future: {float(paired.min()):.0f} to {float(paired.max()):.0f} deaths in 2030"
)
print(
    f"fewer deaths in {100 * float((paired < 0).mean()):.0f}% of the {paired.size} sampled futures"
)

# %% [markdown]
# ## What must hold
#
# The key figures of this page, checked each time that it runs.

# %%
assert checked == 0, "our scenario file is valid"
assert refused == 2, "a misspelt measure is refused"
assert ran == compared == explained == batched == again == status == 0, "every command ends well"
history = results["coded_deaths"].sel(product="alcohol", group="Belgium", time=2023)
assert float(abs(history.diff("scenario")).max()) == 0.0, "before 2024 scenarios are the same run"
assert float((change < 0).mean()) >= 0.95, "a higher duty lowers deaths in nearly all draws"
means = parts.groupby("kind")["mean"].sum()
assert np.isclose(means["block"], means["total"]), "contributions add up to the whole"
assert store.sizes["run"] == 2 * POINTS * min(DRAWS, 20), "the store holds every run of the study"
assert bool((store["state"] == "done").all()), "and every run is done"
assert float((paired < 0).mean()) >= 0.9, "and it does so in nearly all futures"
