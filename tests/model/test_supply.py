"""Illicit markets: nothing is lost or negative, shares add up, handles act in their direction."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.priors import draw_priors
from model import supply
from model.catalogue import Catalogue, load_catalogue
from model.compartments import Output, Prepared, Result, assemble, joined, simulate
from model.forcing import Change
from model.outcomes import Seen
from model.parameters import Draws
from model.strata import build_strata
from model.supply import Balance, Terms

Float = npt.NDArray[np.float64]
MONTHS = 252
FIRST_CHANGED = 10  # index of 2020
SHARE = st.floats(0.0, 1.0)
SEIZED = st.floats(0.0, 0.95)
KG = st.floats(0.0, 1e6)
FACTOR = st.floats(0.0, 20.0)
SEEDS = (3, 11)
CHANNELS = ("dealer", "friend", "courier", "clearnet", "darknet", "social_media")


def one(value: float) -> Float:
    return np.full((1, 1, 1), value)


def flows(
    consumed: float, here: float, export: float, transit: float, border: float, inside: float
) -> Balance:
    amounts = (one(x) for x in (consumed, here, export, transit, border, inside))
    return supply.balance(*amounts)


# Known answers


def test_amounts_by_hand() -> None:
    terms = Terms(one(10.0), one(8.0), one(0.25))
    grams = supply.consumption(one(100.0), one(20.0), one(4.0), terms)
    assert grams == pytest.approx(10 * 100 + 80 * 20 + 20 * 4)


def test_balance_by_hand() -> None:
    found = flows(90.0, 1 / 3, 50.0, 200.0, 0.2, 0.5)
    assert found.imported == pytest.approx(75.0)  # 60 arrive
    assert found.produced == pytest.approx(110.0)  # 60 for 30 at home, 50 for export
    assert found.exported == pytest.approx(25.0)
    assert found.transit_out == pytest.approx(160.0)
    assert found.seized_border == pytest.approx(55.0)
    assert found.seized_inside == pytest.approx(55.0)


def test_growth_ends_where_the_figures_end() -> None:
    years = np.array([2010, 2016, 2022, 2030])
    path = supply.risen(one(100.0), one(4.0), years)
    assert path[0, :, 0] == pytest.approx([100.0, 200.0, 400.0, 400.0])


def test_lost_imports_shift_supply_to_what_is_made_here() -> None:
    assert supply.made_here(one(0.5), one(1.0), one(0.25)) == pytest.approx(0.8)
    assert supply.made_here(one(0.5), one(0.0), one(1.0)) == 0.0
    assert supply.made_here(one(0.3), one(0.0), one(0.0)) == pytest.approx(0.3)


def test_disruption_counts_prices_of_either_sign_and_rises_of_enforcement() -> None:
    price = np.array([1.0, math.e, 1.0, 1.0])[None, :, None]
    effort = np.array([1.0, 1.0, math.e, 0.5])[None, :, None]
    moved = supply.disruption(price, effort, effort)
    assert moved[0, :, 0] == pytest.approx([0.0, 1.0, 3.0, 0.0])


def test_enforcement_that_comes_back_from_none_disturbs_finitely() -> None:
    effort = np.array([0.0, 0.005, 1.0])[None, :, None]
    moved = supply.disruption(np.ones_like(effort), effort)
    assert moved[0, :, 0] == pytest.approx([0.0, 0.0, np.log(100.0)])


def test_violence_follows_turnover_and_transit() -> None:
    turnover = np.array([4.0, 16.0, 4.0])[None, :, None]
    proceeds = np.array([1.0, 1.0, 32.0])[None, :, None]
    size = supply.trade_size(turnover, proceeds, one(0.5), one(0.2))
    assert size[0, :, 0] == pytest.approx([1.0, 2.0, 2.0])


def test_what_passes_is_what_the_seizures_tell_of() -> None:
    change = np.array([1.0, 16.0, 0.0])[None, :, None]
    found = supply.passing(one(50.0), one(0.25), change, one(80.0))
    assert found[0, :, 0] == pytest.approx([120.0, 3120.0, 0.0])
    seized = (found + 80.0) * 0.25
    assert seized[0, :2, 0] == pytest.approx([50.0, 800.0])


def test_an_index_of_nothing_is_missing() -> None:
    assert np.isnan(supply.relative(np.zeros((1, 2, 1)))).all()


def test_a_weighted_mean_leaves_out_what_is_missing() -> None:
    values, weights = [one(2.0), one(np.nan), one(5.0)], [one(1.0), one(7.0), one(2.0)]
    assert supply.weighted_mean(values, weights) == pytest.approx(4.0)


# Properties of the forms


@given(KG, SHARE, KG, KG, SEIZED, SEIZED)
def test_what_enters_or_is_made_goes_somewhere(
    consumed: float, here: float, export: float, transit: float, border: float, inside: float
) -> None:
    found = flows(consumed, here, export, transit, border, inside)
    assert all((part >= 0.0).all() for part in vars(found).values())
    entered = found.imported + found.transit_in + found.produced
    seized = found.seized_border + found.seized_inside
    left = found.consumed + seized + found.exported + found.transit_out
    assert entered == pytest.approx(left, rel=1e-9, abs=1e-12)


@given(KG, SHARE, KG, KG, SEIZED, SEIZED, st.floats(0.0, 0.04))
def test_seizing_more_never_needs_less(
    consumed: float,
    here: float,
    export: float,
    transit: float,
    border: float,
    inside: float,
    more: float,
) -> None:
    less = flows(consumed, here, export, transit, border, inside)
    harder = flows(consumed, here, export, transit, border + more, inside + more)
    for name in ("imported", "produced", "seized_border", "seized_inside"):
        assert (getattr(harder, name) >= getattr(less, name) * (1.0 - 1e-12)).all()
    for name in ("exported", "transit_out"):
        assert (getattr(harder, name) <= getattr(less, name)).all()


@given(SHARE, FACTOR, FACTOR, st.floats(1.0, 5.0))
def test_the_share_made_here_follows_production(
    share: float, making: float, bringing: float, more: float
) -> None:
    found = supply.made_here(one(share), one(making), one(bringing))
    assert 0.0 <= found[0, 0, 0] <= 1.0
    if making > 0.0:
        rising = supply.made_here(one(share), one(making * more), one(bringing))
        assert rising[0, 0, 0] >= found[0, 0, 0] - 1e-12


@given(SHARE, st.lists(FACTOR, max_size=5))
def test_parts_add_up(whole: float, ratios: list[float]) -> None:
    parts = supply.split(one(whole), [one(ratio) for ratio in ratios])
    assert len(parts) == len(ratios) + 1
    assert all(part[0, 0, 0] >= 0.0 for part in parts)
    assert sum(part[0, 0, 0] for part in parts) == pytest.approx(whole, abs=1e-12)


@given(st.floats(0.0, 0.9), FACTOR)
def test_no_flow_is_seized_whole(share: float, factor: float) -> None:
    found = supply.capped(one(share), one(factor))
    assert 0.0 <= found[0, 0, 0] <= 0.95
    assert supply.passed(one(share), one(factor))[0, 0, 0] > 0.0


# The shipped tables


def change(prepared: Prepared, handle: str, factor: float, region: int | None = None) -> Change:
    """A handle of all products from 2020, in one region or everywhere."""
    path = np.where(np.arange(MONTHS) >= 12 * FIRST_CHANGED, factor, 1.0)
    reached = np.ones(prepared.strata.size, dtype=np.bool_)
    if region is not None:
        reached = prepared.strata.region == region
    return Change(handle, tuple(prepared.structure.products), path, reached)


def read(
    prepared: Prepared, output: Output, catalogue: Catalogue, draws: Draws, *made: Change
) -> Seen:
    """One run, under these outcome parameters, as seen under history and these changes.

    Cells: the nation, then its regions.
    """
    regions = [prepared.strata.region == r for r in range(len(prepared.strata.regions))]
    cells = np.stack([np.ones(prepared.strata.size), *regions]).astype(np.float64)
    seen = Seen(prepared, draws, catalogue, output, prepared.forcing(made), cells)
    supply.observe(seen)
    _sum_unions(seen, catalogue)
    supply.derive(seen)
    return seen


def branched(seen: Seen, reference: Result, made: Change) -> Seen:
    """As ``seen`` when the change acts on people and prices too."""
    prepared, month = seen.prepared, 12 * FIRST_CHANGED
    opening = simulate(prepared, None, 0, month).state.with_reference(reference.state)
    branch = simulate(prepared, prepared.forcing([made]), month, MONTHS, opening)
    output = joined(reference.output, branch.output, month)
    return read(prepared, output, seen.catalogue, seen.draws, made)


def ratio(changed: Seen, before: Seen, name: str, product: str) -> Float:
    """One indicator over that without the change by cell, in the year of the change, (C,)."""
    new, old = (s.get(name, product)[0, FIRST_CHANGED] for s in (changed, before))
    return np.asarray(new / old)


def _sum_unions(seen: Seen, catalogue: Catalogue) -> None:
    summed = {row.id for row in catalogue.indicators if row.union == "sum"}
    for name in summed & set(seen.values):
        for union in catalogue.unions:
            parts = [np.nan_to_num(seen.get(name, member)) for member in union.members.split()]
            seen.put(name, union.id, np.sum(parts, axis=0))


@pytest.fixture(scope="module", params=SEEDS)
def seen(
    request: pytest.FixtureRequest, prepared: Prepared, reference: Result, catalogue: Catalogue
) -> Seen:
    return read(prepared, reference.output, catalogue, draw_priors(catalogue, 1, request.param))


NEEDED = (
    ("amount_occasional", 100.0, "grams per year"),
    ("amount_ratio", 5.0, "ratio"),
    ("amount_price_elasticity", -0.5, "elasticity"),
    ("street_purity", 0.5, "proportion"),
    ("domestic_production_share", 0.1, "proportion"),
)  # what docs/catalogue.md says that an illicit market needs
MISSING = "retail_price turnover sellers violence_index illicit_proceeds quantity_seized"


def test_a_product_of_ones_own_needs_five_market_parameters(root: Path, tmp_path: Path) -> None:
    """The example of the guide, made illicit; the numbers are made up."""
    folder = shutil.copytree(root / "docs" / "examples" / "kratom", tmp_path / "kratom")
    guide, products = (root / "docs" / "catalogue.md").read_text(), folder / "products.csv"
    products.write_text(products.read_text().replace("kratom,,,no", "kratom,,illicit,no"))
    with (folder / "parameters.csv").open("a") as file:
        for name, value, unit in NEEDED:
            assert f"| `{name}` | {unit} |" in guide
            file.write(f"kratom,{name},,,,,,{value},,,fixed,{unit},fixed,example,assumed,\n")
    catalogue = load_catalogue(folder)
    assert catalogue.product("kratom").market == "illicit"
    draws = draw_priors(catalogue, 1, median=True)
    strata = build_strata([10, 18, 25, 65], by_deprivation=False)
    own = assemble(catalogue, draws, strata)
    seen = read(own, simulate(own, None, 0, MONTHS).output, catalogue, draws)
    consumed, price = (seen.get(x, "kratom")[0, :, 0] for x in ("consumed_kg", "price_index"))
    assert (consumed > 0.0).all()
    assert (np.abs(np.log(price)) < 0.5).all()
    for name in MISSING.split():
        assert np.isnan(seen.get(name, "kratom")).all(), name
        assert np.isfinite(seen.get(name, "cocaine")[0, :, 0]).all(), name


def test_every_indicator_is_defined(seen: Seen, catalogue: Catalogue) -> None:
    assert set(seen.values) <= {row.id for row in catalogue.indicators}


def test_nothing_is_negative_or_infinite(seen: Seen) -> None:
    for name, values in seen.values.items():
        assert not np.isinf(values).any(), name
        assert (np.nan_to_num(values) >= 0.0).all(), name


def test_every_illicit_market_balances(seen: Seen) -> None:
    for product in seen.market_of("illicit"):
        kg = {
            name: seen.get(f"{name}_kg", product)[:, :, :1]
            for name in ("consumed", "imported", "produced", "exported", "transit")
        }
        out = sum(
            seen.get(f"{name}_kg", product)[:, :, :1]
            for name in ("transit_out", "seized_border", "seized_inside")
        )
        entered = kg["imported"] + kg["transit"] + kg["produced"]
        np.testing.assert_allclose(entered, kg["consumed"] + kg["exported"] + out, rtol=1e-9)


def test_regions_consume_what_the_nation_does(seen: Seen) -> None:
    consumed = seen.values["consumed_kg"]
    np.testing.assert_allclose(consumed[..., 1:].sum(axis=-1), consumed[..., 0], rtol=1e-9)


def test_channels_add_up(seen: Seen) -> None:
    for product in seen.market_of("illicit"):
        shares = [seen.get(f"channel_{channel}", product)[:, :, 0] for channel in CHANNELS]
        np.testing.assert_allclose(np.sum(shares, axis=0), 1.0, rtol=1e-12)
        assert (shares[1] < shares[0]).all(), "a friend comes after the dealer"


def test_purity_is_a_share(seen: Seen) -> None:
    purity = seen.values["purity"]
    assert np.nanmin(purity) > 0.0
    assert np.nanmax(purity) <= 1.0


def test_indices_start_at_one(seen: Seen) -> None:
    for name in ("violence_index", "corruption_index", "laundering_index"):
        first = seen.get(name, "any_illegal")[:, 0, 0]
        np.testing.assert_allclose(first, 1.0, rtol=1e-12)


def test_sites_of_mixed_kind_are_added_to_the_union(seen: Seen) -> None:
    members = [seen.get("production_sites_found", p) for p in seen.members("any_illegal")]
    single = np.nansum(members, axis=0)[:, :, 0]
    whole = seen.get("production_sites_found", "any_illegal")[:, :, 0]
    mixed = seen.scalar("*", "mixed_site_share")[:, :, 0]
    np.testing.assert_allclose(whole * (1.0 - mixed), single, rtol=1e-12)


def test_load_in_wastewater_is_what_leaves_the_body(seen: Seen) -> None:
    load = seen.get("wastewater_load", "cocaine")[:, :, 0]
    year = load * seen.inhabitants()[..., 0] / 1000.0 * 365.25 / 1e6
    excreted = year / seen.scalar("cocaine", "excreted_share")[:, :, 0]
    np.testing.assert_allclose(excreted, seen.get("consumed_kg", "cocaine")[:, :, 0], rtol=1e-9)


@pytest.mark.parametrize(
    ("handle", "product", "up", "down"),
    [
        ("import_flow", "cannabis", "imported_kg", "plantations_found"),
        ("production", "cannabis", "plantations_found exported_kg", "imported_kg"),
        ("production", "amphetamine", "produced_kg production_waste dump_sites", ""),
        ("production", "cocaine", "production_sites_found", ""),
        ("seizure_rate", "opioids", "quantity_seized imported_kg violence_index", ""),
        ("transit_share", "cocaine", "transit_kg quantity_seized corruption_index", "imported_kg="),
        ("transit_share", "cocaine", "violence_index", "turnover="),
        ("transit_share", "cocaine", "transit_out_kg laundering_index", "consumed_kg="),
        ("police_effort", "mdma", "production_sites_found premises_damaged", ""),
        ("police_effort", "cannabis", "plantations_found", "produced_kg="),
        ("online_share", "nps", "channel_clearnet channel_darknet", "channel_dealer"),
        ("seller_recruitment", "cannabis", "sellers", "turnover="),
        ("violence", "cocaine", "violence_index", "turnover="),
        ("waste", "mdma", "production_waste dump_sites", "produced_kg="),
    ],
)
def test_handles_act_in_their_direction(
    seen: Seen, handle: str, product: str, up: str, down: str
) -> None:
    made = change(seen.prepared, handle, 1.5)
    changed = read(seen.prepared, seen.output, seen.catalogue, seen.draws, made)
    for name in (*up.split(), *down.split()):
        known = name.removesuffix("=")
        before, after = (s.get(known, product)[:, :, 0] for s in (seen, changed))
        np.testing.assert_array_equal(before[:, :FIRST_CHANGED], after[:, :FIRST_CHANGED])
        # Disruption, and with it violence by enforcement, is of the year of the change alone.
        first_before, first_after = before[:, FIRST_CHANGED], after[:, FIRST_CHANGED]
        if name.endswith("="):
            np.testing.assert_array_equal(before, after)
        elif name in up.split():
            assert (first_after > first_before).all(), name
        else:
            assert (first_after < first_before).all(), name


def test_less_enforcement_makes_no_violence(seen: Seen) -> None:
    made = change(seen.prepared, "police_effort", 0.5)
    eased = read(seen.prepared, seen.output, seen.catalogue, seen.draws, made)
    before, after = (s.values["violence_index"] for s in (seen, eased))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("handle", ["police_effort", "seizure_rate"])
def test_violence_stays_in_proportion_under_fifty_times_the_enforcement(
    prepared: Prepared, reference: Result, catalogue: Catalogue, median_draw: Draws, handle: str
) -> None:
    before = read(prepared, reference.output, catalogue, median_draw)
    harder = branched(before, reference, change(prepared, handle, 50.0))
    for product in before.market_of("illicit"):
        assert 1.0 < ratio(harder, before, "violence_index", product)[0] < 10.0, product


def test_a_regional_price_is_paid_in_its_region_alone(seen: Seen) -> None:
    made = change(seen.prepared, "price", 1.5, region=0)
    dearer = read(seen.prepared, seen.output, seen.catalogue, seen.draws, made)
    for product in seen.market_of("illicit"):
        paid = ratio(dearer, seen, "turnover", product)
        np.testing.assert_allclose(paid[[1, 2, 3]], [1.5, 1.0, 1.0], rtol=1e-12)
        asked = ratio(dearer, seen, "retail_price", product)[0]
        people = seen.cells(seen.lived)[0, FIRST_CHANGED]
        np.testing.assert_allclose(asked, 1.0 + 0.5 * people[1] / people[0], rtol=1e-12)
        for name in ("sellers", "violence_index", "illicit_proceeds"):
            assert ratio(dearer, seen, name, product)[0] > 1.0, name


def test_turnover_rises_where_amounts_fall_by_less_than_prices_rise(
    seen: Seen, reference: Result
) -> None:
    made = change(seen.prepared, "price", 1.2, region=0)
    dearer = branched(seen, reference, made)
    rising = 0
    for product in seen.market_of("illicit"):
        taken = ratio(dearer, seen, "consumed_kg", product)[1]
        paid = ratio(dearer, seen, "turnover", product)[1]
        asked = ratio(dearer, seen, "price_index", product)[1]
        assert taken < 1.0 < asked, product
        # Within a year purity may fall before the price of a gram rises: the two move together.
        assert paid == pytest.approx(taken * asked, rel=0.01), product
        rising += paid > 1.0
    assert rising > 0


def test_taking_more_moves_markets_once(seen: Seen, reference: Result) -> None:
    more = branched(seen, reference, change(seen.prepared, "consumption", 1.2))
    for name in ("consumed_kg", "turnover", "imported_kg", "sellers"):
        assert ratio(more, seen, name, "cocaine")[0] > 1.0, name
    assert ratio(more, seen, "consumed_kg", "cocaine")[0] < 1.25  # not the square of 1.2


def test_cocaine_seized_is_as_reported(
    prepared: Prepared, reference: Result, catalogue: Catalogue
) -> None:
    """History anchors the level: 6,865 kg in 2010 and 110,910 kg in 2022, more only where the
    imports for people in Belgium have grown much."""
    for seed in range(20):
        seen = read(prepared, reference.output, catalogue, draw_priors(catalogue, 1, seed))
        tonnes = seen.get("quantity_seized", "cocaine")[0, :, 0] / 1000.0
        if seen.get("transit_kg", "cocaine")[0, 0, 0] > 0.0:
            assert tonnes[0] == pytest.approx(6.865, rel=1e-9)
        assert 110.9 < tonnes[12] < 130.0


def test_extraction_makes_no_cocaine(seen: Seen) -> None:
    assert (seen.get("produced_kg", "cocaine")[:, :, 0] == 0.0).all()
    assert (seen.get("production_sites_found", "cocaine")[:, :, 0] > 0.0).all()


@given(st.floats(0.0, 50.0), st.floats(0.0, 50.0), st.floats(0.0, 50.0))
def test_extreme_handles_leave_it_finite(seizing: float, making: float, bringing: float) -> None:
    border, inside, rate = one(0.3), one(0.2), one(seizing)
    here = supply.made_here(
        one(0.5),
        one(making) * supply.passed(inside, rate),
        one(bringing) * supply.passed(border, rate),
    )
    seized = supply.capped(border, rate), supply.capped(inside, rate)
    found = supply.balance(one(1e3), here, one(1e4) * making, one(1e5), *seized)
    for part in vars(found).values():
        assert np.isfinite(part).all()
        assert (part >= 0.0).all()
