"""What surveys and registers would show: known answers and bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gamma

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Output, Prepared, assemble, simulate, start_state
from model.forcing import Change, build_forcing
from model.observation import at_least_one, observe
from model.parameters import Draws
from model.strata import Strata, weights

Float = npt.NDArray[np.float64]
MONTHS = 252
SHARE = st.floats(1e-6, 0.999)


@pytest.fixture(scope="module")
def world(catalogue: Catalogue, coarse: Strata) -> tuple[Prepared, Draws, Output]:
    draws = draw_priors(catalogue, 2, seed=4)
    prepared = assemble(catalogue, draws, coarse)
    return prepared, draws, simulate(prepared, None, 0, MONTHS).output


@pytest.fixture(scope="module")
def seen(world: tuple[Prepared, Draws, Output], catalogue: Catalogue) -> dict[str, Float]:
    prepared, draws, output = world
    everyone = np.ones((1, prepared.strata.size))
    return observe(prepared, draws, catalogue, output, None, everyone)


def test_independent_products_multiply() -> None:
    shares = [np.array([0.3]), np.array([0.2]), np.array([0.05])]
    union = at_least_one(shares, np.array([0.0]))
    assert union[0] == pytest.approx(1 - 0.7 * 0.8 * 0.95, abs=1e-9)


@given(st.lists(SHARE, min_size=1, max_size=6), st.floats(0.0, 0.95))
def test_a_union_is_between_its_largest_member_and_the_sum(
    shares: list[float], common: float
) -> None:
    union = at_least_one([np.array([share]) for share in shares], np.array([common]))[0]
    assert max(shares) <= union <= min(1.0, sum(shares)) + 1e-12


@given(SHARE, SHARE, st.floats(0.0, 0.8))
def test_more_common_liability_never_widens_a_union(a: float, b: float, common: float) -> None:
    pair = [np.array([a]), np.array([b])]
    less, more = (at_least_one(pair, np.array([rho]))[0] for rho in (common, common + 0.15))
    assert more <= less + 2e-3  # nine nodes: the quadrature is good to about a thousandth


def test_shares_are_ordered_as_their_definitions_are(seen: dict[str, Float]) -> None:
    ever, year = seen["lifetime_prevalence"], seen["last_year_prevalence"]
    month, daily = seen["last_month_prevalence"], seen["daily_use"]
    for narrow, wide in ((year, ever), (month, year), (daily, month)):
        both = ~np.isnan(narrow) & ~np.isnan(wide)
        assert both.any()
        assert (narrow[both] <= wide[both] + 1e-9).all()
    harmed, disorder = seen["problematic_prevalence"], seen["disorder_prevalence"]
    both = ~np.isnan(harmed)
    assert (disorder[both] <= harmed[both] + 1e-9).all()
    assert (harmed[both] <= seen["risky_use"][both] + 1e-9).all()


def test_the_wait_counts_everyone_who_leaves_the_list(
    world: tuple[Prepared, Draws, Output], seen: dict[str, Float]
) -> None:
    prepared, _, output = world
    structure = prepared.structure
    p = structure.products.index("alcohol")
    waiting = [
        z
        for z, row in enumerate(structure.states)
        if structure.product_of_state[z] == p and row.reported == "waiting"
    ]
    left = sum(
        output.counted[:, :, structure.counters_of(group)["alcohol"]].sum(axis=-1)
        for group in ("treatment_start", "abandonment")
    )
    expected = output.time[:, :, waiting].sum(axis=(2, 3)) / left
    np.testing.assert_allclose(seen["mean_wait"][:, :, p, 0], expected, rtol=1e-12)


def test_gambling_in_the_last_year_is_the_states_of_the_last_year(
    world: tuple[Prepared, Draws, Output], seen: dict[str, Float]
) -> None:
    prepared, _, _ = world
    p = prepared.structure.products.index("gambling_offline")
    groups = ("occasional", "problematic", "waiting", "treatment")
    now = np.sum([seen[name] for name in groups], axis=0)
    lived = seen["population"][:, :, -1]
    shown = seen["last_year_prevalence"][:, :, p] - now[:, :, p] / lived
    assert shown.min() >= 0.0
    assert shown.max() < 0.002  # people in remission who were treated or recovered in the year


@pytest.mark.parametrize("price", [1.0, 1.5])
def test_hazardous_drinking_is_the_tail_of_a_gamma_distribution(
    catalogue: Catalogue, coarse: Strata, price: float
) -> None:
    """At the prices of January 2010, and dearer: each group answers by its own elasticity."""
    draws = draw_priors(catalogue, 1, median=True)
    prepared = assemble(catalogue, draws, coarse)
    output = simulate(prepared, None, 0, 12).output
    output = output._replace(price=output.price * price)
    p = prepared.structure.products.index("alcohol")
    elasticity = {
        "occasional": "amount_price_elasticity",
        "problematic": "amount_price_elasticity_problematic",
        "waiting": "amount_price_elasticity_problematic",
    }
    for sex, ratio, limit in (("female", 1.0, 14.0), ("male", None, 21.0)):
        ratio = ratio or draws.scalar("alcohol", "legal", "drinks_sex_ratio", "test")[0]
        shape = draws.scalar("alcohol", "legal", "drinks_shape", "test")[0]
        cell = weights(coarse, age_min=None, age_max=None, sex=sex, region=None, deprivation=None)
        expected = 0.0
        for reported, name in (
            ("occasional", "drinks_occasional"),
            ("problematic", "drinks_problematic"),
            ("waiting", "drinks_problematic"),
        ):
            mean = ratio * draws.scalar("alcohol", "legal", name, "test")[0]
            mean *= price ** draws.scalar("alcohol", "legal", elasticity[reported], "test")[0]
            tail = gamma.sf(limit, shape, scale=mean / shape)
            states = [
                z
                for z, row in enumerate(prepared.structure.states)
                if prepared.structure.product_of_state[z] == p and row.reported == reported
            ]
            expected += tail * (output.time[0, 0, states].sum(axis=0) @ cell)
        found = observe(prepared, draws, catalogue, output, None, cell[None])
        share = found["hazardous_drinking"][0, 0, p, 0]
        assert share == pytest.approx(expected / (output.lived[0, 0] @ cell), rel=1e-9)


def test_a_quicker_entry_shortens_the_wait_where_places_are_free(
    catalogue: Catalogue, coarse: Strata
) -> None:
    draws = draw_priors(catalogue, 1, median=True)
    draws.values["psychosocial/utilisation[,,,,]"][:] = 0.4
    prepared = assemble(catalogue, draws, coarse)
    reference = simulate(prepared, None, 0, MONTHS)
    opening = start_state(prepared).with_reference(reference.state)
    everyone = np.ones(coarse.size, dtype=np.bool_)
    quick = Change("entry_time", ("alcohol",), np.full(MONTHS, 0.5), everyone)
    forcing = build_forcing(prepared.structure, coarse, MONTHS, [quick])
    changed = simulate(prepared, forcing, 0, MONTHS, opening)
    cell = np.ones((1, coarse.size))
    p = prepared.structure.products.index("alcohol")
    before, after = (
        observe(prepared, draws, catalogue, run.output, None, cell)["mean_wait"][0, -1, p, 0]
        for run in (reference, changed)
    )
    assert after < 0.8 * before
