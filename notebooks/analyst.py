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
# # An analyst's three questions
#
# The outcome is the violence of the cocaine market. What drives it, and may we trust the answer? In which futures does a
# policy end badly? And which policy is never far from the best, whatever comes?
#
# The same story as commands alone is in the [analyst's guide](../docs/analyst.md). Violence is an index whose size is
# **assumed**, and so are the ends between which trends vary: what follows holds within these, and says nothing of how
# likely anything is.

# %%
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from IPython.display import Image

from experiments.batch.opened import outcome
from experiments.batch.store import open_store
from experiments.plots.analysis import convergence, index_years
from experiments.plots.analysis.outputs import Of

FAST = bool(os.environ.get("DRUGFUTURES_FAST"))  # fewer runs, to look at it quickly
HERE = Path(tempfile.mkdtemp(prefix="analyst-"))  # all that this notebook writes
N, POSTERIOR, POINTS, DRAWS = (16, 8, 40, 2) if FAST else (512, 100, 150, 12)


def drugfutures(*words: object) -> int:
    """Run a command, show what it prints, and return its exit status."""
    program = Path(sys.executable).with_name("drugfutures")
    done = subprocess.run(
        [program, *map(str, words)], cwd=HERE, capture_output=True, text=True, check=False
    )
    print(done.stdout + done.stderr)
    return done.returncode


# %% [markdown]
# ## What drives it, year by year
#
# A study file says what varies. `posterior` is the draw of all parameters, with the sizes of measures and the chance of
# events; F2 (inequality) and F3 (mental health and ageing) are trends; two measures follow. A cap on deposits of online
# gambling is there on purpose: it should not move this outcome at all.

# %%
(HERE / "drivers.yaml").write_text(
    f"""
id: cocaine-violence
title: What drives the violence of the cocaine market
version: 1
scenarios: [current-policy]
factors:
  - {{posterior: {POSTERIOR}}}
  - {{trend: F2, low: -100, high: 100}}
  - {{trend: F3, low: -100, high: 100}}
  - {{lever: violence-interruption, low: 0, high: 100}}
  - {{lever: online-deposit-cap, low: 0, high: 100}}
sample: {{method: latin, n: 10, seed: 1}}
keep:
  indicators: [violence_index]
  products: [cocaine]
  years: {{from: 2024, to: 2030}}
"""
)
analysed = drugfutures(
    "sensitivity", "sobol", "drivers.yaml", "--n", N, "--out", "drivers", "--plots", "none"
)

# %% [markdown]
# The total index of a factor (`ST`) is the share of the variance that would stay if all else were fixed; the first-order
# index (`S1`) the share that would go if it were. Each has a half-width (`_conf`) of its 95% interval: how far it may be off
# because the sample is finite. An interval says nothing of how wrong the model is.

# %%
indices = xr.open_dataset(HERE / "drivers" / "sensitivity.nc").load()
violence = Of("violence_index", "cocaine", 2030, scenario="current-policy")
index_years.figure(indices, violence)

# %% [markdown]
# **Has it converged?** Every output has a verdict, with what the rule asks and how many points more it would take. In fast
# mode the sample is far too small, and the verdict says so; an order may then be read only where `rank_stability` is 0.9
# or more.

# %%
verdicts = indices[["verdict", "width", "rank_stability", "more_runs"]].to_dataframe()
verdicts[["year", "verdict", "width", "rank_stability", "more_runs"]]

# %%
convergence.figure(indices, violence)

# %% [markdown]
# ## In which futures does a policy end badly?
#
# Sobol points lie where the indices need them and are no fair picture of futures, so a store of them is refused here. A
# Latin hypercube covers the ranges evenly: each point with each draw is a future, the same for all policies.

# %%
(HERE / "futures.yaml").write_text(
    f"""
id: cocaine-futures
title: Policies towards the cocaine market in many futures
version: 1
scenarios: [current-policy, strategy-sd1, strategy-sd3]
draws: {DRAWS}
factors:
  - {{trend: F2, low: -100, high: 100}}
  - {{trend: F3, low: -100, high: 100}}
  - {{structure: subadditivity, low: 0.3, high: 1.0}}
sample: {{method: latin, n: {POINTS}, seed: 1}}
keep:
  indicators: [violence_index, overdose_deaths, problematic_prevalence]
  products: [cocaine, any_illegal]
  years: [2030]
"""
)
wrong_store = drugfutures(
    "discover", "drivers/store.zarr", "--scenario", "current-policy", "--indicator", "violence_index",
    "--product", "cocaine", "--worst", 0.25,
)  # fmt: skip
batched = drugfutures("batch", "futures.yaml", "--out", "futures", "--workers", 1 if FAST else 2)

