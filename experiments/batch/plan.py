"""From a study file to a plan that can be run: everything read and checked, before anything runs.

``read_batch`` gives a ``Batch``; ``layout_of`` what a store holds of it; ``BatchJob`` is what is
sent to workers.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from calibration.fingerprint import code_hash
from calibration.posterior import load
from experiments.batch.design import Design, cautions_of, points_of, sample
from experiments.batch.factor_entries import MOST_PRIOR_DRAWS, Surroundings, resolve
from experiments.batch.factors import Factor
from experiments.batch.job import Computed, Float, Labels, Layout
from experiments.batch.kept import Kept, check_quantiles, kept_of, statistics_of
from experiments.batch.study_checks import (
    agents_of,
    check_span,
    design_of_file,
    draws_of,
    scenarios_of,
)
from experiments.batch.study_file import ALL, MAIN, StudyFile, read_study_file
from experiments.runs import provenance
from experiments.runs.agent_options import Agents
from experiments.runs.attributes import FILES, files_of
from experiments.runs.attributes import attributes as run_attributes
from experiments.runs.study import Options, Study, build_study
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.checked import refusal
from scenarios.library import Library, load_library
from scenarios.lines import Document
from scenarios.schema import Scenario

MANY_VALUES = 100_000_000  # of rows x outputs, from which on a caution is told
MOST_BYTES = 50e9
BYTES = 4  # of a value
ENOUGH = 50  # draws, for events that are rare
MOST_ROWS = 20_000_000


@dataclass(frozen=True, eq=False)
class Batch:
    """A study, read and checked. ``points`` (P, K) in the units of the factors.

    ``study`` holds the reference and the scenarios, ``scenarios`` those whose rows are kept.
    ``cautions``: what must be said of it, in sentences.
    """

    file: StudyFile
    document: Document
    study: Study
    scenarios: tuple[Scenario, ...]
    factors: tuple[Factor, ...]
    points: Float
    design: Design
    rows: Labels
    outputs: Labels
    agents: Agents | None
    kept: Kept
    text: str
    catalogue: Path | None
    digest: str = ""
    parts: Mapping[str, str] = field(default_factory=dict, repr=False)
    cautions: tuple[str, ...] = ()

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Quantiles (shares, 0 to 1) over draws and seeds, upwards; none: every draw is kept."""
        return tuple(sorted(self.file.keep.quantiles or ()))

    @property
    def draws(self) -> int:
        """Draws of each point: 1 where the point names its draw."""
        return 1 if self.column("posterior") is not None else self.study.options.draws

    @property
    def seeds(self) -> int:
        """Seeds of each draw: 1 of compartments, and where the point names its seed."""
        known = self.agents is not None and self.column("seed") is None
        return self.agents.seeds if known and self.agents is not None else 1

    def column(self, kind: str) -> int | None:
        """Column of ``points`` of the one factor of a kind (posterior, seed)."""
        found = (k for k, factor in enumerate(self.factors) if factor.kind == kind)
        return next(found, None)


def read_batch(path: Path, *, catalogue: Path | None = None, design: Design | None = None) -> Batch:
    """Read and check a study file and all that it names; nothing is run.

    ``design`` stands in place of the file's ``sample``. Raises InputError with file, line, key,
    given and allowed.
    """
    file, document = read_study_file(path)
    text = path.read_text(encoding="utf-8-sig")
    return batch_of(file, document, text, catalogue, design)


def check_study(path: Path, library: Library) -> str:
    """Check a study file and say what it is, with its cautions. Raises InputError."""
    batch = read_batch(path, catalogue=library.catalogue.folder)
    points, factors = batch.points.shape
    rows, outputs = len(batch.rows["point"]), len(batch.outputs["year"])
    return (
        f"study {batch.file.id}: {len(batch.scenarios)} scenarios, {factors} factors, "
        f"{points} points, {rows} rows of {outputs} outputs"
        + "".join(f"\n  caution: {caution}" for caution in batch.cautions)
    )


