"""Plots of what only agents can tell: each with the numbers that it shows, and readable labels."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from experiments.plots import draw_agent_plots
from experiments.plots.agents import agent_pictures
from experiments.plots.scenario_sheet import Picture
from experiments.runs.agent_results import DISORDERS, GAVE_UP, NUMBERS, TOLD, WEEKS

PRODUCTS = ("alcohol", "cannabis", "cocaine", "gaming")
SIZES = {
    "scenario": 2,
    "draw": 2,
    "seed": 3,
    "time": 6,
    "product": 4,
    "product2": 4,
    "service": 2,
    "region": 3,
    "week_bin": len(WEEKS),
    "number": len(NUMBERS),
    "disorders": len(DISORDERS),
}
USERS = np.array([5e6, 4e5, 1e5, 2e4])
PEOPLE = 1e7
TWICE = 2.0  # as many use cannabis and cocaine as would by chance


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    """Small numbers by hand: cannabis and cocaine go together twice as often as by chance."""
    joint = np.outer(USERS, USERS) / PEOPLE
    joint[1, 2] = joint[2, 1] = TWICE * joint[1, 2]
    np.fill_diagonal(joint, USERS)
    number = np.array([PEOPLE - 3e5, 2.5e5, 4e4, 1e4, 0, 0, 0, 0.0])
    paths = np.zeros((4, 4))
    paths[0] = (0, 300, 100, 0)
    waits = np.full((2, 3, len(WEEKS)), 10.0)
    waits[..., -1] = 30.0
    values = {
        "joint_use": joint,
        "products_used": number,
        "treated_by_number": np.array([3e4, 8e3, 1e3, 0.0]),
        "pathways": paths,
        "places": np.full((2, 3), 2000.0),
        "waits": waits,
        "assortativity": np.array([1.1, 1.6, 2.5, 1.0]),
        "largest_cluster": np.array([0.9, 0.2, 0.05, 0.01]),
        "mean_cluster": np.array([900.0, 6.0, 2.0, 1.2]),
        "burden_with_disorder": np.full(4, 0.4),
        "burden_without": np.full(4, 0.2),
    }
    lead = ("scenario", "draw", "seed", "time")
    random = np.random.default_rng(5)
    noise = np.exp(0.05 * random.standard_normal([SIZES[dim] for dim in lead]))
    found = {}
    for row in TOLD:
        shape = (*noise.shape, *(1,) * len(row.dims))
        # The same noise on all numbers of a run, so that ratios of them are exact.
        found[row.name] = ((*lead, *row.dims), values[row.name] * noise.reshape(shape))
    names = ["Alcohol", "Cannabis", "Cocaine", "Performance and image enhancing games"]
    return xr.Dataset(
        found,
        {
            "scenario": ["current-policy", "other"],
            "scenario_title": ("scenario", ["Current policy", "Other"]),
            "draw": range(2),
            "seed": range(3),
            "time": range(2025, 2031),
            "product": list(PRODUCTS),
            "product_name": ("product", names),
            "mode": ("product", ["calibrated"] * 3 + ["scenario-only"]),
            "product2": list(PRODUCTS),
            "service": ["psychosocial", "primary_care"],
            "region": ["Flanders", "Wallonia", "Brussels"],
            "week_bin": list(WEEKS),
            "number": list(NUMBERS),
            "disorders": list(DISORDERS),
        },
        {"draws": "prior", "agents": 10_000, "agent_seeds": 3, "persons_per_agent": "1170"},
    )


@pytest.fixture(scope="module")
def pictures(dataset: xr.Dataset) -> dict[str, Picture]:
    return {picture.name: picture for picture in agent_pictures(dataset)}


def rows(picture: Picture) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(picture.csv())))


def texts(picture: Picture) -> str:
    return " ".join(found.get_text() for found in picture.figure.findobj(Text))


def test_all_pictures_are_there(pictures: dict[str, Picture]) -> None:
    names = ("joint-use", "products-used", "treated-by-number", "pathways", "waits", "clusters")
    assert list(pictures) == [*names, "burden"]


def test_joint_use_is_told_against_chance(pictures: dict[str, Picture]) -> None:
    found = {(row["product"], row["product2"]): row for row in rows(pictures["joint-use"])}
    assert len(found) == 12
    pair = found["cannabis", "cocaine"]
    assert float(pair["ratio"]) == pytest.approx(TWICE)
    assert float(found["alcohol", "gaming"]["ratio"]) == pytest.approx(1.0)
    assert float(pair["persons_low95"]) < float(pair["persons"]) < float(pair["persons_high95"])
    # Expected: 4,000 persons, which is 3 or 4 agents.
    assert pair["few_agents"] == "yes"
    assert found["alcohol", "cannabis"]["few_agents"] == "no"
    assert "×2.0" in texts(pictures["joint-use"])


def test_pathways_are_shares_of_those_with_the_same_first_product(
    pictures: dict[str, Picture],
) -> None:
    told = rows(pictures["pathways"])
    found = {(row["first_product"], row["second_product"]): row for row in told}
    assert float(found["alcohol", "cannabis"]["share"]) == pytest.approx(0.75)
    assert found["cannabis", "cocaine"]["share"] == ""  # nobody began with cannabis
    assert found["alcohol", "cocaine"]["from_year"] == "2026"


def test_waits_tell_the_share_who_gave_up(pictures: dict[str, Picture]) -> None:
    found = rows(pictures["waits"])
    assert len(found) == 2 * 3 * len(WEEKS)
    gave_up = [float(row["share_median"]) for row in found if row["weeks"] == GAVE_UP]
    assert gave_up == pytest.approx([0.25] * 6)
    assert "25%" in texts(pictures["waits"])


def test_numbers_and_dots_have_intervals(pictures: dict[str, Picture]) -> None:
    for name in ("products-used", "treated-by-number", "clusters", "burden"):
        for row in rows(pictures[name]):
            assert float(row["low95"]) <= float(row["median"]) <= float(row["high95"])
    used = [row for row in rows(pictures["products-used"]) if row["measure"] == "share"]
    assert sum(float(row["median"]) for row in used) == pytest.approx(1.0)


def test_pictures_say_what_they_rest_on(pictures: dict[str, Picture]) -> None:
    for picture in pictures.values():
        told = " ".join(texts(picture).split())
        assert "2 draws × 3 seeds" in told
        assert "10,000 agents" in told
        assert "rest on assumed strengths" in told
    assert "scenario-only: too few figures" in texts(pictures["joint-use"])


def test_what_has_no_value_is_not_drawn(dataset: xr.Dataset, tmp_path: Path) -> None:
    nothing = dataset.copy()
    for row in TOLD[1:]:
        nothing[row.name] = nothing[row.name] * np.nan
    nothing["products_used"] = dataset["products_used"]
    written = draw_agent_plots(nothing, tmp_path / "agents")
    names = sorted(path.name for path in written)
    assert names == ["joint-use.csv", "joint-use.png", "products-used.csv", "products-used.png"]
    again = draw_agent_plots(nothing, tmp_path / "again")
    for one, two in zip(written, again, strict=True):
        assert one.read_bytes() == two.read_bytes()