# %% [markdown]
# PRIM looks for a box: a rule on few factors that holds many of the misses (coverage) and little else (density). It finds a
# box in noise too. So the whole search is repeated in random halves of the points and judged in the other halves; the
# numbers to quote are those of points not searched. Here a miss is to be among the worst quarter.

# %%
discovered = drugfutures(
    "discover", "futures", "--scenario", "strategy-sd3", "--indicator", "violence_index",
    "--product", "cocaine", "--worst", 0.25, "--out", "box",
)  # fmt: skip

# %%
Image(next((HERE / "box" / "plots").glob("box-*.png")))

# %% [markdown]
# The box names F2, and F2 only. Before we believe it: the library of trends says what F2 does (`drugfutures show trends`),
# and one of its drivers is set on the violence of markets itself. So the box gives back an assumption, with the number from
# which it outweighs the rest. That is worth telling, and it is no discovery about the world.
#
# ## Which policy is never far from the best?
#
# Regret is how far a policy is behind the best one of the same future. The policy whose worst regret is least is the
# minimax row. Other measures ask other things, and where they rank policies the other way round, the choice among measures
# is a choice of values.

# %%
judged = drugfutures("robust", "futures", "--aim", "safer-environment", "--out", "robust")

# %%
Image(HERE / "robust" / "plots" / "regret-en.png")

# %% [markdown]
# The same by hand, from the store: a labelled array of scenario, point and draw.

# %%
store = open_store(HERE / "futures")
index = outcome(store, "violence_index", "any_illegal", "Belgium", 2030)
regret = index - index.min("scenario")
worst = regret.max(["point", "draw"]).to_series()
measures = pd.read_csv(HERE / "robust" / "robust-measures.csv")
measures = measures[measures["outcome"] == "violence_index any_illegal"]
by_policy = measures.pivot(index="policy", columns="measure", values="value")
by_policy[["mean", "regret_p90", "regret_max", "share_best", "worst"]].round(3)

# %% [markdown]
# ## What may be concluded
#
# - **May:** within these ends the draw of the parameters holds most of the variance of 2030; the trend F2 is what separates
#   the worst quarter of futures from the others; a policy is or is not far behind the best of those compared.
# - **May not:** that a future is likely (shares are of sampled futures); that a measure of small index is useless (the
#   index is relative to the ends, and to what else varies); that F2 causes violence (that was put in); that a policy left
#   out of the comparison would not have been better; anything from an order that has not converged.
#
# ## What must hold

# %%
box = json.loads((HERE / "box" / "discovery.json").read_text())
limits = pd.read_csv(HERE / "box" / "discovery-limits.csv")
first, total = indices["S1"], indices["ST"]
error = np.sqrt((indices["S1_conf"] ** 2).sum("factor"))
largest = np.maximum(0.1 * total.max("factor"), 0.05)

assert analysed == batched == discovered == judged == 0, "every command ends well"
assert wrong_store == 2, "a store of Sobol points is refused as a set of futures"
assert bool((first.sum("factor") <= 1.0 + error).all()), "first-order shares sum to one at most"
assert bool((first - indices["S1_conf"] <= total + indices["ST_conf"]).all()), "S1 is part of ST"
assert float(total.sel(factor="lever:online-deposit-cap").max()) < 1e-3, "the idle one has no share"
last = total.isel(output=int(np.argmax(indices["year"].values)))
assert str(last["factor"].values[last.values.argmax()]) == "posterior", (
    "the draw comes first in 2030"
)
settled = indices["verdict"] == "converged"
assert bool((indices["width"] <= largest + 1e-9).where(settled, True).all()), (
    "verdicts keep the rule"
)
assert bool((indices["more_runs"] > 0).where(~settled, True).all()), "else they say what it takes"
assert not FAST or not bool(settled.any()), "a sample of 16 is never enough"
density, low = (box["sampled_density"][key] for key in ("value", "low"))
assert box["found"], "a box is found"
assert box["p"] < 0.05, "and it tells futures apart in points not searched"
assert limits["factor"].iloc[0] == "trend:F2", "it limits F2 first"
assert density > low > 0.25, "it is denser than the quarter that misses, with its interval"
assert box["not_searched_density"]["value"] > 0.25, "and so it is in points not searched"
assert float(regret.min()) == 0.0, "in each future some policy is the best one"
assert np.allclose(worst, by_policy.loc[worst.index, "regret_max"]), "regret by hand is the same"
assert worst.idxmin() == by_policy["regret_max"].idxmin(), "and so is the minimax row"
assert worst["strategy-sd3"] < worst["current-policy"], "SD3 regrets less than doing as now"
