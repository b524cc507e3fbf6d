"""Blocks as a fit leaves them, made by hand: nothing runs the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from calibration.blocks import BlockModel, BlockRow, Input, load_blocks, target_of
from calibration.calibrate import Fitted, block_figures
from calibration.errors import Errors, build_errors
from calibration.figures import Figure, load_figures
from calibration.fit import BlockFit
from calibration.series import names_of
from model.catalogue import Catalogue, load_catalogue

Float = npt.NDArray[np.float64]


@cache
def tables() -> tuple[Catalogue, tuple[Figure, ...]]:
    """The shipped tables and fitted figures."""
    catalogue = load_catalogue()
    figures = load_figures(
        products=names_of(catalogue), sources={row.id for row in catalogue.sources}
    )
    return catalogue, tuple(figure for figure in figures if figure.role == "fitted")


class _Model(BlockModel):
    """A model that only knows what it is asked for."""

    def __init__(self, catalogue: Catalogue, block: BlockRow, figures: Sequence[Figure]) -> None:
        found = [target_of(figure, catalogue) for figure in figures]
        self.catalogue, self.block = catalogue, block
        self.targets = tuple(target for target in found if target is not None)


def fit_of(
    values: Float, log_tau: Float, inputs: Sequence[Input] = (), chains: Float | None = None
) -> BlockFit:
    """A fit with these draws (D, N) and (D, G); chains (C, T, K + G) of prior draws by default."""
    width = len(inputs) + log_tau.shape[1]
    if chains is None:
        chains = np.random.default_rng(5).standard_normal((4, 250, width))
    return BlockFit(
        inputs=tuple(inputs),
        scores=chains.reshape(-1, width)[: len(values), : len(inputs)],
        log_tau=log_tau,
        values=values,
        chains=chains,
        rhat=np.full(width, 1.001),
        ess_bulk=np.full(width, 900.0),
        ess_tail=np.full(width, 800.0),
        acceptance=0.8,
        surrogate_sd=0.3,
        runs=0,
        seconds=0.0,
    )


def block_of(
    name: str,
    *,
    draws: int = 40,
    until: int = 2023,
    seed: int = 1,
    keep: int | None = None,
    plain: bool = True,
) -> tuple[Fitted, Float]:
    """A block whose model is right and sure: every draw is the truth (N,), which is returned.

    Figures are drawn around it by their errors. ``keep``: the first so many figures alone;
    ``plain``: without bounds and ranges.
    """
    catalogue, every = tables()
    block = next(row for row in load_blocks() if row.block == name)
    pairs = block_figures(every, block, catalogue)
    figures = [figure for figure, _ in pairs if figure.value is not None or not plain][:keep]
    errors = build_errors(figures, catalogue)
    rng = np.random.default_rng(seed)
    truth = np.where(np.isfinite(errors.observed), errors.observed, errors.lower)
    truth = np.where(np.isfinite(truth), truth, errors.upper)
    noise = rng.multivariate_normal(np.zeros(len(figures)), errors.covariance())
    errors = replace(errors, observed=np.where(np.isfinite(errors.observed), truth + noise, np.nan))
    known = np.array([(figure.year_end or figure.year or 0) <= until for figure in figures])
    values, log_tau = np.tile(truth, (draws, 1)), np.tile(errors.tau[:, 0], (draws, 1))
    model = _Model(catalogue, block, figures)
    one = Fitted(block, model, tuple(figures), errors, known, fit_of(values, log_tau), "")
    return one, truth


def left_out(errors: Errors, truth: Float, gone: Sequence[int]) -> tuple[Float, Float]:
    """Mean and sd (m,) of the rows ``gone`` given all others: the textbook conditional."""
    matrix = errors.covariance()
    rest = [i for i in range(len(truth)) if i not in gone]
    gain = np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[np.ix_(rest, gone)])
    mean = truth[list(gone)] + gain.T @ (errors.observed[rest] - truth[rest])
    covariance = matrix[np.ix_(gone, gone)] - matrix[np.ix_(gone, rest)] @ gain
    return mean, np.sqrt(np.diag(covariance))
