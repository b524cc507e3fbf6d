"""Do our own intervals cover what they say? Truths from the prior, refitted and counted.

Each set draws a truth from a block's prior, makes figures of it by the error model, refits the
block to the figures up to a cut and asks where the truth lies in the posterior: of the inputs, of
latent outputs up to 2030 and of the figures after the cut. This tests sampler, surrogate and code,
not the model: with the truth from the prior it holds by construction if they are right. The broken
truths tell what happens when the world is not as assumed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.blocks import BlockModel, BlockRow, Target, load_blocks
from calibration.calibrate import block_figures
from calibration.errors import Errors, build_errors
from calibration.figures import Figure
from calibration.fit import BlockFit, Settings, fit_block, screen
from calibration.likelihood import predict
from calibration.mixture import mixture_cdf
from calibration.priors import draw_priors
from calibration.series import Group, Series
from model.catalogue import Catalogue

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]

CUT = 2015
LATENT_YEARS = (2018, 2023, 2030)
LATENT = ("last_year_prevalence", "problematic_prevalence", "lifetime_prevalence")
LEVELS = (0.5, 0.8, 0.95)
STUDY = Settings(
    draws=200, proposals=200, warmup=200, thin=1, first=700, later=200, rounds=2, chains=4
)
WITH_LOADS = ("cannabis", "cocaine", "mdma", "amphetamine")
POORLY_MIXED = 1.05  # R-hat above which a fit of the study counts as poorly mixed (it is kept)

TRUTHS = ("prior", "noisier waves", "initiation jump", "purity drift")
NOISIER = 2.0  # broken truth: waves this much noisier
UNKNOWN_BREAK = -0.6  # and all surveys of 2013 lower by this much on their scale, licit ones too
JUMP = np.log(2.0)  # broken truth: initiation doubles at the knot of JUMP_YEAR
JUMP_YEAR = 2013
DRIFT = 0.10  # broken truth: loads in wastewater rise by this much a year besides (log)


@dataclass(frozen=True)
class Quantity:
    """Where the truth lies in the posterior of one quantity: the posterior's mass below it."""

    truth: str
    number: int
    block: str
    kind: str  # input | latent | figure
    name: str
    mass: float
    rhat: float


@dataclass(frozen=True)
class Bench:
    """One block made ready for many refits. ``known`` (N,), one a target."""

    block: BlockRow
    model: BlockModel
    errors: Errors  # of the figures, which are the first targets
    known: Bool  # of all targets
    names: tuple[str, ...]  # of all targets

    @property
    def figures(self) -> int:
        """Number of targets that are figures; the others are latent outputs."""
        return len(self.errors.ids)


def prepare_bench(
    catalogue: Catalogue, figures: Sequence[Figure], block: BlockRow, threads: int, seed: int = 1
) -> Bench:
    """A block alone, without what is upstream of it, its figures and latent outputs."""
    alone = block.model_copy(update={"upstream": None})
    pairs = block_figures(figures, block, catalogue)
    targets = [target for _, target in pairs]
    errors = build_errors([figure for figure, _ in pairs], catalogue)
    # A range is simulated as a plain number: what was printed says nothing of the truth.
    errors = replace(errors, observed=np.nan_to_num(errors.observed))
    latent = [
        Target(series, year, year, series)
        for product in block.products.split()
        for indicator in LATENT
        for year in LATENT_YEARS
        for series in [Series(product, indicator, Group("all", 15, 64, "Belgium"), "proportion")]
    ]
    base = draw_priors(catalogue, STUDY.draws, seed)
    model = BlockModel(catalogue, alone, base, [*targets, *latent], threads=threads)
    early = [(figure.year_end or figure.year or 0) <= CUT for figure, _ in pairs]
    # A block whose figures are all later is refitted to all of them: none is left to forecast.
    known = np.array([*(early if any(early) else [True] * len(early)), *([False] * len(latent))])
    model = model.with_inputs(screen(model, known))
    names = [figure.id for figure, _ in pairs]
    names += [f"{t.series.product}/{t.series.indicator}/{t.first}" for t in latent]
    return Bench(alone, model, errors, known, tuple(names))


