"""The tables together: what refers to what, and what is refused with which words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from calibration.priors import draw_priors
from model.catalogue import REPORTED, Catalogue, load_catalogue
from model.errors import InputError
from model.rates import build_rates
from model.strata import Strata, default_strata
from model.structure import build_structure
from tests.published.laboratory import fixed, projection, write_catalogue

Row = Mapping[str, object]

PRODUCT: dict[str, object] = {
    "id": "snuff", "name": "Snuff", "kind": "other", "mode": "scenario-only",
    "modules": "snuff", "why": "a test",
}  # fmt: skip
STATES: list[Row] = [
    {"module": "snuff", "state": "never", "reported": "never", "using": "no"},
    {"module": "snuff", "state": "taking", "reported": "occasional", "using": "yes"},
]
FLOW: dict[str, object] = {
    "id": "take", "module": "snuff", "origin": "never", "destination": "taking",
    "hazard": "rate", "family": "snuff", "rates": "snuff_take",
}  # fmt: skip
TAKE = fixed("snuff", "snuff_take", 0.1)


def _folder(
    folder: Path,
    product: Row = PRODUCT,
    states: Sequence[Row] = STATES,
    flow: Row = FLOW,
    parameters: Sequence[Row] = (TAKE,),
) -> Path:
    tables = {"products": [product], "states": states, "flows": [flow], "parameters": parameters}
    return write_catalogue(folder, tables)


def _refused(folder: Path) -> InputError:
    with pytest.raises(InputError) as refused:
        load_catalogue(folder)
    return refused.value


def _project(folder: Path, strata: Strata) -> None:
    catalogue = load_catalogue(folder)
    projection(catalogue, strata, draw_priors(catalogue, 1))


def test_the_shipped_tables_agree(catalogue: Catalogue) -> None:
    assert len(catalogue.products) == 20
    assert len(catalogue.unions) == 5
    for product in catalogue.products:
        states = catalogue.states_of(product)
        order = [REPORTED.index(row.reported) for row in states]
        assert order == sorted(order)
        assert order[0] == 0
        assert catalogue.flows_of(product)
        assert catalogue.product(product.id) is product
        assert (product.why is not None) or product.mode == "calibrated"


def test_a_sound_folder_is_read(tmp_path: Path) -> None:
    catalogue = load_catalogue(_folder(tmp_path))
    assert catalogue.products[-1].id == "snuff"
    assert [row.id for row in catalogue.flows_of(catalogue.product("snuff"))] == ["take"]
    assert catalogue.folder == tmp_path


def test_a_row_of_the_same_identity_replaces_the_shipped_one(tmp_path: Path) -> None:
    row = fixed("*", "stabilisation", 0.5)
    catalogue = load_catalogue(write_catalogue(tmp_path, {"parameters": [row]}))
    shipped = load_catalogue()
    assert len(catalogue.parameters) == len(shipped.parameters)
    (found,) = [r for r in catalogue.parameters if r.key == "*/stabilisation[,,,,]"]
    assert (found.value, found.source) == (0.5, "own")


# What is wrong, the table it stands in, its key, the value given, a word of what is allowed.
WRONG_FLOWS = (
    ({"origin": "never_was"}, "origin", "never_was", "taking"),
    ({"origin": "problematic"}, "origin", "problematic", "taking"),
    ({"destination": "nowhere"}, "destination", "nowhere", "outside"),
    ({"destination": "never"}, "destination", "never", "another state"),
    ({"module": "sniff"}, "module", "sniff", "snuff"),
    ({"handles": "magic"}, "handles", "magic", "initiation"),
    ({"modifiers": "weather"}, "modifiers", "weather", "deprivation"),
    ({"source": "hearsay"}, "source", "hearsay", "own"),
    ({"hazard": "sometimes"}, "hazard", "sometimes", "rate"),
    ({"hazard": "amount"}, "hazard", "amount", "origin outside"),
    ({"hazard": "admission"}, "origin", "never", "waiting"),
    ({"origin": "outside"}, "hazard", "rate", "amount"),
    ({"rates": ""}, "rates", None, "parameters"),
)


@pytest.mark.parametrize(("change", "key", "given", "allowed"), WRONG_FLOWS)
def test_a_wrong_flow_is_refused(
    tmp_path: Path, change: Row, key: str, given: object, allowed: str
) -> None:
    error = _refused(_folder(tmp_path, flow={**FLOW, **change}))
    assert (error.file, error.line, error.key) == (str(tmp_path / "flows.csv"), 2, key)
    assert error.given == given
    assert allowed in str(error.allowed)


WRONG_PRODUCTS = (
    ({"modules": "snuff magic"}, "modules", "magic", "snuff"),
    ({"modules": "remission"}, "modules", None, "exactly one never state"),
    ({"modules": "use remission care"}, "service", None, "psychosocial"),
    ({"service": "spa"}, "service", "spa", "psychosocial"),
    ({"source": "hearsay"}, "source", "hearsay", "own"),
    ({"mode": "maybe"}, "mode", "maybe", "scenario-only"),
    ({"kind": "odd"}, "kind", "odd", "illegal"),
    ({"why": ""}, "why", None, "cannot identify"),
)


@pytest.mark.parametrize(("change", "key", "given", "allowed"), WRONG_PRODUCTS)
def test_a_wrong_product_is_refused(
    tmp_path: Path, change: Row, key: str, given: object, allowed: str
) -> None:
    error = _refused(_folder(tmp_path, product={**PRODUCT, **change}))
    assert (error.file, error.line, error.key) == (str(tmp_path / "products.csv"), 2, key)
    if given is not None:
        assert error.given == given
    assert allowed in str(error.allowed)


WRONG_PARAMETERS = (
    ({"product": "snuf"}, "product", "snuf", "snuff"),
    ({"product": "kind:odd"}, "product", "kind:odd", "kind:illegal"),
    ({"source": "hearsay"}, "source", "hearsay", "own"),
    ({"source": "assumed"}, "evidence", "high", "assumed"),
    ({"value": "0,1"}, "value", "0,1", "number"),
)


@pytest.mark.parametrize(("change", "key", "given", "allowed"), WRONG_PARAMETERS)
def test_a_wrong_parameter_is_refused(
    tmp_path: Path, change: Row, key: str, given: str, allowed: str
) -> None:
    error = _refused(_folder(tmp_path, parameters=[{**TAKE, **change}]))
    assert (error.file, error.line) == (str(tmp_path / "parameters.csv"), 2)
    assert (error.key, error.given) == (key, given)
    assert allowed in str(error.allowed)


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    error = _refused(_folder(tmp_path, parameters=[{**TAKE, "unit": "per moon"}]))
    assert (error.file, error.line) == (str(tmp_path / "parameters.csv"), 2)
    assert "per moon" in str(error)
    assert "per year" in str(error.allowed)


def test_wrong_states_unions_and_services_are_refused(tmp_path: Path) -> None:
    states = [STATES[0], {**STATES[1], "reported": "sometimes"}]
    error = _refused(_folder(tmp_path / "a", states=states))
    assert (error.line, error.key, error.given) == (3, "reported", "sometimes")
    assert "former" in str(error.allowed)
    states = [*STATES, {**STATES[1], "state": "queue", "reported": "waiting", "service": "spa"}]
    error = _refused(_folder(tmp_path / "b", states=states))
    assert (error.line, error.key, error.given) == (4, "service", "spa")
    union = {"id": "smoke", "name": "Smoke", "members": "tobacco vapour"}
    error = _refused(write_catalogue(tmp_path / "c", {"unions": [union]}))
    assert (error.line, error.key, error.given) == (2, "members", "vapour")
    assert "tobacco" in str(error.allowed)


def test_the_same_row_twice_is_refused(tmp_path: Path) -> None:
    error = _refused(_folder(tmp_path, parameters=[TAKE, {**TAKE, "value": "0.2"}]))
    assert (error.file, error.line) == (str(tmp_path / "parameters.csv"), 3)
    assert "snuff_take" in str(error.given)
    assert "line 2" in str(error.allowed)


def test_malformed_files_are_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    table = folder / "flows.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text + "one,cell,too,few\n", encoding="utf-8")
    error = _refused(folder)
    assert (error.file, error.line, error.given) == (str(table), 3, 4)
    assert "12 cells" in str(error.allowed)
    table.write_text(text.replace("id,module", "name,module"), encoding="utf-8")
    error = _refused(folder)
    assert (error.line, str(error.allowed)[:9]) == (1, "id,module")
    assert str(error.given).startswith("name,module")
    table.write_bytes(b"\xff\xfe\x00")
    assert _refused(folder).file == str(table)


def test_unknown_files_and_folders_are_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "own")
    (folder / "flow.csv").write_text("id\n", encoding="utf-8")
    error = _refused(folder)
    assert error.file == str(folder / "flow.csv")
    assert "flows.csv" in str(error.allowed)
    missing = tmp_path / "nowhere"
    assert _refused(missing).given == str(missing)


def test_a_flow_without_its_parameter_is_refused(tmp_path: Path, coarse: Strata) -> None:
    catalogue = load_catalogue(_folder(tmp_path, parameters=[]))
    draws = draw_priors(catalogue, 1)
    with pytest.raises(InputError) as refused:
        projection(catalogue, coarse, draws)
    assert refused.value.key == "snuff_take"
    assert "snuff" in str(refused.value.allowed)


def test_rows_that_leave_strata_without_a_value_are_refused(tmp_path: Path, coarse: Strata) -> None:
    men = {**TAKE, "sex": "male"}
    catalogue = load_catalogue(_folder(tmp_path, parameters=[men]))
    with pytest.raises(InputError) as refused:
        projection(catalogue, coarse, draw_priors(catalogue, 1))
    error = refused.value
    assert (error.file, error.line) == (str(tmp_path / "parameters.csv"), 2)
    assert error.key == "snuff_take"


MEN = {**TAKE, "sex": "male", "value": "0.7"}
UNIFORM = {"distribution": "uniform", "role": "assumed"}
# Rows after TAKE, and the key of the refusal: two rows for the same people, rows for nobody.
WRONG_SETS: tuple[tuple[Sequence[Row], str], ...] = (
    ([TAKE, MEN, {**MEN, "value": "0.6"}], "snuff_take"),
    ([{**MEN, "age_max": 30}, {**MEN, "age_min": 20}, {**TAKE, "sex": "female"}], "snuff_take"),
    ([TAKE, {**TAKE, "age_min": 30, "age_max": 20}], "age_max"),
    ([TAKE, {**TAKE, "age_min": 300}], "age_min"),
    ([{**TAKE, "value": "-1"}], "value"),
    ([{**TAKE, "value": "1.7", "unit": "probability"}], "value"),
    ([{**TAKE, **UNIFORM, "low": "0.05", "high": "1.9", "unit": "probability"}], "high"),
)


@pytest.mark.parametrize(("rows", "key"), WRONG_SETS)
def test_overlaps_and_values_out_of_range_are_refused(
    tmp_path: Path, coarse: Strata, rows: Sequence[Row], key: str
) -> None:
    folder = _folder(tmp_path, parameters=rows)
    with pytest.raises(InputError) as refused:
        _project(folder, coarse)
    assert refused.value.file == str(tmp_path / "parameters.csv")
    assert refused.value.line is not None
    assert key in str(refused.value)


def test_a_coupling_to_an_unknown_product_is_refused(tmp_path: Path) -> None:
    coupling = fixed("cannabis", "coupling_tea", 2.0, "ratio")
    catalogue = load_catalogue(write_catalogue(tmp_path, {"parameters": [coupling]}))
    with pytest.raises(InputError) as refused:
        build_structure(catalogue, draw_priors(catalogue, 1))
    assert (refused.value.line, refused.value.given) == (2, "coupling_tea")
    assert "coupling_tobacco" in str(refused.value.allowed)


def test_an_unknown_product_is_refused_by_name(catalogue: Catalogue) -> None:
    with pytest.raises(InputError) as refused:
        catalogue.product("tea")
    assert refused.value.given == "tea"
    assert "tobacco" in str(refused.value.allowed)


def test_every_flow_of_every_product_resolves(catalogue: Catalogue) -> None:
    draws = draw_priors(catalogue, 2, seed=6)
    structure = build_structure(catalogue, draws)
    strata = default_strata()
    world = projection(catalogue, strata, draws)
    rates = build_rates(structure, strata, world.demography.start, draws)
    for f, flow in enumerate(structure.flows):
        name = f"{structure.products[structure.product_of_flow[f]]}/{flow.id}"
        assert (rates.base[:, f] >= 0.0).all(), name
        assert (rates.base[:, f].max(axis=1) > 0.0).all(), name


def test_every_amount_of_money_names_its_price_year(catalogue: Catalogue) -> None:
    units = {row.unit for row in catalogue.indicators} | {row.unit for row in catalogue.parameters}
    money = {unit for unit in units if "EUR" in unit}
    assert money
    for unit in money:
        assert re.match(r"EUR of 20[0-2][0-9]\b", unit), unit
    for row in catalogue.indicators:
        assert (row.kind == "money") == (row.unit in money), row.id
