"""Contributions of players to the worth of all of them together: Shapley values, draw by draw.

A contribution is what a player adds, averaged over all orders in which the players can come (or
over sampled orders, each with its reverse).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
import numpy.typing as npt

from model.streams import stream

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

INTERVAL = (0.05, 0.95)
CLOSE = 1e-9  # contributions add up to the total within this share of the largest value


@dataclass(frozen=True)
class Row:
    """What one block or measure does to the indicator, over draws.

    ``low`` and ``high``: the 90% interval. ``error``: standard error of the mean that comes from
    the sampled orders; 0 when all were counted. ``agree``: share of draws with the sign of the
    median.
    """

    id: str
    label: str
    median: float
    low: float
    high: float
    mean: float
    error: float
    agree: float


@dataclass(frozen=True)
class Game:
    """Players and the subsets of them to be run, as numbers: bit i is player i.

    ``orders`` (orders, players), each followed by its reverse; ``exact``: all subsets are run.
    """

    blocks: tuple[str, ...]
    orders: Int
    masks: tuple[int, ...]
    exact: bool

    def members(self, mask: int) -> list[str]:
        """Players of a subset."""
        return [name for i, name in enumerate(self.blocks) if mask >> i & 1]

    def parts(self, worth: dict[int, Float]) -> Float:
        """Contributions in each draw, (1 or pairs of orders, players, D), in the unit of ``worth``.

        Raises FloatingPointError where they do not add up to the total.
        """
        count = len(self.blocks)
        found = exact_parts(worth, count) if self.exact else sampled_parts(worth, self.orders)
        check_sum(found, worth)
        return found


def game_of(blocks: tuple[str, ...], wanted: int, seed: int) -> Game:
    """All subsets where sampled orders would look at as many (some twice), else those of orders."""
    orders = permutations(len(blocks), wanted, seed)
    every, looked_at = 2 ** len(blocks), len(orders) * (len(blocks) - 1) + 2
    exact = every <= looked_at
    return Game(blocks, orders, tuple(range(every) if exact else subsets_of(orders)), exact)


def permutations(count: int, wanted: int, seed: int) -> Int:
    """Orders of players, (orders, count), each followed by its reverse; an even number, 4 or more.

    More orders of the same seed begin with these.
    """
    random = stream(seed, f"orders of {count} players")
    pairs = max(2, -(-wanted // 2))
    forth = np.stack([random.permutation(count) for _ in range(pairs)])
    return np.stack([forth, forth[:, ::-1]], axis=1).reshape(2 * pairs, count)


def subsets_of(orders: Int) -> list[int]:
    """Subsets that the orders (orders, players) pass through, each once.

    Bit i of a number is player i.
    """
    found: dict[int, None] = {}
    for order in orders.tolist():
        mask = 0
        found[mask] = None
        for player in order:
            mask |= 1 << player
            found[mask] = None
    return list(found)


def exact_parts(worth: dict[int, Float], count: int) -> Float:
    """Contributions from the worth of every subset, (1, players, D), in its unit."""
    found = np.zeros((count, *worth[0].shape))
    for mask, value in worth.items():
        size = mask.bit_count()
        for player in range(count):
            if not mask >> player & 1:
                share = factorial(size) * factorial(count - size - 1) / factorial(count)
                found[player] += share * (worth[mask | 1 << player] - value)
    return found[None]


def sampled_parts(worth: dict[int, Float], orders: Int) -> Float:
    """Contributions by pair of an order and its reverse, (pairs, players, D), unit of ``worth``."""
    found = np.empty((len(orders), orders.shape[1], *worth[0].shape))
    for row, order in zip(found, orders.tolist(), strict=True):
        mask = 0
        for player in order:
            row[player] = worth[mask | 1 << player] - worth[mask]
            mask |= 1 << player
    return np.asarray(found.reshape(-1, 2, *found.shape[1:]).mean(axis=1))


def check_sum(parts: Float, worth: dict[int, Float]) -> None:
    """Contributions add up to the total in every draw. Raises FloatingPointError if not.

    ``parts`` (pairs, players, D).
    """
    gap = np.abs(parts.mean(axis=0).sum(axis=0) - (worth[max(worth)] - worth[0]))
    scale = np.max(np.abs(np.stack(list(worth.values()))), axis=0)
    if not (gap <= CLOSE * scale).all():
        draw = int(np.argmax(gap - CLOSE * scale))
        raise FloatingPointError(f"contributions do not add up: {gap[draw]:g} off in draw {draw}")


def sampling_errors(parts: Float) -> Float:
    """Standard error of each player's mean over draws that comes from the sampled pairs.

    Shape (players,).
    """
    if len(parts) == 1:
        return np.zeros(parts.shape[1])
    means = parts.mean(axis=2)
    return np.asarray(means.std(axis=0, ddof=1) / np.sqrt(len(parts)))


def row_of(name: str, label: str, draws: Float, error: float = 0.0) -> Row:
    """Contributions by draw (D,) summed up."""
    median = float(np.median(draws))
    low, high = np.quantile(draws, INTERVAL)
    agree = float(np.mean(np.sign(draws) == np.sign(median)))
    return Row(name, label, median, float(low), float(high), float(draws.mean()), error, agree)
