"""One run of agents, month by month, for the agents view: some people of a region, its treatment
centres, markets, and how many people are in each state.

    python -m experiments.workshop.recording

Everything is read between the months, from outside: the run is what it would be unseen. Equal runs
leave equal bytes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.runs.agent_options import Agents
from experiments.runs.agent_run import START, agents_of, seed_numbers
from experiments.runs.attributes import attributes
from experiments.runs.parts import Bench, open_bench
from experiments.runs.study import Options, build_study
from experiments.workshop.answers import BRANCH_YEAR, FIRST_YEAR, LAST_YEAR
from experiments.workshop.sample import HEIGHT, PLACES, WIDTH, Sample, snowball
from model.agents.cases import READY, WAITING
from model.agents.centres import WEEKS
from model.agents.market_book import IMPORTER, SELLER, STOPPED, VENDOR, WHOLESALER
from model.agents.people import CHILD, EMPTY
from model.agents.terms import terms
from model.errors import InputError
from scenarios.schema import Scenario

if TYPE_CHECKING:
    from model.agents.twin import Twin

Int = npt.NDArray[np.int64]
Told = dict[str, Any]

FOLDER = Path(__file__).with_name("recordings")
SUFFIX = ".json.gz"
SCENARIOS = ("strategy",)  # current policy always runs
REGION, GROUP = "Brussels", "any_illegal"
FORMAT = 1
FIRST, LAST = (12 * (year - FIRST_YEAR) for year in (BRANCH_YEAR, LAST_YEAR))
NOBODY_THERE = "away"
# Of several products the state that comes last here counts for the person.
ORDER = ("never", "former", "recovery", "occasional", "problematic", "waiting", "treatment")
STATES = (*ORDER, NOBODY_THERE)
ACTORS = {"importers": IMPORTER, "wholesalers": WHOLESALER, "sellers": SELLER, "vendors": VENDOR}
SOURCES = ("package_version", "parameter_table_hash", "levers_hash", "posterior_hash")


@dataclass(frozen=True)
class Size:
    """How large a run is, and how many people of it are shown."""

    agents: int = 60_000
    people: int = 320
    first: int = 14  # with whom the sample begins
    seed: int = 1  # which of the seeds of the draw


def record(size: Size | None = None, scenarios: Sequence[str] = SCENARIOS) -> dict[str, Told]:
    """Recordings of current policy and of scenarios, by id. Raises InputError for a scenario that
    has rules: they are not followed here."""
    size = size or Size()
    agents = Agents(size.agents, 1)
    options = Options(scenarios=tuple(scenarios), draws=1, plots="none", agents=agents)
    study = build_study(options)
    bench = open_bench(study, 0, 1, (START,))
    for scenario in study.scenarios[1:]:
        if bench.composed(scenario).rules:
            allowed = "a scenario without rules"
            raise InputError("rules are not recorded", given=scenario.id, allowed=allowed)
    sources = {key: str(attributes(study)[key]) for key in SOURCES}
    found: dict[str, Told] = {}
    sample = None
    for scenario in study.scenarios:
        recorder = Recorder(_twin(bench, scenario, size.seed), size, sample)
        told = recorder.told()
        sample = recorder.sample  # the same people: until the branch the runs are the same
        about = {"scenario": scenario.id, "digest": scenario.digest, **sources}
        found[scenario.id] = {**told, "provenance": {**about, "seed": size.seed, "draw": 0}}
    return found


def _twin(bench: Bench, scenario: Scenario, seed: int = 1) -> Twin:
    """The agents of the first draw and one seed, in the first month that is recorded."""
    from model.agents.engine import set_out, setting_for

    study = bench.study
    forcing = bench.prepared.forcing()
    if scenario is not study.scenarios[0]:
        forcing = bench.prepared.forcing(bench.composed(scenario).changes)
    numbers = seed_numbers(study.options.seed, 0, seed)[-1:]
    request = agents_of(study).request(numbers, terms(bench.draws, 0))
    setting = setting_for(bench.prepared, 0, bench.states[START], request, numbers[0])
    twin = set_out(setting, forcing, bench.states[START])
    while twin.month < FIRST:
        twin.step()
    return twin


class Recorder:
    """Looks at a run between its months."""

    def __init__(self, twin: Twin, size: Size, sample: Sample | None) -> None:
        self.twin, structure = twin, twin.setting.structure
        self.region = twin.setting.prepared.strata.regions.index(REGION)
        self.products = np.flatnonzero([kind == "illegal" for kind in structure.kinds])
        layout = twin.crowd.ground.layout
        self.inside = np.flatnonzero(
            np.repeat(layout.cell_region == self.region, np.diff(layout.cell_start))
        )
        self.ranks = self._ranks()
        if sample is None:
            interest = np.zeros(twin.crowd.people.stratum.size, dtype=np.int64)
            state = self.states(self.inside)
            ill = state >= ORDER.index("problematic")
            interest[self.inside] = np.where(ill, 2, state > 0) * (state < len(ORDER))
            sample = snowball(twin, self.region, interest, size.first, size.people)
        self.sample = sample

    def _ranks(self) -> Int:
        """(products, EMPTY) place in ORDER of each state of the group's products."""
        structure = self.twin.setting.structure
        found = np.zeros((len(self.products), EMPTY), dtype=np.int64)
        for k, p in enumerate(self.products):
            first, last = structure.wiring.state_start[p : p + 2]
            for z in range(int(first), int(last)):
                found[k, z - first] = ORDER.index(structure.states[z].reported)
        return found

    def states(self, slots: Int) -> Int:
        """Number in STATES of who lives in each slot; same shape (n,)."""
        people = self.twin.crowd.people
        there = people.stratum[slots] < CHILD
        own = np.where(there, people.state[np.ix_(self.products, slots)], 0)
        ranks = np.take_along_axis(self.ranks, own.astype(np.int64), axis=1)
        return np.where(there, ranks.max(axis=0), STATES.index(NOBODY_THERE))

    def told(self) -> Told:
        """The recording; the run has ended then."""
        twin = self.twin
        sample: list[str] = []
        totals: list[Int] = []
        centres: list[dict[int, Told]] = []
        markets: list[dict[str, Told]] = []
        stopped = self._stopped()
        while True:
            sample.append("".join(str(state) for state in self.states(self.sample.slots)))
            totals.append(np.bincount(self.states(self.inside), minlength=len(STATES)))
            centres.append(self._centres())
            before, stopped = stopped, self._stopped()
            markets.append(self._markets(stopped - before))
            if twin.month == LAST:
                break
            twin.step()
        counts = np.array(totals)[:, : len(ORDER)]
        told = {
            "format": FORMAT,
            "region": REGION,
            "group": GROUP,
            "first_year": BRANCH_YEAR,
            "months": len(sample),
            "agents": agents_asked(twin),
            "persons": round(twin.setting.weight, 3),
            "states": list(STATES),
            "width": WIDTH,
            "height": HEIGHT,
            "tie_kinds": list(PLACES),
            "ties": self.sample.ties.tolist(),
            "at": self.sample.at.tolist(),
            "sample": sample,
            "totals": {state: counts[:, k].tolist() for k, state in enumerate(ORDER)},
            "centres": _by_centre(centres),
            "markets": _by_product(markets),
        }
        twin.close()
        return told

    def _centres(self) -> dict[int, Told]:
        """Treatment centres of the region by their row: agents, and weeks waited so far."""
        twin = self.twin
        cases, centres = twin.reception.cases, twin.reception.centres
        size, number = int(cases.size[0]), int(centres.size[0])
        listed = np.isin(cases.stage[:size], (WAITING, READY)) & (cases.centre[:size] >= 0)
        at = cases.centre[:size][listed]
        waited = (twin.month - cases.asked[:size][listed]) * WEEKS
        waiting = np.bincount(at, minlength=number)
        weeks = np.bincount(at, waited, minlength=number)
        found = {}
        for c in np.flatnonzero(centres.region[:number] == self.region):
            row = {key: int(getattr(centres, key)[c]) for key in ("places", "treated")}
            mean = round(float(weeks[c] / waiting[c]), 1) if waiting[c] else None
            service = twin.setting.structure.services[int(centres.service[c])]
            about = {"service": service, "waiting": int(waiting[c]), "weeks": mean}
            found[int(c)] = row | about
        return found

    def _stopped(self) -> npt.NDArray[np.float64]:
        """(Q,) capacity that police and customs stopped since the start."""
        actors = self.twin.trade.actors
        assert actors is not None  # markets are actors by default
        return np.asarray(-actors.ledger()[:, :, STOPPED].sum(axis=1))

    def _markets(self, stopped: npt.NDArray[np.float64]) -> dict[str, Told]:
        """Who trades each product in the country, at what price and purity (2010 is 100)."""
        actors, run = self.twin.trade.actors, self.twin.crowd.run
        assert actors is not None
        book, month = actors.book, self.twin.month - 1  # prices are those of the month that ended
        found = {}
        for q, p in enumerate(actors.frame.products):
            if int(p) not in self.products:
                continue
            there = (book.capacity[q] > 0.0).sum(axis=1)
            row: Told = {name: int(there[kind]) for name, kind in ACTORS.items()}
            price = np.exp(book.price[q] + run.paths.cost[month, p])
            row["price"] = round(100.0 * float(price), 1)
            row["purity"] = round(100.0 * float(np.exp(run.state.purity[p])), 1)
            row["stopped"] = round(100.0 * float(stopped[q]), 2)
            found[self.twin.setting.structure.products[int(p)]] = row
        return found


