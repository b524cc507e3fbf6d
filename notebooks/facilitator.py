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
# # A facilitator's afternoon
#
# A group wants to talk about one question: does the drug strategy still help in a future where it
# is hard to carry out? We choose two contrasted futures, run them beforehand so that nobody
# waits, open the workshop page on the results, ask it the question as a program would, close it,
# and print the two pages that everybody takes home.
#
# The same as commands alone is in the [facilitator's guide](../docs/workshop.md). Most sizes of
# measures and trends are **assumed**: the page says so beside each of them. A future is a story
# to think with, not a forecast.

# %%
import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from html import escape
from pathlib import Path

import httpx
import numpy as np
from IPython.display import Image, display

from experiments.plots.scenario_fans import Of, scenario_fan
from experiments.plots.scenario_sheet import save
from experiments.report.written import html
from experiments.runs.scenario_results import open_dataset
from experiments.workshop.address import address
from experiments.workshop.engine import Engine
from experiments.workshop.studies import Studies
from experiments.workshop.view import Graph, View
from experiments.workshop.wording import words_of
from scenarios.schema import ScenarioFile

FAST = bool(os.environ.get("DRUGFUTURES_FAST"))  # fewer draws, to look at it quickly
HERE = Path(tempfile.mkdtemp(prefix="facilitator-"))  # all that this notebook writes
DRAWS = 8 if FAST else 100
PROGRAM = Path(sys.executable).with_name("drugfutures")
PLAIN = os.environ | {"FORCE_COLOR": "", "COLUMNS": "100"}  # no colours, as into a file


def drugfutures(*words: object, show: bool = True) -> int:
    """Run a command, show what it prints, and return its exit status."""
    given = [PROGRAM, *map(str, words)]
    done = subprocess.run(given, cwd=HERE, env=PLAIN, capture_output=True, text=True, check=False)
    print((done.stdout if show else "") + done.stderr)
    return done.returncode


# %% [markdown]
# ## Choose two futures
#
# Four futures are shipped, each with and without the strategy (`drugfutures show scenarios` lists
# all that is there, [how they were made](../docs/futures.md)). Two corners make the widest
# contrast: *calm and together*, where little that is new reaches the market and authorities act
# early; and *fast and apart*, where new products spread fast and reach people who find care last.

# %%
CALM, FAST_APART = "future-calm-together", "future-fast-apart"
WITH = "-strategy"  # the same future, with all measures of the strategy in full
shown = [drugfutures("show", "scenarios", one) for one in (CALM, FAST_APART + WITH)]

# %% [markdown]
# ## Run them beforehand
#
# One command runs current policy and the four scenarios in `DRAWS` draws of what is uncertain.
# The folder `studies` is what the page will let the room browse.
# What the command prints is long and left out here; `summary.csv` in that folder holds as much.

# %%
FOUR = (CALM, CALM + WITH, FAST_APART, FAST_APART + WITH)
ran = drugfutures(
    "run", *FOUR, "--draws", DRAWS, "--plots", "none", "--out", "studies/futures", show=False
)

# %% [markdown]
# What does the strategy do *within* each future? Then the future is the baseline, not current
# policy. Differences are taken draw by draw: the scenarios share everything that is uncertain, so
# what they differ in is the strategy alone.

# %%
TOLD = ("--indicator", "overdose_deaths", "--indicator", "waiting", "--product", "any_illegal")
compared = [
    drugfutures("compare", "studies/futures", "--baseline", one, "--scenario", one + WITH, *TOLD)
    for one in (CALM, FAST_APART)
]

# %% [markdown]
# A picture for the wall: the hard future, without and with the strategy, beside current policy.
# Lines are medians, bands hold 90% of the draws. Events of this future, such as a wave of very
# potent opioids, come in some draws and not in others, and pass: the fewer draws, the more uneven
# the lines.

# %%
results = open_dataset(HERE / "studies" / "futures")
GRAPH = Graph("overdose_deaths", "any_illegal")
fan = scenario_fan(results, Of(GRAPH.indicator, GRAPH.product), [FAST_APART, FAST_APART + WITH])
picture, _ = save(fan, HERE)  # and its numbers as CSV
Image(
    picture, alt="Drug-induced deaths by year: current policy, the future, and the strategy in it"
)

# %% [markdown]
# ## Open the page
#
# In the room this is `drugfutures workshop --share --studies studies`, in a terminal: it prints
# the address, a QR code and the facilitator's link. Here it runs as a process of its own, on a
# free port that only this machine can reach.

# %%
with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
asked_for = ("--studies", "studies", "--draws", str(DRAWS), "--port", str(PORT))
page = subprocess.Popen(
    [PROGRAM, "workshop", *asked_for], cwd=HERE, env=PLAIN, stdout=subprocess.DEVNULL
)
atexit.register(page.kill)  # it never outlives this notebook

# The port is taken at once, and answers come when current policy has been run in all draws.
room = httpx.Client(
    base_url=f"http://127.0.0.1:{PORT}",
    timeout=600,
    transport=httpx.HTTPTransport(retries=7),
    trust_env=False,  # no proxy stands between this machine and itself
)
offered = room.get("/api/scenarios").raise_for_status().json()
browsed = {study.name: study.problem for study in Studies.of(HERE / "studies").entries}
print(f"The page answers, offers {len(offered)} scenarios, and lets the room browse {[*browsed]}.")

