"""Colours, dashes, sizes and words that all plots share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

# Okabe and Ito's palette: told apart by people with any common kind of colour vision.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
WARNING = "#A34700"  # vermilion, darkened until small text has enough contrast
GREY, LIGHT = "#595959", "#D9D9D9"

Dash = Literal["solid"] | tuple[int, tuple[int, ...]]
SOLID: Dash = "solid"
DASHED: Dash = (0, (5, 2))
DOTTED: Dash = (0, (1, 1))
DASH_DOT: Dash = (0, (5, 1, 1, 1))
LONG: Dash = (0, (9, 3))


@dataclass(frozen=True)
class Look:
    """How a line is told apart: by colour, dash and, for its dots, marker."""

    colour: str
    dash: Dash = SOLID
    marker: str = "o"


FAN = Look(BLUE)
REFERENCE = Look(BLACK, DASHED)
SEVERAL = (
    Look(BLUE),
    Look(VERMILION, DASHED, "s"),
    Look(GREEN, DASH_DOT, "^"),
    Look(PURPLE, DOTTED, "D"),
    Look(ORANGE, LONG, "v"),
    Look(SKY, (0, (3, 1, 1, 1, 1, 1)), "P"),
)

# Opacity of the bands, from the widest to the narrowest; those of scenario-only panels are fainter.
FAINT_BAND = 0.09  # where more than three bands lie over each other
OPACITY = {"95": 0.16, "80": 0.20, "50": 0.30}
FAINT = 0.55

DPI = 150
WIDE = 13.66  # inches: at 100 dots an inch a beamer laptop's 1366 x 768 pixels
NARROW = 11.0  # inches: what an A4 sheet held sideways can print
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.5,
    "hatch.color": "#E3E3E3",
    "svg.hashsalt": "drugfutures",
}

# By what the draws of a run are: prior or posterior.
BANNER = {
    "prior": "prior draws, not calibrated",
    "posterior": "posterior draws, fitted",
}
BANNER_WHY = {
    "prior": "the bands are what the literature and our assumptions allow; "
    "nothing has been fitted to Belgian figures",
    "posterior": "fitted to Belgian figures to 2023; scenario-only products, "
    "and what no figure tells, rest on priors",
}
SCENARIO_ONLY = "scenario-only: priors,\nno figures can identify it"
SCENARIO_ONLY_KEY = "scenario-only product: priors, no figures can identify it"
PARTLY = "partly scenario-only products"
WAITING = "not in this posterior: priors"
NO_FIGURE = "no Belgian figure"
NO_REGIONAL_FIGURE = "not all regions have a figure"
ONLY_EARLIER = "figures only before {year}"
HISTORY = ("to 2023 ", " projection")
FITTED = {
    "prior": "Belgian figure kept for fitting (not used)",
    "posterior": "Belgian figure that the posterior is fitted to",
}
FITTED_INSIDE = (
    "Of {all} fitted figures drawn here, {inside} lie within the widest band. Bands are of what "
    "the model expects: the error of a survey comes on top."
)
CHECKED = "Belgian figure for checking only"
PUT_IN_KEY = "Belgian figure put into the model (history or anchor): tests nothing"
READING = "Each point is a calendar year and stands at its tick. k = thousand, M = million."
READING_LINE = "The upright line is 1 January 2024; the lines on both sides of it are modelled."
