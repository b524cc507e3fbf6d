"""All parameters that a catalogue lacks are found at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.checks.lacking import lacking, refusal
from model.catalogue import Catalogue, load_catalogue

OWN = {"initiation_sex_ratio", "kratom_fall", "kratom_rise", "kratom_start"}
MARKET = {"amount_occasional", "domestic_production_share", "street_purity"}  # no default


@pytest.fixture(scope="module")
def kratom(root: Path) -> Catalogue:
    return load_catalogue(root / "docs" / "examples" / "kratom")


def without(catalogue: Catalogue, product: str, names: Iterable[str]) -> Catalogue:
    gone = set(names)
    kept = [p for p in catalogue.parameters if p.product != product or p.parameter not in gone]
    assert len(kept) < len(catalogue.parameters)
    return replace(catalogue, parameters=tuple(kept))


def test_nothing_lacks_of_what_is_whole(kratom: Catalogue) -> None:
    assert lacking(kratom) == []
    assert refusal([], "folder") is None


@pytest.mark.parametrize(("product", "names"), [("kratom", OWN), ("cocaine", MARKET)])
def test_exactly_what_was_taken_away_lacks(
    kratom: Catalogue, product: str, names: set[str]
) -> None:
    found = lacking(without(kratom, product, names))
    assert sorted(one.parameter for one in found) == sorted(names)
    assert {one.owner for one in found} == {product}


def test_the_refusal_names_every_product_and_all_that_it_lacks(kratom: Catalogue) -> None:
    found = lacking(without(without(kratom, "kratom", OWN), "cocaine", MARKET))
    told = refusal(found, "own")
    assert told is not None
    assert told.file == "own/parameters.csv"
    for product, names in (("kratom", OWN), ("cocaine", MARKET)):
        (part,) = (one for one in str(told.given).split("; ") if one.startswith(f"{product}: "))
        assert set(part.removeprefix(f"{product}: ").split(", ")) == names