def agents_asked(twin: Twin) -> int:
    """Agents that the run was asked for: those of 1 January 2023."""
    from model.agents.engine import inhabitants

    return round(inhabitants() / twin.setting.weight)


def _by_centre(months: Sequence[Mapping[int, Told]]) -> list[Told]:
    """Series of each centre that there was at any time; nothing in it while it is not there."""
    rows = sorted({row for month in months for row in month})
    gone = {"places": 0, "treated": 0, "waiting": 0, "weeks": None}
    found = []
    for row in rows:
        own = [month.get(row, gone) for month in months]
        service = next(month[row]["service"] for month in months if row in month)
        found.append({"service": service, **{key: [one[key] for one in own] for key in gone}})
    return sorted(found, key=lambda centre: -max(centre["places"]))


def _by_product(months: Sequence[Mapping[str, Told]]) -> dict[str, dict[str, list[float]]]:
    return {
        product: {key: [month[product][key] for month in months] for key in months[0][product]}
        for product in months[0]
    }


def packed(told: Told) -> bytes:
    """A recording as it is kept; equal ones are equal bytes."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


def write(folder: Path = FOLDER, size: Size | None = None) -> list[Path]:
    """Record everything that is shipped; the files. Raises InputError as ``record``."""
    folder.mkdir(exist_ok=True)
    paths = []
    for scenario, told in record(size).items():
        paths.append(folder / f"{scenario}{SUFFIX}")
        paths[-1].write_bytes(packed(told))
    return paths


@cache
def recordings(folder: Path = FOLDER) -> Mapping[str, Told]:
    """What was recorded, by scenario, current policy first."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    read = (json.loads(gzip.decompress(path.read_bytes())) for path in paths)
    return {path.name.removesuffix(SUFFIX): told for path, told in zip(paths, read, strict=True)}


def outdated(recorded: Mapping[str, Any], now: Mapping[str, str]) -> bool:
    """Whether a recording rests on other tables or another posterior than the levers do."""
    return any(recorded[key] != now.get(key) for key in SOURCES[1:])


if __name__ == "__main__":
    for written in write():
        print(f"{written.name}: {written.stat().st_size / 1e3:.0f} kB")
