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
# # A modeller's four jobs
#
# We add a substance and a measure of our own without a line of code, fit one block of products again, and set the agents
# beside the compartments. After each job we ask what must hold: people are neither made nor lost, other products stay as
# they were, the measure does what its evidence says, the fit is the one that is shipped, and the two engines differ by
# chance alone.
#
# The same story as commands alone is in the [modeller's guide](../docs/modeller.md). Every number about khat here is
# **made up**: it shows the form, not the substance.

# %%
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from calibration.posterior import SHIPPED, load, load_draws
from experiments.checks.docking import counts, dock, docked, place
from experiments.checks.lever_effects import effects
from experiments.runs.study import Options, build_study
from model.catalogue import load_catalogue
from model.compartments import assemble, simulate

FAST = bool(os.environ.get("DRUGFUTURES_FAST"))  # fewer draws, to look at it quickly
HERE = Path(tempfile.mkdtemp(prefix="modeller-"))  # all that this notebook writes
DRAWS, SEEDS, AGENTS, UNTIL = (2, 6, 10_000, 2011) if FAST else (20, 16, 100_000, 2030)


def drugfutures(*words: object) -> int:
    """Run a command, show what it prints, and return its exit status."""
    program = Path(sys.executable).with_name("drugfutures")
    done = subprocess.run(
        [program, *map(str, words)], cwd=HERE, capture_output=True, text=True, check=False
    )
    print(done.stdout + done.stderr)
    return done.returncode


# %% [markdown]
# ## A substance
#
# A catalogue is a folder with tables of the names and columns of `model/tables/`; its rows are added to the shipped ones
# ([all columns](../docs/catalogue.md)). Four states, four flows and their rates make a product. It is `scenario-only`,
# since no Belgian figure can tell its level, and every screen and plot will say so.

# %%
OURS = HERE / "khat"
TABLES = {
    "products.csv": """
id,name,kind,mode,modules,service,market,why,source
khat,Khat,other,scenario-only,khat,,,no Belgian figure exists,ours
""",
    "states.csv": """
module,state,reported,using,mortality,overdose,last_month,daily,service,note,source
khat,never,never,no,,,,,,has not started,ours
khat,light,occasional,yes,,,,,,chews now and then,ours
khat,heavy,problematic,yes,,,,,,chews daily with harm,ours
khat,stopped,former,no,,,,,,no longer chews,ours
""",
    "flows.csv": """
id,module,origin,destination,hazard,family,rates,handles,modifiers,counts,note,source
khat_start,khat,never,light,rate,initiation,khat_start,initiation availability,,initiation,first use,ours
khat_rise,khat,light,heavy,rate,escalation,khat_rise,escalation,,escalation,becomes daily,ours
khat_ease,khat,heavy,light,rate,moderation,khat_ease,moderation,,moderation,back to now and then,ours
khat_stop,khat,light,stopped,rate,cessation,khat_stop,cessation,,stop,stops,ours
""",
    "parameters.csv": """
product,parameter,sex,age_min,age_max,region,deprivation,value,low,high,distribution,unit,role,source,evidence,note
khat,khat_start,,,,,,0.001,0.0005,0.002,lognormal,per year,assumed,assumed,assumed,made up
khat,khat_rise,,,,,,0.05,0.02,0.12,lognormal,per year,assumed,assumed,assumed,made up
khat,khat_ease,,,,,,0.2,0.1,0.4,lognormal,per year,assumed,assumed,assumed,made up
khat,khat_stop,,,,,,0.3,0.15,0.6,lognormal,per year,assumed,assumed,assumed,made up
""",
    "sources.csv": """
id,title,publisher,year,where,licence
ours,A modeller's own product: all numbers are made up,,,notebooks/modeller.py,
""",
}
for name, text in TABLES.items():
    (OURS / name).parent.mkdir(parents=True, exist_ok=True)
    (OURS / name).write_text(text.lstrip())
shown = drugfutures("show", "flows", "khat", "--catalogue", "khat")

# %% [markdown]
# From the catalogue to a run is three steps: draws of the parameters, what the engine needs, the run itself
# ([from Python](../docs/python.md)). We do so with and without khat, with the same draws of the posterior.


# %%
def people(folder: Path | None) -> tuple[xr.DataArray, xr.DataArray]:
    """Person-years by draw, year and state, and people by draw and state at the end of the run."""
    catalogue = load_catalogue(folder)
    prepared = assemble(catalogue, load_draws(catalogue, DRAWS))
    run = simulate(prepared, None, 0, prepared.demography.months, threads=2)
    structure = prepared.structure
    named = [
        f"{structure.products[product]}/{state.state}"
        for product, state in zip(structure.product_of_state, structure.states, strict=True)
    ]
    years = [2010 + year for year in range(run.output.time.shape[1])]
    return (
        xr.DataArray(
            run.output.time.sum(axis=3), {"year": years, "state": named}, ("draw", "year", "state")
        ),
        xr.DataArray(run.state.stock.sum(axis=2), {"state": named}, ("draw", "state")),
    )


