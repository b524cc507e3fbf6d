"""Outcomes under random parameters and random scenarios: bounds, sums and identities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared, assemble, simulate
from model.forcing import Change
from model.observation import observe
from model.strata import Strata

Float = npt.NDArray[np.float64]

FUNCTIONS = ("treatment", "enforcement", "prevention", "harm_reduction")


def _changes(prepared: Prepared, seed: int) -> list[Change]:
    """Eight handles moved everywhere from 2024, for three products each."""
    rng = np.random.default_rng(seed)
    structure, strata = prepared.structure, prepared.strata
    months = np.arange(prepared.demography.months)
    found = []
    for number in rng.choice(len(structure.handles), 8, replace=False):
        products = tuple(map(str, rng.choice(structure.products, 3, replace=False)))
        size = max(0.01, float(np.exp(rng.normal(0.0, 1.0))))
        values = np.where(months < 168, structure.neutral[number], size)
        everyone = np.ones(strata.size, dtype=bool)
        found.append(Change(structure.handles[number], products, values, everyone))
    return found


def _observed(catalogue: Catalogue, strata: Strata, seed: int) -> dict[str, Float]:
    draws = draw_priors(catalogue, 1, seed)
    prepared = assemble(catalogue, draws, strata)
    reference = simulate(prepared, None, 0, prepared.demography.months)
    forcing = prepared.forcing(_changes(prepared, seed))
    start = simulate(prepared, None, 0, 0).state.with_reference(reference.state)
    output = simulate(prepared, forcing, 0, prepared.demography.months, start).output
    return observe(prepared, draws, catalogue, output, forcing, np.ones((1, strata.size)))


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**31))
def test_outcomes_are_bounded_and_add_up(catalogue: Catalogue, coarse: Strata, seed: int) -> None:
    found = _observed(catalogue, coarse, seed)
    units = {row.id: row.unit for row in catalogue.indicators}
    everything = [row.id for row in catalogue.products] + [row.id for row in catalogue.unions]
    for name, values in found.items():
        known = values[~np.isnan(values)]
        assert np.isfinite(known).all(), name
        assert (known >= -1e-9 * max(1.0, known.max(initial=0.0))).all(), name
        if units[name] == "proportion":
            assert (known <= 1.0 + 1e-9).all(), name
    whole = everything.index("all")
    deaths = found["deaths"][:, :, whole]
    products = range(len(catalogue.products))
    attributable = np.nan_to_num(found["attributable_deaths"][:, :, products])
    assert (attributable.sum(axis=2) <= deaths * (1.0 + 1e-9)).all()
    for narrow, wide in (
        ("coded_deaths", "attributable_deaths"),
        ("overdose_deaths", "attributable_deaths"),
        ("overdose_deaths", "overdoses"),
        ("use_offences", "drug_law_offences"),
        ("use_in_prison", "detained"),
    ):
        both = ~np.isnan(found[narrow]) & ~np.isnan(found[wide])
        assert both.any()
        assert (found[narrow][both] <= found[wide][both] * (1.0 + 1e-9)).all(), (narrow, wide)
    np.testing.assert_array_equal(found["daly"], found["yll"] + found["yld"])
    # A function that a product does not cost anything is missing for it.
    spent = np.nansum([found[f"expenditure_{name}"] for name in FUNCTIONS], axis=0)
    np.testing.assert_allclose(np.nan_to_num(found["public_expenditure"]), spent, rtol=1e-9)
    parts = np.nansum(found["public_expenditure"][:, :, products], axis=2)
    np.testing.assert_allclose(found["public_expenditure"][:, :, whole], parts, rtol=1e-9)
    come = found["imported_kg"] + found["transit_kg"] + found["produced_kg"]
    gone = sum(
        found[name]
        for name in (
            "consumed_kg",
            "seized_border_kg",
            "seized_inside_kg",
            "exported_kg",
            "transit_out_kg",
        )
    )
    np.testing.assert_allclose(come, gone, rtol=1e-9)
