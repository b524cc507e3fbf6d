"""``drugfutures calibrate``: fit the blocks, join them, check them and write what was found."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.blocks import PAST_FROM, BlockRow, Target, load_blocks
from calibration.calibrate import POOLED, Fitted, Plan
from calibration.calibrate import calibrate as fit_blocks
from calibration.errors import to_scale
from calibration.figures import Figure, load_figures
from calibration.fingerprint import code_hash, data_hash
from calibration.fit import Settings
from calibration.posterior import Posterior
from calibration.predict import over_years, survey
from calibration.priors import draw_priors
from calibration.series import Series, names_of
from experiments.runs.headline_series import load_headlines
from experiments.runs.provenance import package_version
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.parameters import Draws
from model.trend import KNOTS
from scenarios.checked import nearest

Float = npt.NDArray[np.float64]
Advance = Callable[[str, float], None]
"""Told what is done now, and the share of all work done so far (0 to 1)."""

MADE_BY = "drugfutures calibrate"
FITS, REPORT, POSTERIOR = "fits", "report", "posterior.nc"
FIRST_CUT, LAST_CUT = 2011, 2022
UNTIL = 2030
QUICK = Settings(draws=60, proposals=60, warmup=200, first=300, later=160, rounds=2, thin=1)
"""For a first look: too few draws for any number to be reported."""
CONSTANT_OTHERS = "treatment_share"
"""Indicator that blocks set against a constant number of other episodes: its shift is not theirs.
"""
FITTING, JOINING = 0.86, 0.97  # shares of all work done after the fits, and after the joined run
STAGES = {
    "screening": 3.0,
    "learning from the prior": 22.0,
    "learning, round": 12.0,
    "sampling": 8.0,
    "running the exact model": 45.0,
}
"""Share of the time of a block that a stage takes, each round of learning alike."""


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    products: tuple[str, ...] = ()
    until: int | None = None
    out: Path = Path("results/calibration")
    draws: int | None = None
    quick: bool = False
    threads: int = 1
    ship: bool = False

    @property
    def settings(self) -> Settings:
        """How much work each fit does."""
        base = QUICK if self.quick else Settings()
        return base if self.draws is None else replace(base, draws=self.draws)


@dataclass(frozen=True)
class Shift:
    """One figure in its block alone and in the joined run; medians on its scale (logit or log).

    ``in_sd``: the shift over the sd of the figure's error. ``apart``: the block runs it against a
    constant, so that a shift says nothing of the coupling.
    """

    block: str
    figure: str
    product: str
    indicator: str
    year: int | None
    scale: str
    alone: float
    joined: float
    shift: float
    in_sd: float
    apart: bool


@dataclass(frozen=True)
class Joined:
    """The joined draws in the whole model: ``values`` (D, series, years) from PAST_FROM on."""

    series: tuple[Series, ...]
    years: range
    values: Float


@dataclass(frozen=True)
class Outcome:
    """All that a report is written from; ``joined`` lacks for a cut fit, or with ``broke``.

    ``cached``: blocks whose fit was on disk, ``priors``: upstream blocks that stayed at them.
    """

    asked: Asked
    plan: Plan
    draws: Draws
    fitted: tuple[Fitted, ...]
    cached: frozenset[str]
    priors: tuple[str, ...]
    joined: Joined | None
    shifts: tuple[Shift, ...]
    broke: str = ""

    @property
    def complete(self) -> bool:
        """Whether every block was fitted to all figures."""
        return self.asked.until is None and len(self.fitted) == len(load_blocks())

    @property
    def seconds(self) -> float:
        """Seconds that the fits took, those on disk when they were made."""
        return sum(one.fit.seconds for one in self.fitted)

    @property
    def cost(self) -> str:
        """Such as "812 s on 2 cores"."""
        return f"{self.seconds:.0f} s on {self.asked.threads} cores"


def run_calibration(asked: Asked, advance: Advance = lambda what, share: None) -> Outcome:
    """Fit what was asked for and re-run the joined draws. Raises InputError before anything runs.

    An interrupted command goes on where it was: each fit is on disk as soon as it is done.
    """
    catalogue = load_catalogue()
    blocks = _checked(asked, catalogue)
    sources = {row.id for row in catalogue.sources}
    figures = tuple(load_figures(products=names_of(catalogue), sources=sources))
    plan = Plan(catalogue, figures, asked.settings, until=asked.until, threads=asked.threads)
    folder = fits_folder(asked)
    kept, priors = upstream_fits(plan, blocks, folder)
    rows = [row for row in load_blocks() if row.block in {*blocks, *kept}]
    begun: set[str] = set()
    told = _stages(rows, asked.settings.rounds, advance)

    def progress(block: str, what: str) -> None:
        begun.add(block)
        told(block, what)

    draws, fitted = fit_blocks(plan, [row.block for row in rows], folder, progress)
    cached = frozenset(one.block.block for one in fitted) - begun
    outcome = Outcome(asked, plan, draws, tuple(fitted), cached, priors, None, ())
    if asked.until is not None:
        return outcome
    try:
        found = joined_run(outcome, advance)
    except FloatingPointError as error:
        return replace(outcome, broke=str(error))
    return replace(outcome, joined=found, shifts=tuple(shift(fitted, found)))


def fits_folder(asked: Asked) -> Path:
    """Where the fits are kept: those of a cut, or quick ones, apart from the others."""
    name = FITS if asked.until is None else f"{FITS}/until_{asked.until}_blind"
    return asked.out / (f"{name}-quick" if asked.quick else name)


def report_folder(asked: Asked) -> Path:
    """Where the report goes: that of a cut has a folder of its own."""
    return asked.out / (REPORT if asked.until is None else f"{REPORT}-until-{asked.until}")


def _checked(asked: Asked, catalogue: Catalogue) -> list[str]:
    """Names of the blocks to fit, in their order. Raises InputError for bad input."""
    blocks = load_blocks()
    of = {product: row.block for row in blocks for product in row.products.split()}
    modes = {row.id: row.mode for row in catalogue.products}
    for product in asked.products:
        if product not in modes:
            near = nearest(product, sorted(of))
            raise InputError("unknown product", key="--product", given=product, allowed=near)
        if product not in of:
            what = f"{product} is {modes[product]}: figures cannot identify it"
            raise InputError(what, key="--product", given=product, allowed=sorted(of))
    if asked.until is not None and not FIRST_CUT <= asked.until <= LAST_CUT:
        allowed = f"{FIRST_CUT} to {LAST_CUT}: later figures are what a cut is scored on"
        raise InputError(
            "no cut can be made here", key="--until-year", given=asked.until, allowed=allowed
        )
    if asked.ship and (asked.products or asked.until or asked.quick or asked.draws):
        raise InputError(
            "only a complete fit is shipped",
            key="--ship",
            given="with --product, --until-year, --quick or --draws",
            allowed="none of them",
        )
    _check_folder(asked.out)
    wanted = {of[product] for product in asked.products} or {row.block for row in blocks}
    return [row.block for row in blocks if row.block in wanted]


def _check_folder(out: Path) -> None:
    """Make the folder. Raises InputError when it cannot be written or is somebody else's."""

    def refusal(what: str, allowed: str) -> InputError:
        return InputError(what, key="--out", given=str(out), allowed=allowed)

    try:
        ours = any((out / name).exists() for name in (FITS, REPORT, POSTERIOR))
        if out.is_dir() and any(out.iterdir()) and not ours:
            what = "there is something here that is not a calibration, so it is left alone"
            raise refusal(what, f"a new or empty folder, or one that `{MADE_BY}` made")
        (out / FITS).mkdir(parents=True, exist_ok=True)
        probe = out / FITS / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        what = f"the calibration cannot be written here ({error.strerror})"
        raise refusal(what, "a folder in a place that can be written to") from None