# %% [markdown]
# ## Ask it
#
# `/api/run` takes a scenario as its file would hold it, and answers with quantiles by year, with
# the change in 2030 against current policy draw by draw, and with what must be kept in mind. Here
# the hand moves what `future-fast-apart-strategy` holds: all six strategic objectives in full, and
# all eight trends to their adverse side.

# %%
scenario = {
    "id": "this-one",
    "title": "Fast and apart, with the strategy",
    "levers": {f"SD{n}": 100 for n in range(1, 7)},
    "trends": {"F1": 75, "F2": 75, "F3": 50, "F4": 75, "F5": 50, "F6": 25, "F7": 25, "F8": 75},
}
body = {"scenario": scenario, "graphs": [{"indicator": GRAPH.indicator, "product": GRAPH.product}]}
answer = room.post("/api/run", json=body).raise_for_status().json()
told = answer["graphs"][0]
median = told["scenario"][answer["levels"].index(0.5)][answer["years"].index(2030)]
change = told["change"]
print(f"Drug-induced deaths in 2030, {answer['draws']} draws: median {median:.0f} {told['unit']}")
print(
    f"against current policy: {change['median']:+.0f} ({change['low']:+.0f} to {change['high']:+.0f},"
    f" 90% of draws); {change['agree']:.0%} of draws have this sign"
)
print("Mind:", *told["flags"], sep="\n- ")

# %% [markdown]
# A mistake is answered with what is wrong and what may stand there, as for a file:

# %%
mistaken = room.post("/api/run", json=body | {"scenario": scenario | {"levers": {"SD7": 100}}})
print(mistaken.status_code, mistaken.json())

# %% [markdown]
# ## Close it
#
# Ctrl-C in the terminal; here the same signal. What people sent to the room was in memory alone,
# and is gone.

# %%
page.send_signal(signal.SIGINT)
stopped = page.wait(timeout=60)
try:
    room.get("/api/scenarios", timeout=1)
    closed = False
except httpx.TransportError:
    closed = True
print("The page is closed." if closed else "Somebody still answers!")

# %% [markdown]
# ## Two pages to take home
#
# *Export* on the page makes this report; these are the functions behind the button. It is a
# tagged PDF of two pages, in four languages: what was moved, two graphs, a table of key outcomes,
# what to keep in mind, and how to read it.

# %%
with warnings.catch_warnings(action="ignore"):  # of bars of progress, which nothing here draws
    from experiments.workshop.export_numbers import gather
    from experiments.workshop.sheet import KEY_GRAPHS, report_of, sheet

view = View(scenario=ScenarioFile(**scenario), graphs=(GRAPH, Graph("waiting", "any_illegal")))
engine = Engine.open(DRAWS)
words = words_of("en", engine.library.texts)
numbers = gather(engine, view, words, f"http://127.0.0.1:8080{address(view, 'en')}", KEY_GRAPHS)
engine.close()
(HERE / "report.pdf").write_bytes(sheet(numbers))
print(f"Report: report.pdf, {numbers.draws} draws")
inside = escape(html(report_of(numbers, HERE)))  # the same words and pictures, to look at here
frame = f'<iframe title="The report" srcdoc="{inside}" width="100%" height="1000"></iframe>'
display({"text/html": frame}, raw=True)

# %% [markdown]
# ## What must hold
#
# The key figures of this page, checked each time that it runs.


# %%
def deaths(scenario: str, year: int = 2030) -> np.ndarray:
    """Drug-induced deaths in Belgium in each draw, persons per year."""
    chosen = results[GRAPH.indicator].sel(product=GRAPH.product, group="Belgium", scenario=scenario)
    return chosen.sel(time=year).to_numpy().ravel()


assert not any([*shown, ran, *compared]), "every command ends well"
assert all(np.array_equal(deaths(one, 2023), deaths("current-policy", 2023)) for one in FOUR), (
    "until 2024 all scenarios are the same run"
)
assert (deaths(FAST_APART) > deaths(CALM)).mean() >= 0.9, (
    "more people die in the fast and divided future than in the calm one, in at least 90% of draws"
)
assert (deaths(FAST_APART + WITH) < deaths(FAST_APART)).mean() >= 0.9, (
    "the strategy lowers deaths even there, in at least 90% of draws"
)
assert {CALM, FAST_APART} < {one["id"] for one in offered}, "the page offers the futures"
assert browsed == {"futures": None}, "and can open the study that was run beforehand"
assert answer["draws"] == DRAWS, "the page answers with all of its draws"
assert np.isclose(median, np.median(deaths(FAST_APART + WITH)), rtol=1e-5), (
    "the page's median is that of the run"
)
paired = deaths(FAST_APART + WITH) - deaths("current-policy")
assert np.isclose(change["median"], np.median(paired), rtol=1e-3), "and so is its paired change"
assert mistaken.status_code == 400, "an objective that does not exist is refused"
assert closed, "the page is closed: nobody answers any more"
reference, own = (one.values[0][:, -1] for one in numbers.scenarios)
assert np.isclose(np.median(own - reference), change["median"], rtol=1e-6), (
    "the report tells the change that the page told"
)
assert len(re.findall(rb"/Type\s*/Page\b", (HERE / "report.pdf").read_bytes())) == 2, (
    "the report has two pages"
)
