"""Offences and detention: known answers by hand, bounds, and handles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.catalogue import Catalogue
from model.compartments import Prepared, Result
from model.forcing import Change, build_forcing
from model.offences import derive, detentions, observe, release_deaths, spending
from model.outcomes import Seen
from model.parameters import Draws
from model.strata import weights

Float = npt.NDArray[np.float64]


def number(value: float) -> Float:
    return np.array(value)


def test_deaths_after_release_by_hand() -> None:
    # 1,000 releases: 3.8 deaths; half of them linked at a ratio of 0.5: a quarter less.
    unlinked, half = (
        release_deaths(number(1000.0), number(0.0038), number(0.5), number(linked))
        for linked in (0.0, 0.5)
    )
    assert unlinked == pytest.approx(3.8)
    assert half == pytest.approx(2.85)


def test_spending_by_hand() -> None:
    # Price doubles, amount falls to 0.72: spending up by 44%, its root by 20%.
    assert spending(number(2.0), number(0.72), number(0.5)) == pytest.approx(1.2)


@given(st.floats(0.0, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 1e3))
def test_no_more_detentions_than_offences(offences: float, share: float, factor: float) -> None:
    found = float(detentions(number(offences), number(share), number(factor)))
    assert 0.0 <= found <= offences


@given(st.floats(0.0, 1e5), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_no_more_deaths_than_the_untreated_risk(
    released: float, risk: float, ratio: float, linked: float
) -> None:
    deaths = float(release_deaths(*(number(x) for x in (released, risk, ratio, linked))))
    assert released * risk * ratio * (1 - 1e-9) <= deaths <= released * risk * (1 + 1e-9)


@pytest.fixture(scope="module")
def seen(catalogue: Catalogue, median_draw: Draws, prepared: Prepared, reference: Result) -> Seen:
    """The median run, in cells: everyone, then the regions; violence doubles in the last year."""
    regions = [weights(prepared.strata, region=name) for name in prepared.strata.regions]
    cells = np.stack([np.ones(prepared.strata.size), *regions])
    idle = build_forcing(prepared.structure, prepared.strata, prepared.demography.months)
    run = Seen(prepared, median_draw, catalogue, reference.output, idle, cells)
    violence = np.ones((1, len(run.years), 1))
    violence[:, -1] = 2.0
    for product in run.market_of("illicit"):
        run.put_nation("violence_index", product, violence)
    observe(run)
    derive(run)
    return run


def after(seen: Seen, handle: str, factor: float) -> Seen:
    """The same run with one handle of every illicit product changed."""
    prepared = seen.prepared
    months = prepared.demography.months
    everyone = np.ones(prepared.strata.size, dtype=bool)
    products = tuple(seen.products("use_offence_rate"))
    if handle == "linkage":
        products = tuple(seen.products("release_risk"))
    change = Change(handle, products, np.full(months, factor), everyone)
    forcing = build_forcing(prepared.structure, prepared.strata, months, [change])
    changed = replace(seen, forcing=forcing, values={})
    observe(changed)
    return changed


def test_regions_add_up(seen: Seen) -> None:
    for name in ("use_offences", "dealing_offences", "economic_offences", "detained", "released"):
        values = seen.get(name, "cocaine")
        assert values[:, :, 0] == pytest.approx(values[:, :, 1:].sum(axis=2)), name


def test_drug_law_offences_are_use_and_dealing(seen: Seen) -> None:
    for product in seen.products("use_offence_rate"):
        use, dealing = (seen.get(f"{kind}_offences", product) for kind in ("use", "dealing"))
        assert seen.get("drug_law_offences", product) == pytest.approx(use + dealing)
        assert seen.get("use_related_share", product) == pytest.approx(use / (use + dealing))


def test_use_offences_are_people_times_a_rate(seen: Seen) -> None:
    people = seen.people("cannabis", "occasional", "problematic", "waiting", "treatment")
    rate = float(seen.scalar("cannabis", "use_offence_rate")[0, 0, 0])
    assert seen.get("use_offences", "cannabis")[0, :, 0] == pytest.approx(rate * people.sum(2)[0])


def test_violence_is_national_and_follows_its_index(seen: Seen) -> None:
    for name in ("systemic_offences", "explosive_attacks"):
        values = seen.get(name, "cocaine")
        assert np.isnan(values[:, :, 1:]).all()
        assert values[0, -1, 0] == pytest.approx(2 * values[0, 0, 0])
        # Unions of national quantities stay national too.
        assert np.isnan(seen.get(name, "any_illegal")[:, :, 1:]).all()


def test_people_released_are_those_who_enter(seen: Seen) -> None:
    stay = float(seen.scalar("opioids", "detention_stay")[0, 0, 0])
    detained, released = seen.get("detained", "opioids"), seen.get("released", "opioids")
    assert detained == pytest.approx(released * stay)
    for part in ("use_in_prison", "substitution_in_prison"):
        assert (seen.get(part, "opioids") < detained).all()
    risk = float(seen.scalar("opioids", "release_risk")[0, 0, 0])
    assert (seen.get("release_deaths", "opioids") < released * risk).all()


@pytest.mark.parametrize(
    ("handle", "moved", "still"),
    [
        ("police_effort", "drug_law_offences", "economic_offences"),
        ("offence_response", "use_offences", "dealing_offences"),
        ("seller_recruitment", "dealing_offences", "use_offences"),
        ("reoffending", "economic_offences", "drug_law_offences"),
        ("detention", "detained", "drug_law_offences"),
    ],
)
def test_handles_move_what_they_name(seen: Seen, handle: str, moved: str, still: str) -> None:
    changed = after(seen, handle, 2.0)
    assert changed.get(moved, "opioids") == pytest.approx(2.0 * seen.get(moved, "opioids"))
    assert changed.get(still, "opioids") == pytest.approx(seen.get(still, "opioids"))
    assert (changed.get("detained", "opioids") > seen.get("detained", "opioids")).all()


def test_linkage_saves_lives_up_to_a_limit(seen: Seen) -> None:
    reference, more, most, beyond = (
        after(seen, "linkage", factor).get("release_deaths", "opioids")
        for factor in (1.0, 1.5, 50.0, 100.0)
    )
    assert reference == pytest.approx(seen.get("release_deaths", "opioids"))
    assert (more < reference).all()
    assert (most < more).all()
    assert beyond == pytest.approx(most)


def test_readers_are_told_that_linkage_moves_no_total(catalogue: Catalogue) -> None:
    definitions = {row.id: row.definition for row in catalogue.indicators}
    for name in ("release_deaths", "overdose_deaths"):
        assert "linkage" in definitions[name]
    assert "per release of all prisoners" in definitions["release_deaths"]
    linkage = next(row for row in catalogue.handles if row.id == "linkage")
    assert "no other count of deaths" in linkage.meaning
