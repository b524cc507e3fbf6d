"""History: what its rows do month by month, what is refused, and what it turns into input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.figures import load_figures
from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.events import HistoryRow, check_history, month_number
from model.forcing import Change, Forcing, build_forcing
from model.history import LEFT_AFTER_A_YEAR, forced_quantities, history_changes
from model.parameters import Draws
from model.reading import read_rows
from model.strata import Strata
from model.structure import NOBODY, Structure, build_structure
from tests.published.laboratory import write_catalogue

MONTHS = 252
Cells = Mapping[str, object]
Own = Callable[..., Catalogue]
STEP: Cells = {
    "id": "own-event",
    "handle": "initiation",
    "products": "tobacco",
    "from": "2015-03",
    "to": "2016-02",
    "shape": "step",
    "value": 0.5,
    "distribution": "fixed",
    "evidence": "assumed",
    "note": "a test",
}


@pytest.fixture(scope="module")
def structure(catalogue: Catalogue, median_draw: Draws) -> Structure:
    return build_structure(catalogue, median_draw)


@pytest.fixture(scope="module")
def own(catalogue: Catalogue) -> Own:
    """The shipped catalogue with other rows of history, checked."""

    def read(folder: Path, *rows: Cells) -> Catalogue:
        path = write_catalogue(folder, {"history": rows}) / "history.csv"
        found = replace(catalogue, history=tuple(read_rows(path, HistoryRow)))
        check_history(found)
        return found

    return read


def changes(catalogue: Catalogue, structure: Structure, strata: Strata, n: int = 1) -> list[Change]:
    draws = draw_priors(catalogue, n, seed=3)
    return history_changes(catalogue, draws, structure, strata, MONTHS)


def test_a_step_holds_from_its_first_to_its_last_month(
    tmp_path: Path, own: Own, structure: Structure, coarse: Strata
) -> None:
    (change,) = changes(own(tmp_path, STEP), structure, coarse)
    month = np.arange(MONTHS)
    when = (month >= 62) & (month < 74)
    np.testing.assert_array_equal(change.values, np.where(when, 0.5, 1.0)[None])
    assert change.handle == "initiation"
    assert change.products == ("tobacco",)
    assert change.strata.all()
    (change,) = changes(own(tmp_path, {**STEP, "to": ""}), structure, coarse)
    np.testing.assert_array_equal(change.values, np.where(month >= 62, 0.5, 1.0)[None])


def test_a_fading_effect_loses_a_fifth_a_year(
    tmp_path: Path, own: Own, structure: Structure, coarse: Strata
) -> None:
    row = {**STEP, "shape": "fading", "value": 1.5, "to": ""}
    (change,) = changes(own(tmp_path, row), structure, coarse)
    assert change.values[0, 61] == 1.0
    yearly = change.values[0, [62, 74, 122]]
    np.testing.assert_allclose(yearly, 1.0 + 0.5 * LEFT_AFTER_A_YEAR ** np.array([0, 1, 5]))


def test_a_path_is_straight_on_the_log_scale(
    tmp_path: Path, own: Own, structure: Structure, coarse: Strata
) -> None:
    point = {**STEP, "shape": "path", "to": ""}
    later = {**point, "from": "2019-03", "value": 2.0}
    (change,) = changes(own(tmp_path, later, point), structure, coarse)  # any order of rows
    path = change.values[0]
    assert (path[:62] == 1.0).all()
    np.testing.assert_allclose(path[[62, 74, 86, 110, 251]], [0.5, 0.5 * 2**0.5, 1.0, 2.0, 2.0])


def test_one_draw_moves_all_handles_of_a_row(
    tmp_path: Path, own: Own, structure: Structure, coarse: Strata
) -> None:
    row = {**STEP, "handle": "cessation remission", "low": 0.2, "high": 0.9}
    catalogue = own(tmp_path, {**row, "distribution": "lognormal"})
    first, second = changes(catalogue, structure, coarse, n=50)
    assert (first.handle, second.handle) == ("cessation", "remission")
    np.testing.assert_array_equal(first.values, second.values)
    drawn = first.values[:, 70]
    assert len(np.unique(drawn)) == 50
    assert 0.2 < np.median(drawn) < 0.9


def test_a_slice_of_the_draws_gives_their_part(
    catalogue: Catalogue, structure: Structure, coarse: Strata
) -> None:
    draws = draw_priors(catalogue, 7, seed=5)
    whole = history_changes(catalogue, draws, structure, coarse, MONTHS)
    part = history_changes(catalogue, draws.slice(2, 5), structure, coarse, MONTHS)
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(one.values[2:5], other.values)


def test_ages_and_regions_choose_strata(
    tmp_path: Path, own: Own, structure: Structure, coarse: Strata
) -> None:
    row = {**STEP, "regions": "Brussels", "age_min": 18, "age_max": 24}
    (change,) = changes(own(tmp_path, row), structure, coarse)
    wanted = (coarse.region == 2) & (coarse.age_low == 18)
    np.testing.assert_array_equal(change.strata, wanted)
    # A band belongs where its middle lies; where none does, the row does nothing.
    assert changes(own(tmp_path, {**row, "age_min": 16, "age_max": 17}), structure, coarse) == []


def test_a_row_without_a_size_does_nothing(
    tmp_path: Path, own: Own, structure: Structure, coarse: Strata
) -> None:
    bare = {**STEP, "handle": "", "shape": "", "value": "", "distribution": ""}
    catalogue = own(tmp_path, bare)
    assert changes(catalogue, structure, coarse) == []
    assert not any(key.startswith("history/") for key in draw_priors(catalogue, 1).values)


WRONG = [
    ({"handle": "magic"}, "unknown handle", "handle"),
    ({"handle": "price_floor", "products": "alcohol"}, "multipliers only", "handle"),
    ({"products": "tea"}, "unknown product", "products"),
    ({"products": "cannabis", "handle": "medical_start"}, "does nothing here", "products"),
    ({"regions": "Flandres"}, "unknown region", "regions"),
    ({"handle": "excise", "age_min": 16}, "the whole nation", "age_min"),
    ({"handle": "excise", "regions": "Brussels"}, "the whole nation", "regions"),
    ({"handle": "capacity", "age_max": 17}, "whole regions", "age_max"),
    ({"from": "2009-12"}, "out of range", "from"),
    ({"to": "2031-01"}, "out of range", "to"),
    ({"from": "2015"}, "malformed", "from"),
    ({"to": "2015-02"}, "malformed", "to"),
    ({"age_min": 20, "age_max": 17}, "malformed", "age_max"),
    ({"value": 0.0}, "malformed", "value"),
    ({"handle": "price", "value": 0.005}, "malformed", "value"),
    ({"value": ""}, "malformed", "value"),
    ({"shape": ""}, "malformed", "shape"),
    ({"handle": ""}, "malformed", "shape"),
    ({"distribution": "lognormal"}, "malformed", "low"),
    ({"distribution": "lognormal", "low": 0.6, "high": 0.9}, "malformed", "value"),
    ({"distribution": "logitnormal", "low": 0.2, "high": 1.0}, "malformed", "high"),
]


@pytest.mark.parametrize(("cells", "message", "key"), WRONG)
def test_wrong_rows_are_refused_with_their_line(
    tmp_path: Path, own: Own, cells: Cells, message: str, key: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        own(tmp_path, {**STEP, **cells})
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "history.csv"), 2)
    assert caught.value.key == key
    assert caught.value.allowed


def test_points_of_a_path_must_agree(tmp_path: Path, own: Own) -> None:
    point = {**STEP, "shape": "path", "to": ""}
    for cells, key in (
        ({"handle": "cessation"}, "handle"),
        ({"shape": "step"}, "shape"),
        ({"to": "2020-01"}, "to"),
    ):
        rows = [point, {**point, "from": "2019-03", **cells}]
        with pytest.raises(InputError, match="points of the path own-event differ") as caught:
            own(tmp_path, *rows)
        assert (caught.value.line, caught.value.key) == (3, key)


def test_a_users_folder_adds_and_replaces_rows(tmp_path: Path, catalogue: Catalogue) -> None:
    new = {**STEP, "id": "policy-plain-packs", "from": "2020-01", "to": ""}
    folder = write_catalogue(tmp_path, {"history": [new, STEP]})
    history = load_catalogue(folder).history
    assert len(history) == len(catalogue.history) + 1
    (row,) = [row for row in history if row.id == "policy-plain-packs"]
    assert row.value == 0.5
    write_catalogue(tmp_path, {"history": [{**STEP, "source": "hearsay"}]})
    with pytest.raises(InputError, match="unknown source"):
        load_catalogue(folder)


# The fifteen dated changes of policy that the project knows of, by first month and product.
DATED = {
    ("2010-01", "alcohol"),
    ("2011-07", "tobacco"),
    ("2013-01", "tobacco"),
    ("2015-11", "alcohol"),
    ("2016-01", "e_cigarettes"),
    ("2019-11", "tobacco"),
    ("2019-11", "e_cigarettes"),
    ("2020-01", "tobacco"),
    ("2021-01", "tobacco"),
    ("2022-10", "gambling_online"),
    ("2023-07", "gambling_online gambling_offline"),
    ("2018-09", "opioids"),
    ("2020-03", "all"),
    ("2021-03", "cocaine"),
    ("2023-04", "all"),
    ("2023-12", "all"),
}


def test_every_dated_change_of_policy_stands_in_the_table(catalogue: Catalogue) -> None:
    rows = [row for row in catalogue.history if row.id.startswith("policy-")]
    assert {(row.start, row.products) for row in rows} == DATED


def test_the_table_ends_with_what_was_adopted_by_the_end_of_2023(catalogue: Catalogue) -> None:
    for row in catalogue.history:
        assert row.start <= "2024-01", row.key
        assert row.note


def test_no_forced_figure_is_fitted_or_scored(catalogue: Catalogue) -> None:
    """What goes in may not come out as a success."""
    names = {row.id for row in catalogue.products} | {row.id for row in catalogue.unions}
    figures = load_figures(products=names, sources={row.id for row in catalogue.sources})
    forced = forced_quantities(catalogue)
    assert forced <= {(figure.product, figure.indicator) for figure in figures}
    for figure in figures:
        if (figure.product, figure.indicator) in forced:
            assert figure.role == "context", figure.id


def series(
    catalogue: Catalogue, structure: Structure, strata: Strata, draws: Draws
) -> tuple[Forcing, list[Change]]:
    found = history_changes(catalogue, draws, structure, strata, MONTHS)
    return build_forcing(structure, strata, MONTHS, found), found


def test_known_values_at_the_median(
    catalogue: Catalogue, structure: Structure, coarse: Strata, median_draw: Draws
) -> None:
    forcing, _ = series(catalogue, structure, coarse, median_draw)

    def national(handle: str, product: str, month: str) -> float:
        number, p = structure.handles.index(handle), structure.products.index(product)
        return float(forcing.nation(number, p)[0, month_number(month)])

    # Seized in 2022 over seized in 2010, kg.
    assert national("transit_share", "cocaine", "2022-06") == pytest.approx(110910.5 / 6865, 1e-3)
    assert national("transit_share", "cocaine", "2010-12") == 1.0
    assert national("purity", "cocaine", "2010-06") == 1.0
    assert national("purity", "cocaine", "2015-07") == pytest.approx(1.56**0.5)
    assert national("import_flow", "cocaine", "2021-02") == 1.0
    assert national("import_flow", "cocaine", "2021-08") == pytest.approx(0.9)
    assert national("import_flow", "cocaine", "2021-09") == 1.0
    # At the assumed excise share of 0.7 the price of 2021 is 8 to 9% above that of 2020.
    price = 0.3 + 0.7 * national("excise", "tobacco", "2021-01")
    assert price == pytest.approx(1.11 / 1.025, abs=0.005)
    assert national("excise", "tobacco", "2020-12") == 1.0


def test_history_is_a_sound_forcing_in_every_draw(
    catalogue: Catalogue, structure: Structure, coarse: Strata
) -> None:
    draws = draw_priors(catalogue, 40, seed=9)
    forcing, found = series(catalogue, structure, coarse, draws)
    assert np.isfinite(forcing.values).all()
    assert (forcing.values > 0.0).all()
    for change in found:
        if change.handle in ("advertising", "import_flow", "capacity"):
            assert (change.values <= 1.0).all()  # a ban or a loss never adds
    # Nothing is known of January 2010 that is not in the start.
    assert (forcing.values[:, :, 0] == 1.0).all()


@given(st.integers(0, 251), st.floats(0.1, 10.0))
def test_history_and_a_scenario_multiply_where_they_meet(
    catalogue: Catalogue,
    structure: Structure,
    coarse: Strata,
    median_draw: Draws,
    month: int,
    factor: float,
) -> None:
    known = history_changes(catalogue, median_draw, structure, coarse, MONTHS)
    values = np.ones(MONTHS)
    values[month:] = factor
    everyone = np.ones(coarse.size, dtype=np.bool_)
    scenario = Change("transit_share", ("cocaine", "mdma"), values, everyone)
    handle = structure.handles.index("transit_share")
    before = build_forcing(structure, coarse, MONTHS, known)
    after = build_forcing(structure, coarse, MONTHS, [*known, scenario])
    for name in ("cocaine", "mdma"):
        p = structure.products.index(name)
        np.testing.assert_allclose(after.nation(handle, p), before.nation(handle, p) * values)
    assert before.series[handle, structure.products.index("mdma")] == NOBODY