@dataclass(frozen=True)
class _Truth:
    """What the world of one set is: scores, log tau, values of all targets, figures."""

    scores: Float
    values: Float
    observed: Float


def _world(bench: Bench, truth: str, rng: np.random.Generator) -> _Truth:
    """Draw a truth from the prior, broken as ``truth`` says, and figures from it.

    A truth with which the model breaks down is no world: the next one is drawn.
    """
    model, errors = bench.model, bench.errors
    values = np.array([np.nan])
    while not np.isfinite(values).all():
        scores = rng.standard_normal((1, len(model.inputs)))
        index = rng.integers(0, model.base.size, 1)
        true = _jumped(model, scores, index) if truth == "initiation jump" else scores
        values = model.values(true, index)[0]
    log_tau = errors.tau[:, 0] + errors.tau[:, 1] * rng.standard_normal(len(errors.tau))
    if truth == "noisier waves":
        log_tau = log_tau + np.log(NOISIER)
    noise = rng.multivariate_normal(np.zeros(bench.figures), errors.covariance(log_tau))
    observed = values[: bench.figures] + noise
    years = np.array([target.last for target in model.targets[: bench.figures]])
    survey = np.array([family == "health survey" for family in errors.family])
    loads = np.array([family == "wastewater" for family in errors.family])
    if truth == "noisier waves":
        observed = observed + UNKNOWN_BREAK * (survey & (years == 2013))
    if truth == "purity drift":
        observed = observed + DRIFT * loads * (years - 2011)
    return _Truth(scores[0], values, observed)


def _jumped(model: BlockModel, scores: Float, index: Int) -> Float:
    """Scores with one innovation more: initiation doubles at the knot, and the trend carries on."""
    draws = model.draws(scores, index)
    moved = scores.copy()
    for k, one in enumerate(model.inputs):
        if one.row is None and one.name.endswith(f"[{JUMP_YEAR}]"):
            product = model.catalogue.products[one.product]
            spread = draws.scalar(product.id, product.kind, "innovation_sd", "a jump")
            moved[:, k] += JUMP / spread
    return moved


def refit(bench: Bench, truth: str, number: int, bank: tuple[Float, Float]) -> list[Quantity]:
    """One set: a world, a fit to its figures up to the cut, and where the truth lies in it.

    ``bank``: scores (runs, inputs) and values (runs, N) of exact runs.
    """
    rng = np.random.default_rng([TRUTHS.index(truth), number, 19])
    world = _world(bench, truth, rng)
    errors = replace(bench.errors, observed=world.observed)
    settings = replace(STUDY, seed=1000 * TRUTHS.index(truth) + number)
    fit = fit_block(bench.model, errors, bench.known, settings, bank=bank)
    return [
        Quantity(truth, number, bench.block.block, kind, name, mass, float(fit.rhat.max()))
        for kind, name, mass in [*_inputs(bench, fit, world), *_outputs(bench, errors, fit, world)]
    ]


def _inputs(bench: Bench, fit: BlockFit, world: _Truth) -> list[tuple[str, str, float]]:
    count = len(fit.inputs)
    chains = fit.chains[..., :count].reshape(-1, count)
    masses = (chains < world.scores).mean(axis=0)
    return [("input", one.name, float(m)) for one, m in zip(fit.inputs, masses, strict=True)]


def _outputs(
    bench: Bench, errors: Errors, fit: BlockFit, world: _Truth
) -> list[tuple[str, str, float]]:
    figures = bench.figures
    masses = (fit.values < world.values).mean(axis=0)
    found = [("latent", bench.names[i], float(masses[i])) for i in range(figures, len(masses))]
    later = np.flatnonzero(~bench.known[:figures])
    if len(later):
        known = bench.known[:figures]
        mean, sd = predict(errors, known, fit.values[:, :figures], fit.log_tau)
        for column, i in enumerate(later):
            mass = float(mixture_cdf(world.observed[i], mean[:, column], sd[:, column]))
            found.append(("figure", bench.names[i], mass))
    return found


