"""Parameters of the agent engine: every row is read, and no other owner's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.agents.terms import OWNER, Terms, loading, terms
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.parameters import Draws
from tests.published.laboratory import fixed, write_catalogue


def test_every_row_of_the_owner_is_a_field_and_every_field_a_row(catalogue: Catalogue) -> None:
    rows = [row.parameter for row in catalogue.parameters if row.product == OWNER]
    assert sorted(rows) == sorted(Terms._fields)
    assert len(set(rows)) == len(rows)


def test_the_median_draw_has_the_values_of_the_table(
    catalogue: Catalogue, median_draw: Draws
) -> None:
    found = terms(median_draw, 0)
    for row in catalogue.parameters:
        if row.product == OWNER:
            assert getattr(found, row.parameter) == pytest.approx(row.value, rel=1e-12)


def test_draws_are_told_apart(catalogue: Catalogue) -> None:
    draws = draw_priors(catalogue, 3, seed=5)
    found = [terms(draws, d) for d in range(3)]
    assert len({one.influence for one in found}) == 3
    assert all(np.isfinite(one).all() for one in found)


def test_every_kind_of_products_has_a_loading(catalogue: Catalogue, median_draw: Draws) -> None:
    found = terms(median_draw, 0)
    for product in catalogue.products:
        assert 0.0 < loading(found, product.kind) < 1.0


def test_a_missing_row_is_named(catalogue: Catalogue) -> None:
    rows = tuple(row for row in catalogue.parameters if row.parameter != "influence")
    draws = draw_priors(replace(catalogue, parameters=rows), 1)
    with pytest.raises(InputError) as refused:
        terms(draws, 0)
    assert refused.value.key == "influence"


@pytest.mark.parametrize(
    ("owner", "name"), [(OWNER, "influense"), (OWNER, "remission"), ("alcohol", "influence")]
)
def test_a_row_that_nothing_reads_is_refused(tmp_path: Path, owner: str, name: str) -> None:
    folder = write_catalogue(tmp_path / "own", {"parameters": [fixed(owner, name, 1.0, "ratio")]})
    with pytest.raises(InputError, match="nothing reads this parameter") as refused:
        load_catalogue(folder)
    assert refused.value.given == name


def test_a_user_may_change_one(tmp_path: Path) -> None:
    row = fixed(OWNER, "influence", 0.0, "ratio")
    folder = write_catalogue(tmp_path / "own", {"parameters": [row]})
    draws = draw_priors(load_catalogue(folder), 1)
    assert terms(draws, 0).influence == 0.0