(with_khat, at_the_end), (without, _) = people(OURS), people(None)
names = [str(name) for name in with_khat["state"].values]
khat = [name for name in names if name.startswith("khat/")]
with_khat.sel(state=khat, year=[2010, 2020, 2030]).median("draw").to_pandas().round()

# %% [markdown]
# Everybody is in one state of each product: at the end of the run the states of khat must hold as many people as those of
# any other. And khat must leave the rest of the model alone: it moves no other product, and nobody is said to die of it.

# %%
product_of = at_the_end["state"].str.split("product", "/").isel(product=0)
held = at_the_end.groupby(product_of.rename("of")).sum()
lost = float(abs(held.sel(of="khat") / held - 1.0).max())
others = [str(name) for name in without["state"].values]
moved = float(abs(with_khat.sel(state=others) - without).max())
print(f"largest share of people lost or made: {lost:.1e}")
print(f"largest change in any state of another product: {moved:g} person-years")

# %% [markdown]
# ## A measure with its evidence
#
# A measure says what it changes, how sure that is and where it is from, and what a study found (`published`), so that the
# model can be asked to repeat the study. Texts are keys in files of their own, a language each; what a language lacks is
# shown in English.

# %%
EFFECT, COVERAGE = 0.6, 0.7  # made up: starts where shops ask for age, and the share that do
(OURS / "levers").mkdir()
(OURS / "texts").mkdir()
(OURS / "levers" / "own.yaml").write_text(
    f"""
id: outside
objectives:
  - id: none
    measures:
      - id: khat-age-limit
        in_strategy: "no"
        grade: observational
        source: ours
        where: made up for this page
        full: {{value: 90, low: 70, high: 95, unit: "% of shops that ask for age", source: assumed}}
        timing: {{start: 2025-01, lag: 0, ramp: 1, fades: 0}}
        effects:
          - handle: initiation
            products: [khat]
            ages: [10, 17]
            form: share
            effect: {{central: {EFFECT}, low: 0.4, high: 0.9}}
            coverage: {{central: {COVERAGE}, low: 0.5, high: 0.9, source: assumed}}
        indicator: {{id: initiations, product: khat, sign: down, ages: [10, 17]}}
        published:
          {{value: {EFFECT}, low: 0.4, high: 0.9, statistic: ratio, of: initiations, product: khat,
           ages: [10, 17], months: 12, position: 100, note: "made up: starts where shops ask against elsewhere"}}
        cost: null
        unit_cost: null
        note: starts fall where a limit is kept, and are the same where it is not
"""
)
(OURS / "texts" / "en.yaml").write_text(
    """
product.khat: Khat
measure.khat-age-limit: Limit of age for khat
measure.khat-age-limit.about: Shops do not sell khat to people under 18.
measure.khat-age-limit.half: Half of the shops ask for age.
"""
)
(HERE / "khat-limited.yaml").write_text(
    """
id: khat-limited
title: A limit of age for khat
description: From 2025 shops ask for age.
levers: {khat-age-limit: 100}
"""
)
valid = drugfutures("validate", "khat-limited.yaml", "--catalogue", "khat")

# %% [markdown]
# **Alone, as in its study.** Everyone is reached at once and in full, with the middle of the range: starts below 18 over
# the first year, as a ratio to those without the measure.

# %%
study = build_study(Options((str(HERE / "khat-limited.yaml"),), draws=DRAWS, catalogue=OURS))
found = effects(study, ["khat-age-limit"])[0]
print(f"published {found.published.value} ({found.published.low} to {found.published.high})")
print(f"the model {found.median:.3f}, {found.span}")

# %% [markdown]
# **In a scenario.** The measure starts in 2025 and is whole a year later, and 70% of shops keep it: of the starts below 18
# a share of about 1 - 0.7 x (1 - 0.6) = 0.72 is left. Size and coverage are drawn from their ranges with each draw; the
# grade of the evidence (`observational`) widens them, so that an odd draw may lie on the other side of 1.

# %%
ran = drugfutures(
    "run", "khat-limited.yaml", "--catalogue", "khat", "--draws", 4 * DRAWS, "--plots", "none",
    "--out", "results/khat",
)  # fmt: skip

# %%
results = xr.open_dataset(HERE / "results" / "khat" / "scenarios.nc")
starts = results["initiations"].sel(product="khat", group="10-17", time=2030)
left = (starts.sel(scenario="khat-limited") / starts.sel(scenario="current-policy")).dropna("draw")
low, middle, high = np.quantile(left, [0.05, 0.5, 0.95])
print(f"starts below 18 in 2030 that are left: {middle:.2f} ({low:.2f} to {high:.2f})")