def batch_of(
    file: StudyFile,
    document: Document,
    text: str,
    catalogue: Path | None,
    design: Design | None,
) -> Batch:
    """The batch of a study file that was read, checked. Raises InputError for what does not fit."""
    library = load_library(load_catalogue(catalogue))
    scenarios = scenarios_of(file, document, library)
    check_span(file, document, scenarios)
    agents = agents_of(file, document)
    posterior = None if file.prior else load()
    fitted = frozenset(() if posterior is None else posterior.keys)
    most = MOST_PRIOR_DRAWS if posterior is None else posterior.draws
    factors = resolve(Surroundings(file, document, library, fitted, most))
    draws = draws_of(file, document, factors, posterior)
    chosen = design_of_file(file, document, factors, design)
    kept = kept_of(file, document, library, scenarios)
    check_quantiles(file, document, factors, draws, agents)
    study = _study(file, catalogue, scenarios, draws, agents)
    outputs = _outputs(study, kept, file, document)
    blank = Batch(
        file=file,
        document=document,
        study=study,
        scenarios=scenarios,
        factors=factors,
        points=np.zeros((0, len(factors))),
        design=chosen,
        rows={},
        outputs=outputs,
        agents=agents,
        kept=kept,
        text=text,
        catalogue=catalogue,
    )
    large = _check_size(blank, document)
    found = replace(blank, points=sample(factors, chosen))
    found = replace(found, rows=_rows(found), cautions=(*_cautions(found, library), *large))
    found = replace(found, parts=_parts(found))
    return replace(found, digest=_digest(found))


def _study(
    file: StudyFile,
    catalogue: Path | None,
    scenarios: Sequence[Scenario],
    draws: int,
    agents: Agents | None,
) -> Study:
    options = Options(
        scenarios=tuple(scenario.document.file for scenario in scenarios),
        draws=draws,
        until=file.until,
        plots="none",
        catalogue=catalogue,
        seed=file.seed,
        prior=file.prior,
        detail="reference",
        agents=agents,
    )
    return build_study(options)


def _outputs(study: Study, kept: Kept, file: StudyFile, document: Document) -> Labels:
    """Labels of the outputs that apply; what was asked for by name must be among them."""
    from experiments.batch.work import applying

    found = applying(study, kept)
    there = set(np.asarray(found["indicator"]).tolist())
    if ALL not in file.keep.indicators and MAIN not in file.keep.indicators:
        for i, one in enumerate(file.keep.indicators):
            if one not in there:
                allowed = f"an indicator of {', '.join(kept.products[:5])} in {kept.groups[0]}"
                place = ("keep", "indicators", i)
                message = "the indicator applies to none of the products and groups"
                raise refusal(document, place, message, one, allowed)
    if not there:
        allowed = "products, groups and years of which some indicator tells something"
        raise refusal(document, ("keep",), "nothing is kept", "no output", allowed)
    return found


def _count(batch: Batch) -> tuple[int, int]:
    """Points and rows, without making them."""
    points = points_of(batch.factors, batch.design)
    each = len(statistics_of(batch.quantiles)) or batch.draws * batch.seeds
    return points, points * len(batch.scenarios) * each


def _check_size(batch: Batch, document: Document) -> tuple[str, ...]:
    """Refuse what no disk would take; caution of what is large."""
    _, rows = _count(batch)
    outputs = len(batch.outputs["year"])
    size = float(rows) * outputs * BYTES
    told = f"{rows:,} rows x {outputs:,} outputs = {size / 1e9:,.1f} GB uncompressed"
    shrink = "quantiles in place of draws, fewer years, groups or indicators, a smaller n"
    if size > MOST_BYTES or rows > MOST_ROWS:
        allowed = f"at most {MOST_BYTES / 1e9:g} GB and {MOST_ROWS:,} rows: {shrink}"
        raise refusal(document, ("keep",), "the batch is too large", told, allowed)
    return (f"A large batch: {told}; {shrink}.",) if rows * outputs > MANY_VALUES else ()


def _rows(batch: Batch) -> Labels:
    """Labels of the rows: draw > point > scenario > seed, or point > scenario > statistic."""
    points, rows = len(batch.points), _count(batch)[1]
    ids = np.array([scenario.id for scenario in batch.scenarios])
    statistics = statistics_of(batch.quantiles)
    if statistics:
        shape: tuple[int, ...] = (points, len(ids), len(statistics))
        point, scenario, statistic = np.unravel_index(np.arange(rows), shape)
        return {
            "scenario": ids[scenario],
            "point": point.astype(np.int64),
            "statistic": np.array(statistics)[statistic],
        }
    shape = (batch.draws, points, len(ids), batch.seeds)
    draw, point, scenario, seed = np.unravel_index(np.arange(rows), shape)
    if (column := batch.column("posterior")) is not None:
        draw = batch.points[point, column]
    if (column := batch.column("seed")) is not None:
        seed = batch.points[point, column]
    return {
        "scenario": ids[scenario],
        "point": point.astype(np.int64),
        "draw": draw.astype(np.int64),
        "seed": seed.astype(np.int64),
    }


