"""The calibration of all blocks: upstream first, each kept on disk as soon as it is done.

Regions are pooled on the way: what tobacco, alcohol and cannabis say of a region's initiation
becomes the prior of the products that have no row of their own.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from calibration.blocks import BlockModel, BlockRow, Target, load_blocks, target_of
from calibration.errors import Errors, build_errors
from calibration.figures import Figure
from calibration.fingerprint import inputs_hash
from calibration.fit import BlockFit, Settings, adopt, fit_block, screen
from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.errors import InputError
from model.parameters import SPREAD, Draws, ParameterRow

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Progress = Callable[[str, str], None]

POOLED = ("tobacco", "alcohol", "cannabis")
POOLED_PARAMETER = "initiation_region_ratio"
LATEST = 2023  # the last year of history
LEAST_POOLED_SD = 0.1  # three products cannot show that regions differ less than this (log)


@dataclass(frozen=True)
class Plan:
    """What is fitted to what.

    ``until``: last year of figures that the fit may know, and of history unless
    ``history_known``; None for all.
    ``variant``: error model (calibration.errors). ``held``: parameters held at a value in all
    products, for other structures.
    """

    catalogue: Catalogue
    figures: tuple[Figure, ...]
    settings: Settings = field(default_factory=Settings)
    until: int | None = None
    history_known: bool = False
    variant: str = "base"
    held: tuple[tuple[str, float], ...] = ()
    threads: int = 1

    def digest(self, block: str) -> str:
        """Hash of everything that a block's fit depends on but the blocks upstream of it."""
        told = {
            "inputs": inputs_hash(),
            "settings": asdict(self.settings),
            "until": self.until,
            "history_known": self.history_known,
            "variant": self.variant,
            "held": self.held,
            "block": block,
            "figures": sorted(figure.id for figure in self.figures if figure.role == "fitted"),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Fitted:
    """One block after its fit; ``known`` (N,) figures told the fit, the others are forecasts."""

    block: BlockRow
    model: BlockModel
    figures: tuple[Figure, ...]
    errors: Errors
    known: Bool
    fit: BlockFit
    digest: str


def held_catalogue(catalogue: Catalogue, held: Mapping[str, float]) -> Catalogue:
    """The tables with parameters held at one value in all products. InputError if unknown."""
    for name in held:
        if name not in {row.parameter for row in catalogue.parameters}:
            raise InputError("unknown parameter", key="held", given=name, allowed="a table's name")

    def fixed(row: ParameterRow) -> ParameterRow:
        if row.parameter not in held:
            return row
        return row.model_copy(update={"value": held[row.parameter], "distribution": "fixed"})

    return replace(catalogue, parameters=tuple(fixed(row) for row in catalogue.parameters))


def block_figures(
    figures: Sequence[Figure], block: BlockRow, catalogue: Catalogue
) -> list[tuple[Figure, Target]]:
    """Fitted figures of a block and what the model is asked for beside each."""
    own = set(block.products.split())
    unions = {row.id for row in catalogue.unions if set(row.members.split()) <= own}
    found = []
    for figure in figures:
        if figure.role == "fitted" and figure.product in own | unions:
            target = target_of(figure, catalogue)
            if target is not None:
                found.append((figure, target))
    return found


def calibrate(
    plan: Plan,
    blocks: Sequence[str] | None = None,
    folder: Path | None = None,
    progress: Progress = lambda block, what: None,
) -> tuple[Draws, list[Fitted]]:
    """Fit the blocks (default: all) and join them draw by draw.

    Fits are kept in ``folder`` and taken from there while nothing that they depend on changed.
    Upstream blocks that are not asked for keep their priors. Raises InputError for an unknown
    parameter that is held.
    """
    catalogue = held_catalogue(plan.catalogue, dict(plan.held))
    base = draw_priors(catalogue, plan.settings.draws, plan.settings.seed)
    done: list[Fitted] = []
    for block in load_blocks():
        if blocks is not None and block.block not in blocks:
            continue
        one = _fit_or_read(plan, catalogue, block, base, done, folder, progress)
        done.append(one)
        base = adopt(base, one.model, one.fit)
        if {fitted.block.block for fitted in done} >= set(POOLED) and block.block in POOLED:
            base = pool_regions(base)
        catalogue = replace(catalogue, parameters=base.rows)
    return base, done


def _fit_or_read(
    plan: Plan,
    catalogue: Catalogue,
    block: BlockRow,
    base: Draws,
    done: Sequence[Fitted],
    folder: Path | None,
    progress: Progress,
) -> Fitted:
    pairs = block_figures(plan.figures, block, catalogue)
    figures = tuple(figure for figure, _ in pairs)
    targets = [target for _, target in pairs]
    errors = build_errors(figures, catalogue, variant=plan.variant)
    known = np.array([_last(figure) <= (plan.until or LATEST) for figure in figures])
    until = None if plan.history_known else plan.until
    whole = BlockModel(catalogue, block, base, targets, known_until=until, threads=plan.threads)
    before = [one.digest for one in done if _reads(block, one)]
    digest = hashlib.sha256(" ".join([plan.digest(block.block), *before]).encode()).hexdigest()
    path = None if folder is None else folder / f"{block.block}.npz"
    kept = None if path is None else read_fit(path, digest, whole)
    if kept is None:
        progress(block.block, "screening")
        model = whole.with_inputs(screen(whole, known))
        fit = fit_block(
            model, errors, known, plan.settings, lambda what: progress(block.block, what)
        )
        if path is not None:
            write_fit(path, digest, fit)
    else:
        fit = kept
        model = whole.with_inputs(fit.inputs)
    return Fitted(block, model, figures, errors, known, fit, digest)


def _last(figure: Figure) -> int:
    return figure.year_end or figure.year or LATEST


def _reads(block: BlockRow, one: Fitted) -> bool:
    """Whether a block's fit depends on another's: its products are upstream, or it is pooled."""
    upstream = set((block.upstream or "").split())
    pooled = one.block.block in POOLED and block.block not in (*POOLED, "e_cigarettes")
    return pooled or bool(set(one.block.products.split()) & upstream)


def pool_regions(base: Draws) -> Draws:
    """The shared rows of regions, as far as the pooled products tell what products have in common.

    For each region the log ratios of the pooled products give, draw by draw, a mean and a spread
    between products; a product without rows of its own is one more of them. The rows' value and
    range become those of that distribution, so that later blocks start from it.
    """
    rng = np.random.default_rng([base.seed, 17])
    rows, values = list(base.rows), dict(base.values)
    for number, row in enumerate(rows):
        if row.product != "*" or row.parameter != POOLED_PARAMETER or row.distribution == "fixed":
            continue
        logs = np.log(np.stack([values[row.model_copy(update={"product": p}).key] for p in POOLED]))
        spread = np.maximum(logs.std(axis=0, ddof=1), LEAST_POOLED_SD)
        drawn = logs.mean(axis=0) + spread * rng.standard_normal(logs.shape[1])
        middle, sd = float(drawn.mean()), float(drawn.std())
        pooled = {
            "value": float(np.exp(middle)),
            "low": float(np.exp(middle - SPREAD * sd)),
            "high": float(np.exp(middle + SPREAD * sd)),
            "distribution": "lognormal",
        }
        rows[number] = row.model_copy(update=pooled)
        values[row.key] = np.exp(drawn)
    return Draws(rows, values, base.innovations, base.seed)


ARRAYS = ("scores", "log_tau", "values", "chains", "rhat", "ess_bulk", "ess_tail")
NUMBERS = ("acceptance", "surrogate_sd", "runs", "seconds")


def write_fit(path: Path, digest: str, fit: BlockFit) -> None:
    """Keep a fit, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            digest=np.array(digest),
            inputs=np.array([one.name for one in fit.inputs]),
            **{name: getattr(fit, name) for name in (*ARRAYS, *NUMBERS)},
        )
    part.replace(path)


def read_fit(path: Path, digest: str, model: BlockModel) -> BlockFit | None:
    """A kept fit; None where there is none, or it was made from other inputs, or is damaged."""
    try:
        with np.load(path) as found:
            if str(found["digest"]) != digest:
                return None
            by_name = {one.name: one for one in model.inputs}
            return BlockFit(
                inputs=tuple(by_name[str(name)] for name in found["inputs"]),
                **{name: found[name] for name in ARRAYS},
                **{name: found[name].item() for name in NUMBERS},
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        return None
