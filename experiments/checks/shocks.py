"""``drugfutures shocks``: one loss of supply in each illicit market, and how it recovers.

Each market stands alone, with the number of people held: what people take answers the price, but
nobody starts or stops because of it. A run with a scenario has those answers as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table

from calibration.posterior import Origin, drawn
from experiments.runs.headlines import preface, warning
from experiments.runs.summary import QUANTILES, quantiles
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.markets import LARGEST, Terms, shock_response
from model.prices import felt, market_terms
from model.structure import build_structure

Float = npt.NDArray[np.float64]

MONTHS = 84  # January 2024 to December 2030
NEAR = 0.10  # a price within this share of the reference counts as recovered
PRICE, STICKER, PURITY, TAKEN = range(4)  # columns of the response


@dataclass(frozen=True)
class Shock:
    """What was asked for: ``size`` is the share of supply capacity lost in January 2024."""

    product: str | None = None
    size: float = 0.5
    draws: int = 200
    seed: int = 1
    catalogue: Path | None = None
    prior: bool = False


@dataclass(frozen=True)
class Response:
    """What one market does after the shock, one number a draw (D,).

    ``peak``: highest price index (reference 1); ``purity``: lowest purity; ``months``: months until
    the price stays within NEAR of the reference (MONTHS where it does not); ``taken``: lowest
    amount taken. All relative to the same month without the shock.
    """

    product: str
    peak: Float
    purity: Float
    months: Float
    taken: Float


def months_until_near(price: Float, near: float = NEAR) -> Float:
    """Months (D,) after which ``price`` (D, T), reference 1, is never further than ``near`` off.

    0 where it never is; T where it still is in the last month.
    """
    away = np.abs(price - 1.0) > near
    last = price.shape[1] - np.argmax(away[:, ::-1], axis=1)
    return np.where(away.any(axis=1), last, 0).astype(float)


def respond(terms: list[Terms], diversion: Float, size: float, months: int = MONTHS) -> Float:
    """Index of price, sticker price, purity and amount taken (D, T, 4) after a loss of ``size``.

    ``diversion`` (D,): share of the loss that product bound for abroad makes good.
    """
    gaps = np.log(felt(np.full_like(diversion, 1.0 - size), diversion)).tolist()
    return np.stack(
        [shock_response(own, gap, months) for own, gap in zip(terms, gaps, strict=True)]
    )


def responses(shock: Shock, catalogue: Catalogue) -> tuple[list[Response], Origin]:
    """Each illicit market asked for, in table order, and what was drawn. Raises InputError."""
    illicit = [row.id for row in catalogue.products if row.market == "illicit"]
    if shock.product is not None and shock.product not in illicit:
        raise InputError("no illicit market", key="--product", given=shock.product, allowed=illicit)
    draws, origin = drawn(catalogue, shock.draws, shock.seed, prior=shock.prior)
    structure = build_structure(catalogue, draws)
    every = market_terms(structure, draws)
    found = []
    for product in illicit if shock.product is None else [shock.product]:
        p = structure.products.index(product)
        columns = [getattr(every, name)[:, p] for name in Terms._fields]
        terms = [Terms(*(float(x) for x in row)) for row in zip(*columns, strict=True)]
        path = respond(terms, every.diversion[:, p], shock.size)
        found.append(
            Response(
                product,
                peak=path[:, :, PRICE].max(axis=1),
                purity=path[:, :, PURITY].min(axis=1),
                months=months_until_near(path[:, :, PRICE]),
                taken=path[:, :, TAKEN].min(axis=1),
            )
        )
    return found, origin


def print_shocks(shock: Shock, console: Console) -> None:
    """Print the table. Raises InputError."""
    catalogue = load_catalogue(shock.catalogue)
    names = {row.id: row.name for row in catalogue.products}
    table = Table(
        title=f"{shock.size:.0%} of supply capacity lost in January 2024: median (95% interval)",
        title_justify="left",
        caption="Each market alone, people held: a run with a scenario also has what prices do to "
        "starting, stopping and treatment. Price is that of pure substance. All relative to the "
        f"same month without the shock; prices are cut off at {math.exp(LARGEST):.0f} times. "
        "Products without rows of their own in the tables share the draws of their kind: equal "
        "numbers are one assumption, not several findings.",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("Product", ratio=4, overflow="fold")
    for title in (
        "Highest price",
        "Lowest purity",
        f"Months until the price is within {NEAR:.0%}",
        "Lowest amount taken",
    ):
        table.add_column(title, ratio=3, overflow="fold")
    every, origin = responses(shock, catalogue)
    for found in every:
        table.add_row(
            names[found.product],
            _told(found.peak, "{:.2f}"),
            _told(found.purity, "{:.2f}"),
            _told(found.months, "{:.0f}", f"over {MONTHS}"),
            _told(found.taken, "{:.2f}"),
        )
    console.print()
    for paragraph in preface(origin, catalogue):
        console.print(paragraph, style="bold")
    rough = warning(shock.draws)
    if rough is not None:
        console.print(rough, style="bold")
    console.print(table)


def _told(values: Float, form: str, longest: str = "") -> str:
    """Median and 95% interval; ``longest`` stands for a time that the months do not hold."""
    told = dict(zip(QUANTILES, quantiles(values).tolist(), strict=True))

    def one(name: str) -> str:
        return longest if longest and told[name] >= MONTHS else form.format(told[name])

    return f"{one('median')}\n({one('low95')}–{one('high95')})"
