"""Which indicators and years are wanted of a run: what none of them needs is not computed.

What is wanted has the values of the whole, whatever else is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Years that later ones are set against: the first of all indices, and those of anchored money.
ANCHORS = (2010, 2012, 2015)

FUNCTIONS = ("treatment", "enforcement", "prevention", "harm_reduction")
# Indicators that are made from others, and these.
NEEDS: dict[str, tuple[str, ...]] = {
    "daily_use": ("current_use",),
    "occasional_use": ("current_use", "daily_use"),
    "daily_share_of_current": ("current_use", "daily_use"),
    "daily_share_of_last_month": ("current_use", "daily_use"),
    "former_use": ("lifetime_prevalence", "last_year_prevalence"),
    "treatment_share": ("treatment_episodes",),
    "daly": ("yll", "yld"),
    "daly_rate": ("yll", "yld"),
    "daly_attributable": ("yll_attributable", "yld"),
    "yll_rate": ("yll",),
    "yll_per_death": ("yll", "coded_deaths"),
    "coded_deaths_rate": ("coded_deaths",),
    "overdose_deaths_rate": ("overdose_deaths",),
    "nuisance_reports": ("nuisance_exposure",),
    "storage_sites": ("production_sites_found",),
    "premises_damaged": ("production_sites_found", "plantations_found"),
    "corruption_index": ("trafficking_value",),
    "laundering_index": ("illicit_proceeds",),
    "violence_index": ("turnover",),
    "systemic_offences": ("violence_index",),
    "explosive_attacks": ("violence_index",),
    "use_related_share": ("use_offences", "drug_law_offences"),
    "needles_recovered": ("needles_distributed", "needles_discarded"),
    "expenditure_enforcement": ("drug_law_offences",),
    "expenditure_harm_reduction": ("people_injecting",),
    "public_expenditure": tuple(f"expenditure_{name}" for name in FUNCTIONS),
    "public_expenditure_per_inhabitant": ("public_expenditure",),
    "social_cost_per_inhabitant": ("social_cost",),
    "social_cost_share": ("social_cost",),
    "detention_cost_bottom_up": ("detained",),
    "hcv_cost_bottom_up": ("hcv_treated",),
} | {
    f"expenditure_share_{name}": ("public_expenditure", f"expenditure_{name}") for name in FUNCTIONS
}


@dataclass(frozen=True)
class Choice:
    """``since``: the first year wanted, counted from that of the run; earlier ones are cut off.

    ``only``: indicators wanted; None for all. ``everything`` that these need is computed too.
    """

    since: int = 0
    only: frozenset[str] | None = None

    @classmethod
    def of(cls, only: Iterable[str] | None = None, since: int = 0) -> Choice:
        """A choice of these indicators; more may be there than were asked for."""
        return cls(since, None if only is None else frozenset(_with_needs(only)))

    def wants(self, *names: str) -> bool:
        """Whether one of these indicators is needed."""
        return self.only is None or not self.only.isdisjoint(names)

    def rows(self, first: int, years: int) -> list[int]:
        """Years to be computed, counted from calendar year ``first``, of a run of ``years``.

        Those wanted, the one before them (exits, changes of a year) and the anchors.
        """
        if self.since == 0:
            return list(range(years))
        anchors = {year - first for year in ANCHORS if 0 <= year - first < years}
        return sorted(anchors | set(range(self.since - 1, years)))


EVERYTHING = Choice()


def _with_needs(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += NEEDS.get(name, ())
    return found