def covered(masses: Float, level: float) -> float:
    """Share of truths inside the central interval of this level.

    ``masses`` (n,): posterior mass below each.
    """
    return float(np.mean(np.abs(masses - 0.5) <= level / 2))


# The study


@dataclass(frozen=True)
class Chunk:
    """Sets of one block and truth that one process makes one after the other."""

    block: str
    truth: str
    numbers: tuple[int, ...]


def chunks(blocks: Sequence[str], per_block: int, per_broken: int, size: int = 4) -> list[Chunk]:
    """The sets of a study: ``per_block`` of each block from the prior, ``per_broken`` of each
    broken truth; a drift of purity only for blocks with wastewater among their figures."""
    found = []
    for truth in TRUTHS:
        count = per_block if truth == "prior" else per_broken
        for block in blocks:
            if truth == "purity drift" and block not in WITH_LOADS:
                continue
            numbers = range(count)
            found += [
                Chunk(block, truth, tuple(numbers[i : i + size])) for i in range(0, count, size)
            ]
    return found


def run_chunk(
    catalogue: Catalogue, figures: Sequence[Figure], chunk: Chunk, done: frozenset[int]
) -> list[Quantity]:
    """The quantities of a chunk's sets that are not ``done``."""
    left = [number for number in chunk.numbers if number not in done]
    if not left:
        return []
    bench, bank = _ready(catalogue, figures, chunk.block)
    return [quantity for number in left for quantity in refit(bench, chunk.truth, number, bank)]


_READY: dict[tuple[object, ...], tuple[Bench, tuple[Float, Float]]] = {}
"""Benches of this process, each with its runs from the prior: the same for all sets of a block."""


def _ready(
    catalogue: Catalogue, figures: Sequence[Figure], block: str
) -> tuple[Bench, tuple[Float, Float]]:
    key = block, STUDY, tuple(figures)
    if key not in _READY:
        row = next(row for row in load_blocks() if row.block == block)
        bench = prepare_bench(catalogue, figures, row, threads=1)
        rng = np.random.default_rng([23])
        scores = rng.standard_normal((STUDY.first, len(bench.model.inputs)))
        values = bench.model.values(scores, rng.integers(0, STUDY.draws, STUDY.first))
        _READY[key] = bench, (scores, values)
    return _READY[key]


def read_quantities(path: Path) -> list[Quantity]:
    """The rows of a study; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Quantity(
                row["truth"],
                int(row["number"]),
                row["block"],
                row["kind"],
                row["name"],
                float(row["mass"]),
                float(row["rhat"]),
            )
            for row in csv.DictReader(file)
        ]


def write_quantities(path: Path, rows: Sequence[Quantity]) -> None:
    """All rows of a study, in an order that does not depend on which set ended first."""
    names = [field.name for field in fields(Quantity)]
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in sorted(rows, key=lambda q: (TRUTHS.index(q.truth), q.block, q.number)):
            told = [getattr(row, name) for name in names]
            writer.writerow([f"{x:.5g}" if isinstance(x, float) else x for x in told])
    part.replace(path)


def study(
    catalogue: Catalogue,
    figures: Sequence[Figure],
    wanted: Sequence[Chunk],
    path: Path,
    processes: int,
    progress: Callable[[int], None] = lambda sets: None,
) -> list[Quantity]:
    """Make the sets that ``path`` does not hold yet; each chunk is kept as soon as it is done."""
    found = read_quantities(path)
    done = {(row.block, row.truth, row.number) for row in found}
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        waiting = {}
        for chunk in wanted:
            have = frozenset(n for n in chunk.numbers if (chunk.block, chunk.truth, n) in done)
            waiting[pool.submit(run_chunk, catalogue, figures, chunk, have)] = chunk
        for future in as_completed(waiting):
            found += future.result()
            write_quantities(path, found)
            progress(len(waiting[future].numbers))
    finally:
        pool.shutdown(cancel_futures=True)  # what is done is on disk; an error must not wait
    return found