def _cautions(batch: Batch, library: Library) -> tuple[str, ...]:
    """What a reader must know of factors that may do nothing, or that replace something."""
    found = list(cautions_of(batch.factors, batch.design))
    levers = [factor.name for factor in batch.factors if factor.kind == "lever"]
    moved = {one for name in levers for one in library.members(name)}
    for scenario in batch.scenarios:
        moved |= {one for one, position in scenario.plan.levers.items() if position}
    found += _few_events(batch, library)
    for factor in batch.factors:
        if factor.kind == "effect" and factor.name not in moved:
            found.append(f"{factor.label}: no scenario and no lever moves this measure.")
        own = [s.id for s in batch.scenarios if _says(s, factor, library)]
        if own:
            found.append(f"{factor.label}: every point replaces what {', '.join(own)} says.")
    return tuple(found)


def _says(scenario: Scenario, factor: Factor, library: Library) -> bool:
    """Whether a scenario itself has a position for a trend or a lever."""
    if factor.kind == "trend":
        return bool(scenario.plan.trends.get(factor.name))
    members = library.members(factor.name) if factor.kind == "lever" else ()
    return any(scenario.plan.levers.get(one) for one in members)


def _few_events(batch: Batch, library: Library) -> list[str]:
    """A caution where events of trends happen, or not, in few draws."""
    trends = {factor.name for factor in batch.factors if factor.kind == "trend"}
    chance = [one for one in library.drivers.values() if one.entry.shock is not None]
    shocks = sorted({driver.trend for driver in chance} & trends)
    named = [factor.high for factor in batch.factors if factor.kind in ("posterior", "sizes")]
    draws = int(max(named, default=batch.draws))
    if not shocks or draws >= ENOUGH:
        return []
    return [
        f"Events of {', '.join(shocks)} happen by the number of the draw: {draws} draws hold "
        f"few of them, the same at every point; {ENOUGH} or more are advised (draws, posterior "
        "or sizes)."
    ]


def _parts(batch: Batch) -> dict[str, str]:
    """What a batch depends on, each as a hash (or a version); names are told to users."""
    study = batch.study
    design = json.dumps(asdict(batch.design), sort_keys=True)
    words = batch.file.model_dump(mode="json", by_alias=True)
    made = hashlib.sha256(np.ascontiguousarray(batch.points).tobytes())
    kept = hashlib.sha256()
    for name in sorted(batch.outputs):
        kept.update(f"{name}\0{chr(0).join(map(str, batch.outputs[name].tolist()))}\n".encode())
    return {
        "study file": json.dumps(words, sort_keys=True),
        "design": design,
        "points": made.hexdigest(),
        "outputs": kept.hexdigest(),
        "scenarios": " ".join(f"{s.id}:{s.digest}" for s in batch.scenarios),
        "levers, trends, rules and blocks": provenance.levers_hash(batch.catalogue),
        "tables": provenance.tables_hash(batch.catalogue),
        "posterior": study.origin.digest,
        "code": _code_hash(),
        "version": provenance.package_version(),
    }


