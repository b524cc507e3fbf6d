"""The section ``search`` of a study file: which outcomes a portfolio is judged by, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from model.reading import CellError
from scenarios.checked import Entry

Statistic = Literal["mean", "median", "p10", "p90", "worst", "regret", "missed"]
Better = Literal["up", "down"]


class Outcome(Entry):
    """One outcome, and what of it over all futures is to become better.

    ``statistic``: of the outcome over futures (``worst``: the worst future); ``regret``: the
    largest shortfall in any future against the best of the portfolios that every search begins
    with; ``missed``: the share of futures in which ``aim`` is missed. ``better``: left out, as in
    the table of the scoreboard. ``year``: left out, the last one.
    """

    indicator: str
    product: str
    group: str = "Belgium"
    year: int | None = None
    statistic: Statistic = "mean"
    better: Better | None = None
    aim: float | None = None

    @model_validator(mode="after")
    def _with_aim(self) -> Outcome:
        if self.statistic == "missed" and self.aim is None:
            raise CellError("aim", "a value to reach, for the statistic `missed`")
        return self


class Search(Entry):
    """What a portfolio search is for.

    ``cost``: one more objective, the cost of the measures; where that is not known of every one of
    them, how many measures are moved, each by its position. ``limit``: the most that may be, in the
    same unit. ``step``: ambitions are multiples of it, in per cent. ``fresh``: number of new
    futures in which the portfolios that were found are run again.
    """

    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=8)]
    cost: bool = True
    limit: Annotated[float | None, Field(gt=0.0)] = None
    algorithm: Literal["nsga2", "nsga3"] | None = None
    step: Annotated[float, Field(gt=0.0, le=50.0)] = 5.0
    fresh: Annotated[int, Field(ge=0, le=10_000)] = 0

    @model_validator(mode="after")
    def _more_than_one(self) -> Search:
        if self.cost or len(self.outcomes) > 1:
            return self
        raise CellError("outcomes", "two outcomes or more, or `cost: true` beside one")
