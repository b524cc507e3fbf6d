"""Pages on what follows from use: markets, harms and money. ``outcomes.csv`` names their panels."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from experiments.plots.page import Page
from experiments.plots.reader import Reader
from experiments.plots.themes import unless_observed
from experiments.plots.words import earlier_figures, how_dots_stand, what_is_what
from model.compartments import FIRST_YEAR
from model.reading import TableRow, read_rows

PANELS = Path(__file__).with_name("outcomes.csv")
NOTE_LETTERS = 215  # that a line below a wide page holds


class PanelRow(TableRow):
    """One panel: an indicator of a product or union, nation, all ages; ``what`` in plain words."""

    page: str
    product: str
    indicator: str
    title: str
    what: str


@dataclass(frozen=True)
class _About:
    """The title of a page and what its reader must know of its numbers."""

    title: str
    notes: tuple[str, ...]


PAGES = {
    "markets": _About(
        "Markets: prices, purity, seizures, sites and what is bought outside the legal market",
        (
            "Cocaine: street price, purity and seizures follow a history put in from the figures "
            "marked ×; the fall of its real price comes from two purities and two press prices "
            "(that of 2023 is in euros of 2023 and not drawn).",
            "After the last figure put in, cocaine's history stays as it was (assumed). An index "
            "shows change since January 2010, no level. Prices move only by what the model holds.",
            "Production sites and dump sites: yield, waste and the share found are assumed. Retail "
            "price: a change of excise is passed on in full (assumed); 1 where no excise changes.",
            "Bought outside the legal market: no Belgian tax paid (alcohol: unrecorded); its level "
            "and its response to the price are assumed.",
        ),
    ),
    "harms": _About(
        "Harms: deaths, years of life, infections, offences and detention",
        (
            "Attributable deaths (all causes; a death of two products counts in both) and deaths "
            "coded to the disorder count different things and are not to be compared.",
            "DALY: years lost by coded deaths and years lived with a disorder; no liver, heart or "
            "lung disease, no infections. One person with two disorders counts twice.",
            "Assumed: shares of people who inject and of deaths that are coded; how infections "
            "pass on; how many offences are recorded and how long people are detained.",
            "Offences of the police follow how many people use and how the police work: more "
            "offences need not mean more use. Crashes are not modelled.",
        ),
    ),
    "money": _About(
        "Money: public expenditure, social cost and revenue",
        (
            "Anchored: the size of public expenditure in 2015 and of the social cost in 2012 is "
            "put in from two studies and tests nothing; only the change around it is modelled.",
            "Constant unit costs, prices of the year named: no inflation and no change of policy "
            "that the model does not hold. Public expenditure and social cost overlap: never add "
            "them.",
            "Social cost: direct and indirect; intangible cost and what the study assigns to no "
            "product (about 2%) are left out.",
            "Revenue: excise shares, prices and losses per person are assumed; sales to people "
            "from abroad and the National Lottery are left out; revenue is not a benefit to set "
            "against a cost.",
        ),
    ),
}


def outcome_pages(reader: Reader) -> list[Page]:
    """The pages of PAGES in that order."""
    rows = read_rows(PANELS, PanelRow)
    return [_page(reader, name, [row for row in rows if row.page == name]) for name in PAGES]


def _page(reader: Reader, name: str, rows: list[PanelRow]) -> Page:
    about = PAGES[name]
    panels = [
        unless_observed(reader, row.indicator, row.product, row.title, row.what) for row in rows
    ]
    notes = (
        *about.notes,
        *earlier_figures(panels, FIRST_YEAR),
        *how_dots_stand(panels),
        what_is_what(reader.catalogue, reader.draws, panels),
    )
    return Page(
        name=name,
        title=about.title,
        panels=tuple(panels),
        columns=5,
        legend=reader.legend(modes={panel.mode for panel in panels}, panels=panels),
        notes=tuple(line for note in notes for line in textwrap.wrap(note, NOTE_LETTERS)),
    )
