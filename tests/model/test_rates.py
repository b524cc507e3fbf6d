"""From parameters to rates: derived rates, population means, and what differs by stratum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared
from model.parameters import Draws
from model.strata import Strata
from tests.published.laboratory import flow, projection, stock

Float = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def drawn(catalogue: Catalogue, coarse: Strata) -> tuple[Prepared, Draws]:
    draws = draw_priors(catalogue, 6, seed=13)
    return projection(catalogue, coarse, draws), draws


def test_all_rates_are_finite_and_hazards_not_negative(drawn: tuple[Prepared, Draws]) -> None:
    rates = drawn[0].rates
    for name, values in rates._asdict().items():
        assert np.isfinite(values).all(), name
    for name in ("base", "excess", "burden", "intake", "occupied", "first_use"):
        assert getattr(rates, name).min() >= 0.0, name
    assert rates.places.min() >= 1
    assert rates.occupied.max() < 1.0 + 1e-12
    # Effects on a mean never turn a hazard negative, whatever share of people they reach.
    assert (1.0 + rates.coupling).min() > 0.0
    assert (1.0 + rates.burden_excess).min() > 0.0


@pytest.mark.parametrize("product", ["tobacco", "alcohol", "cannabis", "cocaine"])
def test_movers_reproduce_the_curve_that_they_are_derived_from(
    drawn: tuple[Prepared, Draws], product: str
) -> None:
    """With escalation e and stopping q of movers: share x e / (e + q) is the lifetime share,
    and half of it is reached in ln 2 / (e + q) years."""
    prepared, draws = drawn
    people = prepared.demography.start
    mean = people / people.sum()
    escalation, stop = (
        prepared.rates.base[:, flow(prepared, product, name)] @ mean
        for name in ("escalation_mover", "cessation_mover")
    )
    mover, stayer = (
        prepared.rates.base[:, flow(prepared, product, f"initiation_{name}")].sum(axis=1)
        for name in ("mover", "stayer")
    )
    share = mover / (mover + stayer)
    lifetime = draws.values[f"{product}/escalation_lifetime[,,,,]"]
    half_time = draws.values[f"{product}/escalation_half_time[,,,,]"]
    np.testing.assert_allclose(share * escalation / (escalation + stop), lifetime, rtol=1e-10)
    np.testing.assert_allclose(np.log(2.0) / (escalation + stop), half_time, rtol=1e-10)
    assert ((share > 0.0) & (share <= 1.0)).all()


def test_ratios_spread_a_published_mean_and_leave_it(
    drawn: tuple[Prepared, Draws],
) -> None:
    prepared, draws = drawn
    people = prepared.demography.start
    escalation = prepared.rates.base[:, flow(prepared, "nps", "escalation")]
    published = draws.values[draws.find("nps", "illegal", "escalation")[0].key]
    np.testing.assert_allclose(escalation @ people / people.sum(), published, rtol=1e-10)
    most = prepared.strata.deprivation == 0
    ratio = escalation[:, most] / escalation[:, ~most]
    stated = draws.values[draws.find("nps", "illegal", "escalation_deprivation_ratio")[0].key]
    np.testing.assert_allclose(ratio, np.broadcast_to(stated[:, None], ratio.shape), rtol=1e-10)


def test_initiation_follows_age_sex_and_region(drawn: tuple[Prepared, Draws]) -> None:
    prepared, draws = drawn
    strata = prepared.strata
    base = prepared.rates.base[:, flow(prepared, "mdma", "initiation")]
    blocks = base.reshape(len(base), strata.blocks, strata.bands)
    # Young adults start most; nearly nobody after 65.
    assert (blocks.argmax(axis=2) < 3).all()
    assert (blocks[..., -1] < 0.1 * blocks.max(axis=2)).all()
    prevalence = draws.values["*/mental_health_prevalence[male,,,,]"]
    women = draws.values["*/mental_health_prevalence[female,,,,]"]
    ratio = draws.values[draws.find("mdma", "illegal", "initiation_mental_health_ratio")[0].key]
    sexes = draws.values[draws.find("mdma", "illegal", "initiation_sex_ratio")[0].key]
    burden = (1.0 + prevalence * (ratio - 1.0)) / (1.0 + women * (ratio - 1.0))
    found = base[:, strata.sex == 0] / base[:, strata.sex == 1]
    expected = np.broadcast_to((sexes * burden)[:, None], found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_remission_without_treatment_leaves_room_for_the_treated_part(
    drawn: tuple[Prepared, Draws],
) -> None:
    prepared, draws = drawn
    rate = prepared.rates.base[:, flow(prepared, "alcohol", "remission"), 0]
    total = draws.values["alcohol/remission[,,,,]"]
    assert ((rate > 0.0) & (rate < total)).all()


def test_without_care_remission_is_the_published_rate(drawn: tuple[Prepared, Draws]) -> None:
    prepared, draws = drawn
    rate = prepared.rates.base[:, flow(prepared, "nitrous_oxide", "remission"), 0]
    total = draws.values[draws.find("nitrous_oxide", "other", "remission")[0].key]
    np.testing.assert_allclose(rate, total)


def test_excess_mortality_is_the_ratio_less_one(drawn: tuple[Prepared, Draws]) -> None:
    prepared, draws = drawn
    for sex, code in (("male", 0), ("female", 1)):
        found = prepared.rates.excess[:, stock(prepared, "alcohol", "problematic")]
        stated = draws.values[f"alcohol/mortality_ratio_problematic[{sex},,,,]"] - 1.0
        chosen = found[:, prepared.strata.sex == code]
        np.testing.assert_allclose(chosen, np.broadcast_to(stated[:, None], chosen.shape))
    assert not prepared.rates.excess[:, stock(prepared, "alcohol", "never")].any()


def test_coarse_strata_have_the_mean_of_the_fine_ones(
    catalogue: Catalogue, median_draw: Draws, prepared: Prepared, coarse: Strata
) -> None:
    """Published means do not depend on how finely the population is cut."""
    coarser = projection(catalogue, coarse, median_draw)
    for product, name in (("cannabis", "escalation_mover"), ("mdma", "escalation")):
        means: list[Float] = []
        for world in (prepared, coarser):
            people = world.demography.start
            means.append(world.rates.base[:, flow(world, product, name)] @ people / people.sum())
        np.testing.assert_allclose(means[0], means[1], rtol=1e-10)
