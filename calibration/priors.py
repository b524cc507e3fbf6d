"""Draws from the priors that the parameter table states."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.catalogue import Catalogue
from model.parameters import Draws, quantile
from model.streams import normal
from model.trend import KNOTS

Float = npt.NDArray[np.float64]

MODE = "prior"


def draw_priors(catalogue: Catalogue, draws: int, seed: int = 1, *, median: bool = False) -> Draws:
    """``draws`` independent draws of every row of parameters and history and of the innovations.

    With ``median`` every draw is the median of each prior and the innovations are 0.
    """
    zero = 0.0 if median else 1.0
    values = {
        row.key: quantile(row, zero * normal(seed, row.key, (draws,)))
        for row in catalogue.parameters
    }
    for event in catalogue.history:
        if event.handle is not None:
            values[event.key] = quantile(event, zero * normal(seed, event.key, (draws,)))
    innovations = np.stack(
        [
            zero * normal(seed, f"{product.id}/innovations", (draws, KNOTS))
            for product in catalogue.products
        ],
        axis=1,
    )
    return Draws(catalogue.parameters, values, innovations, seed)
