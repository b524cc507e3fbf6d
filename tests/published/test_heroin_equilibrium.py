"""C1: a heroin model of S, U1 (untreated) and U2 (treated) people, declared as flows.

White and Comiskey (2007), in the form with births equal to deaths and peer effects of U1 on
first use and on return from treatment. The table's endemic points are solutions of these
equations; they test the engine's feedback, not heroin. The peer effect is the model's own: with
all initiations social and exponent 1 the hazard is the base times use over its reference, so a
base of b * reference gives b * use.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from model.compartments import State, simulate
from model.strata import build_strata
from tests.published.bounds import Case, off_by, share_off
from tests.published.laboratory import (
    closed_world,
    fixed,
    own_product,
    people_in,
    stock,
    write_catalogue,
)

PRODUCT = "heroin_1"
REFERENCE = 0.1  # share of U1 at the start
YEARS = 1500
SHARES = ("of people who do not use", "in use, untreated", "in treatment")
B3, P, MU, D1, D2 = 0.3, 0.3, 0.01, 0.03, 0.015


def _state(name: str, reported: str, using: str) -> dict[str, object]:
    return {"module": "heroin_1", "state": name, "reported": reported, "using": using}


def _flow(name: str, origin: str, destination: str, modifiers: str = "") -> dict[str, object]:
    return {
        "id": name,
        "module": "heroin_1",
        "origin": origin,
        "destination": destination,
        "hazard": "rate",
        "family": "heroin",
        "rates": name,
        "modifiers": modifiers,
    }


def _catalogue(folder: Path, b1: float) -> Path:
    product = {
        "id": PRODUCT, "name": "Heroin", "kind": "other", "mode": "scenario-only",
        "modules": "heroin_1", "why": "a published equation",
    }  # fmt: skip
    peers = {"social_share": 1.0, "social_exponent": 1.0, "reputation_exponent": 0.0}
    rates = {
        "start": b1 * REFERENCE,
        "treat": P,
        "return": B3 * REFERENCE,
        "replace_1": MU + D1,  # who dies is replaced by a newborn who never used
        "replace_2": MU + D2,
    }
    return write_catalogue(
        folder,
        {
            "products": [product],
            "states": [
                _state("never", "never", "no"),
                _state("untreated", "problematic", "yes"),
                _state("treated", "recovery", "no"),
            ],
            "flows": [
                _flow("start", "never", "untreated", "social"),
                _flow("treat", "untreated", "treated"),
                _flow("return", "treated", "untreated", "social"),
                _flow("replace_1", "untreated", "never"),
                _flow("replace_2", "treated", "never"),
            ],
            "parameters": [
                *[fixed(PRODUCT, name, value) for name, value in rates.items()],
                *[fixed(PRODUCT, name, value, "exponent") for name, value in peers.items()],
            ],
        },
    )


def _after(folder: Path, b1: float, years: int) -> list[float]:
    """Shares of S, U1 and U2 after ``years`` from REFERENCE untreated."""
    catalogue = own_product(_catalogue(folder, b1), PRODUCT)
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    prepared = closed_world(catalogue, strata, 1.0, years)
    people = {"never": 1.0 - REFERENCE, "untreated": REFERENCE}
    state: State = people_in(prepared, PRODUCT, people)
    state.use_reference[:] = REFERENCE
    state = simulate(prepared, None, 0, 12 * years, state).state
    names = ("never", "untreated", "treated")
    return [float(state.stock[0, stock(prepared, PRODUCT, name)].mean()) for name in names]


def test_endemic_equilibrium(case: Case, tmp_path: Path) -> None:
    found = _after(tmp_path, 0.8, YEARS)
    for name, published, ours in zip(SHARES, (0.177295, 0.162159, 0.660546), found, strict=True):
        case(f"C1 heroin model: share {name}, endemic", published, ours, share_off(1e-5))
    # The closed form of the point, at more digits than the table has.
    susceptible, untreated, treated = found
    assert susceptible == pytest.approx((P + MU + D1 - B3 * treated) / 0.8, rel=1e-9)
    assert treated == pytest.approx(P * untreated / (B3 * untreated + MU + D2), rel=1e-9)


def test_use_dies_out_below_the_threshold(case: Case, tmp_path: Path) -> None:
    found = _after(tmp_path, 0.3, YEARS)
    for name, published, ours in zip(SHARES, (1.0, 0.0, 0.0), found, strict=True):
        case(f"C1 heroin model: share {name}, below the threshold", published, ours, off_by(1e-6))
