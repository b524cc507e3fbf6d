"""From scenario files to forcing: which strata, months and products a change reaches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.forcing import Forcing, build_forcing
from model.handles import reading_products
from model.strata import Strata, default_strata
from model.structure import NOBODY, Structure, build_structure
from scenarios.compose import changes_of
from scenarios.schema import Scenario, read_scenario

MONTHS = 252


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def structure(catalogue: Catalogue) -> Structure:
    return build_structure(catalogue, draw_priors(catalogue, 1))


@pytest.fixture(scope="module")
def strata() -> Strata:
    return default_strata()


def compose(found: Scenario, structure: Structure, strata: Strata, months: int) -> Forcing:
    """The forcing of a scenario alone, without history."""
    return build_forcing(structure, strata, months, changes_of(found, structure, strata, months))


def scenario(folder: Path, catalogue: Catalogue, *changes: str) -> Scenario:
    path = folder / "scenario.yaml"
    listed = "".join(f"\n  - {{{change}}}" for change in changes)
    path.write_text(f"id: a\ntitle: A\ndescription: A.\nchanges:{listed or ' []'}\n")
    return read_scenario(path, catalogue)


def test_a_change_reaches_its_products_months_and_strata(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    found = scenario(
        tmp_path,
        catalogue,
        "handle: initiation, products: [kind:behaviour], regions: [Brussels], ages: [10, 24], "
        "sexes: [male], from: 2024-03, to: 2025-02, multiplier: 0.5",
    )
    forcing = compose(found, structure, strata, MONTHS)
    handle = structure.handles.index("initiation")
    reached = {structure.products[p] for p in np.flatnonzero(forcing.series[handle] != NOBODY)}
    assert reached == {"gambling_offline", "gambling_online", "gaming"}
    assert (np.delete(forcing.series, handle, axis=0) == NOBODY).all()
    number = forcing.series[handle, structure.products.index("gaming")]
    values = forcing.values[0, number][:, forcing.cell]
    month = np.arange(MONTHS)
    when = (month >= 170) & (month < 182)
    who = (strata.region == 2) & (strata.sex == 0) & (strata.age_high <= 24)
    np.testing.assert_array_equal(values, np.where(when[:, None] & who, 0.5, 1.0))


def test_changes_multiply_where_they_meet(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    change = "handle: price, products: [alcohol, kind:legal], from: 2024-01, multiplier: 1.5"
    forcing = compose(scenario(tmp_path, catalogue, change, change), structure, strata, MONTHS)
    handle = structure.handles.index("price")
    number = forcing.series[handle, structure.products.index("alcohol")]
    assert forcing.values[0, number, -1].tolist() == [2.25] * forcing.values.shape[-1]


def test_no_change_is_the_reference(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    forcing = compose(scenario(tmp_path, catalogue), structure, strata, MONTHS)
    assert (forcing.series == NOBODY).all()
    assert not forcing.active.any()


def test_everything_can_be_reached(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    change = "handle: mortality, products: all, ages: [null, null], from: 2024-01, multiplier: 0"
    forcing = compose(scenario(tmp_path, catalogue, change), structure, strata, MONTHS)
    reached = forcing.series[structure.handles.index("mortality")] != NOBODY
    assert reached.all()  # every product has a state with excess mortality
    assert (forcing.values[0, :, 168:] == 0.0).all()


@pytest.mark.parametrize(
    ("change", "message", "key", "given"),
    [
        ("handle: capacity, ages: [15, 24]", "whole regions", "ages", [15, 24]),
        ("handle: mortality, sexes: male", "whole regions", "sexes", ["male"]),
        ("handle: entry_time, deprivation: others", "whole regions", "deprivation", ["others"]),
        ("handle: excise, regions: Brussels", "the whole nation", "regions", ["Brussels"]),
        ("handle: excise, ages: [15, 24]", "the whole nation", "ages", [15, 24]),
        ("handle: violence, sexes: male", "the whole nation", "sexes", ["male"]),
        ("handle: initiation, ages: [30, 49]", "cut a band", "ages", [30, 49]),
        ("handle: initiation, ages: [0, 9]", "reach nobody", "ages", [0, 9]),
    ],
)
def test_strata_that_cannot_be_reached_are_refused_with_the_line(
    tmp_path: Path,
    catalogue: Catalogue,
    structure: Structure,
    strata: Strata,
    change: str,
    message: str,
    key: str,
    given: object,
) -> None:
    good = "handle: price, from: 2024-01, multiplier: 2"
    found = scenario(tmp_path, catalogue, good, f"{change}, from: 2024-01, multiplier: 2")
    with pytest.raises(InputError, match=message) as caught:
        compose(found, structure, strata, MONTHS)
    error = caught.value
    assert (error.line, error.key, error.given) == (6, key, given)
    assert error.allowed


def test_a_handle_on_whole_regions_may_choose_regions(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    change = "handle: capacity, regions: Brussels, ages: all, from: 2024-01, multiplier: 2"
    forcing = compose(scenario(tmp_path, catalogue, change), structure, strata, MONTHS)
    number = forcing.series[structure.handles.index("capacity"), 0]
    last = forcing.values[0, number, -1][forcing.cell]
    np.testing.assert_array_equal(last, np.where(strata.region == 2, 2.0, 1.0))


@pytest.mark.parametrize(
    ("change", "given", "allowed"),
    [
        ("handle: medical_start, products: cannabis", "cannabis", "sedatives"),
        ("handle: medical_start, products: [sedatives, alcohol]", "alcohol", "sedatives"),
        ("handle: medical_start, products: [kind:illegal]", "kind:illegal", "sedatives"),
        ("handle: consumption, products: gaming", "gaming", "alcohol"),
        ("handle: transit_share, products: alcohol", "alcohol", "cocaine"),
        ("handle: excise, products: [tobacco, gaming]", "gaming", "alcohol"),
        ("handle: capacity, products: nitrous_oxide", "nitrous_oxide", "alcohol"),
    ],
)
def test_a_change_that_would_do_nothing_is_refused(
    tmp_path: Path,
    catalogue: Catalogue,
    structure: Structure,
    strata: Strata,
    change: str,
    given: str,
    allowed: str,
) -> None:
    found = scenario(tmp_path, catalogue, f"{change}, from: 2024-01, multiplier: 2")
    with pytest.raises(InputError, match="does nothing here") as caught:
        compose(found, structure, strata, MONTHS)
    error = caught.value
    assert (error.line, error.key, error.given) == (5, "products", given)
    listed = str(error.allowed).split(", ")
    assert allowed in listed
    assert given not in listed


def test_all_and_kinds_mean_the_products_that_read_the_handle(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    cases = {
        ("excise", "all"): ["alcohol", "tobacco"],
        ("capacity", "kind:other"): ["performance_enhancers"],
        ("transit_share", "kind:other"): ["performance_enhancers"],
    }
    for (handle, named), wanted in cases.items():
        change = f"handle: {handle}, products: {named}, from: 2024-01, multiplier: 2"
        found = scenario(tmp_path, catalogue, change)
        forcing = compose(found, structure, strata, MONTHS)
        reached = forcing.series[structure.handles.index(handle)] != NOBODY
        assert [structure.products[p] for p in np.flatnonzero(reached)] == wanted


def test_every_handle_is_read_by_some_product(catalogue: Catalogue) -> None:
    for row in catalogue.handles:
        assert reading_products(catalogue, row.id), row.id


def test_levels_start_at_nothing_and_the_highest_counts(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    low = "handle: price_floor, products: alcohol, from: 2024-01, level: 0.3"
    high = "handle: price_floor, products: alcohol, from: 2025-01, to: 2025-12, level: 0.5"
    forcing = compose(scenario(tmp_path, catalogue, low, high), structure, strata, MONTHS)
    handle = structure.handles.index("price_floor")
    (path,) = forcing.nation(handle, structure.products.index("alcohol"))
    month = np.arange(MONTHS)
    wanted = np.where(month < 168, 0.0, np.where((month >= 180) & (month < 192), 0.5, 0.3))
    np.testing.assert_array_equal(path, wanted)
    (idle,) = forcing.nation(handle, structure.products.index("tobacco"))
    assert (idle == 0.0).all()


def test_changes_come_in_the_order_of_the_file(
    tmp_path: Path, catalogue: Catalogue, structure: Structure, strata: Strata
) -> None:
    texts = (
        "handle: excise, products: tobacco, from: 2024-01, multiplier: 2",
        "handle: price_floor, products: alcohol, from: 2024-01, level: 0.4",
    )
    found = changes_of(scenario(tmp_path, catalogue, *texts), structure, strata, MONTHS)
    assert [change.handle for change in found] == ["excise", "price_floor"]
    for change, neutral, size in zip(found, (1.0, 0.0), (2.0, 0.4), strict=True):
        assert (change.values[:168] == neutral).all()
        assert (change.values[168:] == size).all()
        assert change.strata.all()
