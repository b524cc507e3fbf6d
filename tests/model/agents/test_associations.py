"""What goes together in one person, by the shipped loadings, against published associations.

Computed from the copula within strata and the people of the compartments in 2018, at the middle of
every prior; ties and own couplings come on top in a run, except where they are put in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

from model.agents.liability import (
    CUTS,
    MIDDLE,
    burden_probability,
    hazard_table,
    never_shares,
    ratios,
    start_shares,
)
from model.agents.people import CLASSES
from model.agents.terms import Terms, loading, terms
from model.catalogue import Catalogue, StateRow
from model.compartments import Prepared, Result
from model.parameters import Draws

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

DISORDER = ("problematic", "waiting", "treatment")
BEFORE = ("never", "occasional", "former_occasional", "former_medical")


@dataclass(frozen=True)
class Belgium:
    """People of 2018 by product, state and stratum."""

    catalogue: Catalogue
    prepared: Prepared
    terms: Terms
    draws: Draws
    time: Float  # (Z, S)

    def people(self, young: int, old: int) -> Float:
        """Of each stratum within these ages."""
        strata = self.prepared.strata
        within = (strata.age_low >= young) & (strata.age_high <= old)
        start, stop = self.prepared.structure.wiring.state_start[:2]
        return np.asarray(self.time[start:stop].sum(axis=0) * within)

    def rho(self, product: str) -> float:
        return loading(self.terms, self.catalogue.product(product).kind)

    def rows(self, product: str) -> slice:
        structure = self.prepared.structure
        return slice(*structure.wiring.state_start[structure.products.index(product) :][:2])

    def never(self, product: str) -> Float:
        """Never-share by stratum."""
        own = self.time[self.rows(product)]
        return np.asarray(own[0] / own.sum(axis=0))

    def ever(self, product: str) -> Float:
        """(S, CLASSES)"""
        return 1.0 - never_shares(self.rho(product), self.never(product))

    def disorder(self, product: str) -> Float:
        """(S, CLASSES)"""
        own, states = self.time[self.rows(product)], self.states(product)
        late = [row.reported not in BEFORE and row.state not in BEFORE for row in states]
        tilt = self.terms.escalation_liability
        found = start_shares(own[0], own[1:].T, self.rho(product), tilt, late[1:])
        return np.asarray(found[:, :, [row.reported in DISORDER for row in states]].sum(axis=2))

    def states(self, product: str) -> Sequence[StateRow]:
        return self.prepared.structure.states[self.rows(product)]


@pytest.fixture(scope="module")
def belgium(
    catalogue: Catalogue, prepared: Prepared, reference: Result, median_draw: Draws
) -> Belgium:
    time = reference.output.time[0, 2018 - 2010]
    return Belgium(catalogue, prepared, terms(median_draw, 0), median_draw, time)


def odds_ratio(people: Float, one: Float, other: Float) -> float:
    """Of two things by stratum and class, (S, CLASSES), independent within both."""
    weight = people[:, None] / (people.sum() * CLASSES)
    both, first, second = ((weight * part).sum() for part in (one * other, one, other))
    return float(both * (1.0 - first - second + both) / ((first - both) * (second - both)))


def causal(belgium: Belgium, product: str, upstream: str) -> float:
    """Factor of using ``upstream`` on first use, the part of the coupling taken as causal."""
    kind = belgium.catalogue.product(product).kind
    read = belgium.draws.scalar
    shared = read(product, kind, "common_liability_share", "this test")[0]
    return float(
        1.0 + (1.0 - shared) * (read(product, kind, f"coupling_{upstream}", "it")[0] - 1.0)
    )


def test_vaping_and_starting_to_smoke(belgium: Belgium) -> None:
    # O'Brien 2021, nine studies: never-smoking teenagers who vape start by an odds ratio of 4.06
    # (3.00-5.48); at the 12% who start that the coupling's own row assumes.
    people, table = belgium.people(15, 19), hazard_table(belgium.rho("tobacco"))
    never, vaped = belgium.never("tobacco"), belgium.ever("e_cigarettes")
    at_risk = people[:, None] * never_shares(belgium.rho("tobacco"), never)
    hazard = np.empty_like(at_risk)
    for s, share in enumerate(never):
        ratios(table, share, hazard[s])
    with_it, without = (
        (at_risk * part * hazard).sum() / (at_risk * part).sum() for part in (vaped, 1.0 - vaped)
    )
    found = []
    for factor in (1.0, causal(belgium, "tobacco", "e_cigarettes")):
        risk = 1.0 - 0.88 ** (factor * with_it / without)
        found.append(risk / (1.0 - risk) / (0.12 / 0.88))
    print(f"vaping > smoking: {found[0]:.2f}, with coupling {found[1]:.2f}; published 4.06")
    assert found[0] < 3.0
    assert 3.0 < found[1] < 5.48


def test_cannabis_and_other_illegal_products(belgium: Belgium) -> None:
    # Secades-Villa 2015: 44.7% (40-49) go on to another illegal drug over life. Without couplings
    # fewer do here, and cannabis makes it much likelier.
    people = belgium.people(25, 44)
    none = np.ones((people.size, CLASSES))
    for row in belgium.catalogue.products:
        if row.kind == "illegal" and row.id != "cannabis":
            none *= 1.0 - belgium.ever(row.id)
    cannabis = belgium.ever("cannabis")
    weight = people[:, None] * cannabis
    found = float((weight * (1.0 - none)).sum() / weight.sum())
    ratio = odds_ratio(people, cannabis, 1.0 - none)
    print(f"cannabis > other illegal: {found:.3f} (odds ratio {ratio:.1f}); published 0.447")
    assert 0.30 < found < 0.40
    assert 4.0 < ratio < 12.0


def test_a_burden_and_disorders(belgium: Belgium) -> None:
    # Lai 2015: depression and a drug use disorder 3.80 (3.02-4.78), an alcohol use disorder 2.42
    # (2.22-2.64). The latter is not met: nearly everyone drinks, so liability tells less.
    people, strata = belgium.people(18, 130), belgium.prepared.strata
    men = np.array([sex == "male" for sex in strata.sexes])[strata.sex]
    burden = burden_probability(np.where(men, 0.13, 0.19), belgium.terms.burden_liability)
    none = np.ones_like(burden)
    for row in belgium.catalogue.products:
        if row.kind == "illegal":
            none *= 1.0 - belgium.disorder(row.id)
    drugs = odds_ratio(people, 1.0 - none, burden)
    alcohol = odds_ratio(people, belgium.disorder("alcohol"), burden)
    print(f"burden and disorder: drugs {drugs:.2f}, published 3.80; alcohol {alcohol:.2f}, 2.42")
    assert 3.02 < drugs < 4.78
    assert 1.5 < alcohol < 2.42


def friends(rho: float, share: float, homophily: float) -> float:
    """Log odds ratio of ever use of neighbours on the ring, mean of three on a side."""
    ever = 1.0 - never_shares(rho, 1.0 - share)
    cuts = np.concatenate([[-np.inf], CUTS, [np.inf]])
    both = 0.0
    for lag in (1, 2, 3):
        r = homophily**lag
        reached = ndtr((cuts - r * MIDDLE[:, None]) / np.sqrt(1.0 - r * r))
        both += ever @ np.diff(reached, axis=1) @ ever / CLASSES / 3.0
    return float(np.log(both * (1.0 - 2.0 * share + both) / (share - both) ** 2))


@pytest.mark.parametrize(("product", "share"), [("alcohol", 0.72), ("tobacco", 0.22)])
def test_friends_are_alike(belgium: Belgium, product: str, share: float) -> None:
    # Ivaniushina and Titkova 2021, drinking: selection of similar friends 0.46 (0.28-0.63) log
    # odds. That is a term of a network model, not this ratio: the size is what is compared.
    found = friends(belgium.rho(product), share, belgium.terms.homophily)
    print(f"friends, {product}: log odds {found:.2f}; published 0.46")
    assert 0.28 < found < 0.63
