"""The series that stands for each product in tables and plots: the rows of ``headlines.csv``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from calibration.figures import OBSERVED_REGIONS
from calibration.series import Group, Series, names_of
from model.catalogue import Catalogue
from model.errors import InputError
from model.reading import TableRow, read_rows

HEADLINES = Path(__file__).with_name("headlines.csv")


class HeadlineRow(TableRow):
    """The series that stands for a product in tables and plots."""

    product: str
    indicator: str
    sex: Literal["all", "male", "female"]
    age_min: int | None
    age_max: int | None
    region: str
    unit: Literal["proportion", "persons", "persons per year", "years"]
    short: str
    why: str
    source: str


Headline = tuple[HeadlineRow, Series]


def load_headlines(catalogue: Catalogue, path: Path = HEADLINES) -> list[Headline]:
    """Headline series in table order. Raises InputError for a row that names something unknown."""
    sources = {row.id for row in catalogue.sources}
    products = names_of(catalogue)
    indicators = {row.id for row in catalogue.indicators}
    found = []
    for row in read_rows(path, HeadlineRow):
        for key, allowed in (
            ("product", products),
            ("indicator", indicators),
            ("region", OBSERVED_REGIONS),
            ("source", sources),
        ):
            if (given := getattr(row, key)) not in allowed:
                raise InputError(
                    f"unknown {key}",
                    file=row.file,
                    line=row.line,
                    key=key,
                    given=given,
                    allowed=sorted(allowed),
                )
        group = Group(row.sex, row.age_min, row.age_max, row.region)
        found.append((row, Series(row.product, row.indicator, group, row.unit)))
    return found