class _NotOnDiskError(Exception):
    """A block would have to be fitted."""


def upstream_fits(
    plan: Plan, blocks: Sequence[str], folder: Path
) -> tuple[list[str], tuple[str, ...]]:
    """Blocks upstream of ``blocks`` that are not among them: those with a fit on disk, and those
    that stay at their priors.
    """
    rows = load_blocks()
    wanted = {product for row in rows if row.block in blocks for product in _above(row)}
    kept: list[str] = []
    priors: list[str] = []

    def refuse(block: str, what: str) -> None:
        raise _NotOnDiskError

    for row in rows:
        if row.block in blocks or not wanted & set(row.products.split()):
            continue
        try:
            fit_blocks(plan, [*kept, row.block], folder, refuse)
            kept.append(row.block)
        except _NotOnDiskError:
            priors.append(row.block)
    return kept, tuple(priors)


def _above(row: BlockRow) -> set[str]:
    """Products that a block's fit depends on: upstream ones and those whose regions are pooled."""
    pooled = set() if row.block in (*POOLED, "e_cigarettes") else set(POOLED)
    return pooled | set((row.upstream or "").split())


def _stages(blocks: Sequence[BlockRow], rounds: int, advance: Advance) -> Callable[..., None]:
    """What tells blocks and stages of the fit as a share of all work."""
    sizes = [1.0 + len(f"{row.products} {row.upstream or ''}".split()) for row in blocks]
    before = np.concatenate([[0.0], np.cumsum(sizes)]) / max(sum(sizes), 1.0)
    stages = list(STAGES)
    weights = [w * (rounds if name.endswith("round") else 1) for name, w in STAGES.items()]
    begins = np.concatenate([[0.0], np.cumsum(weights)]) / sum(weights)

    def progress(block: str, what: str) -> None:
        at = next(i for i, row in enumerate(blocks) if row.block == block)
        stage = next((i for i, name in enumerate(stages) if what.startswith(name)), 0)
        inside = begins[stage]
        number = what.rpartition(" ")[2]
        if stages[stage].endswith("round") and number.isdigit():
            inside += (int(number) - 1) * STAGES[stages[stage]] / sum(weights)
        share = before[at] + inside * (before[at + 1] - before[at])
        advance(f"{block}: {what}", FITTING * float(share))

    return progress