def _code_hash() -> str:
    """SHA-256 of all code that a row's bits can depend on: also agents, scenarios and batches.

    The hash of the posterior leaves these out.
    """
    digest = hashlib.sha256(code_hash().encode())
    for room in ("model", "scenarios", "experiments/batch"):
        for path in sorted((provenance.PROJECT / room).rglob("*.py")):
            digest.update(f"{path.relative_to(provenance.PROJECT).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _digest(batch: Batch) -> str:
    return hashlib.sha256(json.dumps(batch.parts, sort_keys=True).encode()).hexdigest()


def layout_of(batch: Batch) -> Layout:
    """What a store holds of a batch. With statistics a block is made of whole runs."""
    factors = batch.factors
    each = len(statistics_of(batch.quantiles)) or 1
    return Layout(
        digest=batch.digest,
        attributes=_attributes(batch),
        rows=batch.rows,
        outputs=batch.outputs,
        factors={
            "factor": np.array([f.id for f in factors], dtype=np.str_),
            "factor_kind": np.array([f.kind for f in factors], dtype=np.str_),
            "factor_name": np.array([f.name for f in factors], dtype=np.str_),
            "factor_label": np.array([f.label for f in factors], dtype=np.str_),
            "factor_group": np.array([f.group for f in factors], dtype=np.str_),
            "factor_low": np.array([f.low for f in factors], dtype=np.float64),
            "factor_high": np.array([f.high for f in factors], dtype=np.float64),
            "factor_unit": np.array([f.unit for f in factors], dtype=np.str_),
            "factor_ordered": np.array([f.ordered for f in factors], dtype=np.bool_),
            "factor_history": np.array([f.history for f in factors], dtype=np.bool_),
            "factor_assumed": np.array([f.assumed for f in factors], dtype=np.bool_),
            "factor_values": np.array(["|".join(f.values) for f in factors], dtype=np.str_),
        },
        points=batch.points,
        block=-(-batch.file.block // each) * each,
    )


# Of a run alone, or told otherwise here.
_NOT_OF_BATCHES = ("title", "history")


def _attributes(batch: Batch) -> dict[str, str | int | float]:
    file, design = batch.file, batch.design
    told = {
        name: value
        for name, value in run_attributes(batch.study).items()
        if name not in _NOT_OF_BATCHES
    }
    return {
        "Conventions": "CF-1.11",
        **told,
        "title": file.title,
        "question": " ".join((file.question or "").split()),
        "study": batch.text,
        FILES: json.dumps(files_of(batch.study), ensure_ascii=False),
        "study_id": file.id,
        "engine": file.engine,
        "design_method": design.method,
        "design_n": design.n,
        "design_seed": design.seed,
        "design_second_order": int(design.second_order),
        "design_levels": design.levels,
        "design_order": design.order,
        "design_slices": design.slices,
        "design_grouped": int(design.grouped),
        "draws_each": batch.draws,
        "seeds_each": batch.seeds,
        "statistics": " ".join(statistics_of(batch.quantiles)),
        "until": file.until,
        "cautions": "\n".join(batch.cautions),
        "digest": batch.digest,
    }


def design_of(attributes: Mapping[str, object]) -> Design:
    """The design that a store was made with, from its attributes. Raises InputError."""
    try:
        numbers = {
            name: int(str(attributes[f"design_{name}"]))
            for name in ("n", "seed", "second_order", "levels", "order", "slices", "grouped")
        }
        method = str(attributes["design_method"])
    except (KeyError, ValueError) as error:
        allowed = "a store made by: drugfutures batch"
        raise InputError("no design is told here", given=str(error), allowed=allowed) from None
    return Design(
        method=method,
        n=numbers["n"],
        seed=numbers["seed"],
        second_order=bool(numbers["second_order"]),
        levels=numbers["levels"],
        order=numbers["order"],
        slices=numbers["slices"],
        grouped=bool(numbers["grouped"]),
    )


MOST_READ = 2  # batches that a process keeps
_READ: OrderedDict[str, Batch] = OrderedDict()
_READING = threading.Lock()


@dataclass(frozen=True)
class BatchJob:
    """What is sent to a worker: the study as it was read, and hashes of all that it names.

    A worker reads the rest where it runs, once, and refuses where that differs.
    """

    digest: str
    text: str
    catalogue: Path | None
    design: Design
    document: Document = field(compare=False, repr=False)
    parts: Mapping[str, str] = field(compare=False, repr=False)

    @classmethod
    def of(cls, batch: Batch) -> BatchJob:
        """The job of a batch; this process, and those forked from it, need not read it again."""
        with _READING:
            _keep(batch)
        return cls(
            batch.digest, batch.text, batch.catalogue, batch.design, batch.document, batch.parts
        )

    def batch(self) -> Batch:
        """The batch, read on the first call. Raises InputError where inputs differ."""
        with _READING:
            found = _READ.get(self.digest)
            if found is None:
                found = self._read()
                _keep(found)
            return found

    def compute(self, first: int, last: int) -> Computed:
        """Rows ``first`` to ``last`` (not included). Raises InputError where inputs differ."""
        from experiments.batch.work import compute

        return compute(self.batch(), first, last)

    def _read(self) -> Batch:
        file = StudyFile.model_validate(self.document.value)
        design = self.design if file.factors else None
        found = batch_of(file, self.document, self.text, self.catalogue, design)
        mine = found.parts
        other = [name for name, value in self.parts.items() if mine.get(name) != value]
        if found.digest != self.digest:
            raise InputError(
                "this worker has other inputs than the study was read with",
                file=self.document.file,
                given=", ".join(other) or "another digest",
                allowed="the same files, version and libraries on every machine",
            )
        return found


def _keep(batch: Batch) -> None:
    _READ[batch.digest] = batch
    _READ.move_to_end(batch.digest)
    while len(_READ) > MOST_READ:
        _READ.popitem(last=False)
