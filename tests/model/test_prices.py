"""Paths of prices: what scenarios do to cost, capacity and purity before a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.compartments import Prepared
from model.forcing import Change
from model.prices import Paths, felt, online_share, price_paths

START = 168


def _paths(prepared: Prepared, handle: str, value: float, product: str = "cocaine") -> Paths:
    months = prepared.demography.months
    structure = prepared.structure
    values = np.full(months, structure.neutral[structure.handles.index(handle)])
    values[START:] = value
    change = Change(handle, (product,), values, np.ones(prepared.strata.size, dtype=bool))
    regions = np.searchsorted(prepared.strata.region, np.arange(len(prepared.strata.regions)))
    forcing = prepared.forcing([change])
    return price_paths(structure, prepared.rates.terms, forcing, regions, months)


def _moved(prepared: Prepared, handle: str, value: float, field: str) -> float:
    """What a change of a handle of cocaine does to a path in the last month."""
    p = prepared.structure.products.index("cocaine")
    changed = getattr(_paths(prepared, handle, value), field)[0, :, p]
    idle = getattr(_paths(prepared, handle, 1.0), field)[0, :, p]
    np.testing.assert_array_equal(changed[:START], idle[:START])
    return float(changed[-1] - idle[-1])


@pytest.mark.parametrize(
    ("handle", "field", "sign"),
    [
        ("supply_cost", "cost", 1),
        ("police_effort", "cost", 1),
        ("seizure_rate", "cost", 1),
        ("online_share", "cost", -1),
        ("purity", "cost", -1),
        ("purity", "purity", 1),
        ("import_flow", "capacity", 1),
        ("domestic_share", "capacity", 1),
        ("seizure_rate", "capacity", -1),
    ],
)
def test_direction_of_each_handle(prepared: Prepared, handle: str, field: str, sign: int) -> None:
    assert sign * _moved(prepared, handle, 2.0, field) > 0.0
    assert sign * _moved(prepared, handle, 0.5, field) < 0.0


def test_enforcement_raises_cost_by_its_elasticity(prepared: Prepared) -> None:
    p = prepared.structure.products.index("cocaine")
    effect = prepared.rates.terms.enforcement[0, p]
    assert _moved(prepared, "police_effort", 2.0, "cost") == pytest.approx(effect * np.log(2.0))
    assert 0.0 < effect < 0.3


def test_purity_lowers_the_cost_of_pure_product_only_as_far_as_it_goes(prepared: Prepared) -> None:
    cost = _moved(prepared, "purity", 100.0, "cost")
    purity = _moved(prepared, "purity", 100.0, "purity")
    assert cost == pytest.approx(-purity)
    p = prepared.structure.products.index("cocaine")
    reached = _paths(prepared, "purity", 100.0).purity[0, -1, p]
    assert np.exp(reached) * np.exp(-prepared.rates.terms.ceiling[0, p]) == pytest.approx(1.0)


@given(st.floats(0.01, 10.0), st.floats(0.0, 0.99), st.floats(0.0, 0.99))
def test_diversion_softens_shocks(capacity: float, one: float, other: float) -> None:
    little, much = (np.array([x]) for x in sorted((one, other)))
    now = np.array([capacity])
    assert abs(felt(now, much) - 1.0) <= abs(felt(now, little) - 1.0) + 1e-12
    assert felt(now, np.zeros(1)) == pytest.approx(now)


def test_a_closed_route_is_not_a_price_for_ever(prepared: Prepared) -> None:
    assert _moved(prepared, "import_flow", 0.0, "cost") == 0.0
    assert np.isfinite(_moved(prepared, "import_flow", 0.0, "capacity"))


def test_a_dearer_tax_raises_the_price_of_tobacco_only(prepared: Prepared) -> None:
    dearer, idle = (_paths(prepared, "excise", value, "tobacco").cost for value in (1.5, 1.0))
    rises = dearer[0, -1] - idle[0, -1]
    p = prepared.structure.products.index("tobacco")
    assert rises[p] > 0.0
    assert np.delete(rises, p).tolist() == [0.0] * (rises.size - 1)


@given(st.floats(2000.0, 2040.0), st.floats(0.0, 50.0))
def test_online_share_stays_a_share(year: float, odds: float) -> None:
    start, ceiling, midpoint, scale = (np.array([x]) for x in (0.02, 0.3, 2018.0, 2.5))
    share = online_share(np.array([year]), start, ceiling, midpoint, scale, np.array([odds]))
    assert 0.0 < share[0] < 1.0