def joined_run(outcome: Outcome, advance: Advance = lambda what, share: None) -> Joined:
    """The joined draws in the whole model, 1997-2030: series of fitted figures and of headlines.

    Raises FloatingPointError when the model breaks down.
    """
    catalogue = outcome.plan.catalogue
    asked = [target.series for one in outcome.fitted for target in one.model.targets]
    series = tuple(dict.fromkeys([*asked, *(one for _, one in load_headlines(catalogue))]))
    done = [0]

    def progress(draws: int) -> None:
        done[0] += draws
        share = FITTING + (JOINING - FITTING) * done[0] / outcome.draws.size
        advance("joined draws in the whole model", share)

    advance("joined draws in the whole model", FITTING)
    values = survey(
        catalogue,
        outcome.draws,
        series,
        UNTIL,
        first=PAST_FROM,
        threads=outcome.plan.threads,
        progress=progress,
    )
    return Joined(series, range(PAST_FROM, UNTIL + 1), values)


def shift(fitted: Sequence[Fitted], joined: Joined) -> list[Shift]:
    """How far the median of each fitted figure moves from its block alone to the whole model."""
    found = []
    for one in fitted:
        sds = np.sqrt(np.diag(one.errors.covariance()))
        for i, (figure, target) in enumerate(zip(one.figures, one.model.targets, strict=True)):
            values = _value(target, joined)
            if values is None:
                continue
            alone, whole = float(np.median(one.fit.values[:, i])), float(np.nanmedian(values))
            found.append(
                Shift(
                    one.block.block,
                    figure.id,
                    figure.product,
                    figure.indicator,
                    figure.year,
                    target.scale,
                    alone,
                    whole,
                    whole - alone,
                    (whole - alone) / float(sds[i]),
                    target.series.indicator == CONSTANT_OTHERS,
                )
            )
    return found


def _value(target: Target, joined: Joined) -> Float | None:
    """A target in the joined run on its scale (D,); None where the whole model has no number."""
    wanted = range(target.first, target.last + 1)
    yearly = joined.values[:, joined.series.index(target.series)]
    values = over_years(yearly, joined.years, wanted, target.series.unit)
    if values is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        found = to_scale(values, target.scale)
    return found if np.isfinite(found).any() else None