# %% [markdown]
# ## One block fitted again
#
# Products are fitted in blocks (`calibration/blocks.csv`), each with its figures. E-cigarettes are the quickest: no other
# block comes before theirs. `--quick` is a first look with few draws. Fits and report go to the folder given; the
# posterior of the package changes only with `--ship`, which takes a complete fit.

# %%
shipped_before = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
fitted = drugfutures(
    "calibrate",
    "--product",
    "e_cigarettes",
    "--out",
    "results/fit",
    *(["--quick", "--draws", 20] if FAST else []),
)

# %% [markdown]
# Do the figures lie inside the intervals of the new fit, and does it say what the shipped posterior says? `contraction`
# is the share of the prior's variance that the figures take away: below 0.2 a quantity is labelled assumed.

# %%
figures = pd.read_csv(HERE / "results" / "fit" / "report" / "figures.csv")
inside = float(figures["predictive_in95"].mean())
print(f"{inside:.0%} of {len(figures)} figures lie in the 95% predictive intervals")

# %%
shipped, again = load(), load(HERE / "results" / "fit" / "posterior.nc")
told = pd.DataFrame(
    {
        "contraction": shipped.contractions,
        "block": dict(zip(shipped.keys, shipped.block, strict=True)),
    }
)
told = told[(told["block"] == "e_cigarettes") & (told["contraction"] >= 0.2)]
for name, posterior in (("shipped", shipped), ("again", again)):
    values = pd.DataFrame(posterior.values, columns=list(posterior.keys))[list(told.index)]
    told[f"{name}_median"], told[f"{name}_sd"] = values.median(), values.std()
told["apart"] = (told["again_median"] - told["shipped_median"]) / told["shipped_sd"]
told.drop(columns="block").round(2)

# %% [markdown]
# `apart` is the distance of the two medians in standard deviations of the shipped posterior. Fast mode keeps 20
# draws, so half a deviation is no news there. What no figure tells keeps its prior in both.
#
# ## Agents beside compartments
#
# With all its refinements off, the agent engine is the compartments with chance: the mean over seeds may differ from the
# compartments by its standard error and no more. z is that difference over its error, in each state, region and year with
# 25 expected agents or more. With n seeds z follows Student's t, so its root mean square should be near
# sqrt((n - 1)/(n - 3)) ([docking](../docs/agents-docking.md)).

# %%
spot = place(unbounded=True, until=UNTIL)
states = len(spot.prepared.structure.states)
expected = counts(spot.prepared, spot.reference)[0][:, :states]
drawn = docked(spot, AGENTS, range(1, SEEDS + 1), threads=2)[:, :, :states]
met = dock(expected, AGENTS, drawn)
chance = np.sqrt((SEEDS - 1) / (SEEDS - 3))
print(
    f"{met.cells:,} cells of {AGENTS:,} agents, {SEEDS} seeds: rms z {met.rms_z:.2f}, chance {chance:.2f}"
)
print(f"{met.beyond:.1%} of cells beyond 3 standard errors; error of one run {met.error:.1%}")

# %% [markdown]
# Would it see a fault? We take 2% off what is expected, as if agents had so many too many of everything.

# %%
faulty = dock(0.98 * expected, AGENTS, drawn)
print(f"with the fault: rms z {faulty.rms_z:.2f}, {faulty.beyond:.1%} of cells beyond 3")

# %% [markdown]
# Docking says that both engines are one model. It does not say that the model is right, nor anything of the refinements
# (ties, queues, traders), which change results and have tests of their own.
#
# ## What must hold

# %%
assert shown == valid == ran == fitted == 0, "every command ends well"
assert lost < 1e-9, "the states of khat hold everybody, no more and no fewer"
assert moved == 0.0, "a product without couplings leaves all others as they were, to the bit"
assert float(with_khat.sel(state="khat/light", year=2030).min()) > 0.0, "and it is used"
assert abs(found.median - EFFECT) < 0.01, "alone the measure does what its study found"
assert abs(middle - (1 - COVERAGE * (1 - EFFECT))) < 0.1, "in a scenario it reaches its coverage"
assert high < 1.0, "and in nearly all draws fewer young people start"
assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == shipped_before, "nothing was shipped"
assert inside >= 0.75, "most figures lie in their 95% intervals"
assert len(told) >= 3, "the figures of e-cigarettes tell at least three quantities"
assert float(told["apart"].abs().max()) < 1.0, "the fit is near the shipped one"
assert 0.75 < met.rms_z / chance < 1.3, "agents differ from compartments by chance alone"
assert faulty.rms_z > 1.3 * met.rms_z, "and a fault of 2% is seen"