def posterior_of(outcome: Outcome) -> Posterior:
    """The joined draws as the file that a run reads."""
    plan, draws = outcome.plan, outcome.draws
    products = tuple(row.id for row in plan.catalogue.products)
    prior = draw_priors(plan.catalogue, draws.size, draws.seed)
    found: dict[str, tuple[str, float, float, float, float]] = {}
    innovation = np.full((len(products), KNOTS), np.nan)
    for one in outcome.fitted:
        fit = one.fit
        for k, quantity in enumerate(fit.inputs):
            if quantity.row is not None:
                found[quantity.name] = (
                    one.block.block,
                    float(fit.contraction[k]),
                    float(fit.rhat[k]),
                    float(fit.ess_bulk[k]),
                    float(fit.ess_tail[k]),
                )
            else:
                owner = one.model.catalogue.products[quantity.product].id
                innovation[products.index(owner), quantity.knot] = fit.contraction[k]
    for key, contraction in _moved(plan.catalogue, prior, draws, found).items():
        found[key] = "pooled", contraction, np.nan, np.nan, np.nan
    keys = tuple(found)
    columns = list(zip(*(found[key] for key in keys), strict=True))
    groups, log_tau = _groups(outcome.fitted, plan.catalogue)
    return Posterior(
        keys=keys,
        values=np.stack([draws.values[key] for key in keys], axis=1),
        products=products,
        innovations=draws.innovations,
        groups=groups,
        log_tau=log_tau,
        block=tuple(str(name) for name in columns[0]),
        contraction=np.array(columns[1], dtype=np.float64),
        contraction_innovation=innovation,
        rhat=np.array(columns[2], dtype=np.float64),
        ess_bulk=np.array(columns[3], dtype=np.float64),
        ess_tail=np.array(columns[4], dtype=np.float64),
        data_hash=data_hash(),
        code_hash=code_hash(),
        made=datetime.date.today().isoformat(),
        cost=outcome.cost,
        seed=draws.seed,
        package_version=package_version(),
        blocks={one.block.block: told_of(one) for one in outcome.fitted},
    )


def told_of(one: Fitted) -> dict[str, object]:
    """What the posterior says of one block."""
    fit = one.fit
    return {
        "products": one.block.products.split(),
        "inputs": len(fit.inputs),
        "figures": int(one.known.sum()),
        "acceptance": round(fit.acceptance, 3),
        "runs": fit.runs,
        "seconds": round(fit.seconds, 1),
        "rhat_max": round(float(fit.rhat.max()), 4),
        "ess_min": round(float(min(fit.ess_bulk.min(), fit.ess_tail.min()))),
    }


def _moved(
    catalogue: Catalogue, prior: Draws, draws: Draws, inputs: Collection[str]
) -> dict[str, float]:
    """Contraction of all else that differs from what a run would draw without it: pooled regions.

    A product's own copy of a shared row is that row's draw again, unless the row moved later on.
    """
    kinds: Mapping[str, str] = {row.id: row.kind for row in catalogue.products}
    found = {}
    for key in sorted(draws.values.keys() - set(inputs)):
        values, usual = draws.values[key], prior.values.get(key)
        if usual is None:
            product, _, rest = key.partition("/")
            for row in prior.find(product, kinds[product], rest.partition("[")[0]):
                if row.model_copy(update={"product": product}).key == key:
                    usual = draws.values[row.key]
        if usual is not None and not np.array_equal(values, usual):
            original = prior.values.get(key, usual)
            found[key] = 1.0 - float(np.var(np.log(values)) / np.var(np.log(original)))
    return found


def _groups(fitted: Sequence[Fitted], catalogue: Catalogue) -> tuple[tuple[str, ...], Float]:
    """Wave groups of each product and union of each block, and their log tau (D, groups)."""
    names: list[str] = []
    columns: list[Float] = []
    for one in fitted:
        own = one.block.products.split()
        own += [row.id for row in catalogue.unions if set(row.members.split()) <= set(own)]
        for product in own:
            for g, group in enumerate(one.errors.groups):
                names.append(f"{product}|{group}")
                columns.append(one.fit.log_tau[:, g])
    return tuple(names), np.stack(columns, axis=1)


def figures_by_id(fitted: Sequence[Fitted]) -> dict[str, tuple[Figure, Fitted, int]]:
    """Each figure of the fits, with its block and its place there."""
    return {figure.id: (figure, one, i) for one in fitted for i, figure in enumerate(one.figures)}
