"""The hash of inputs: moved by what acts, left alone by what only people read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from calibration.figures import FIGURES
from calibration.fingerprint import (
    CODE,
    ERRORS,
    ROOTS,
    TABLES,
    code_hash,
    data_hash,
    hash_of_code,
    hash_of_data,
    inputs_hash,
    modules,
)


def before() -> tuple[str, str]:
    """Hashes of data and of code of the project, which copies share: the last test says so."""
    return data_hash(), code_hash()


@dataclass(frozen=True)
class Inputs:
    """Copies of everything that the hash is of."""

    code: Path
    tables: Path
    figures: Path
    errors: Path

    def digest(self) -> tuple[str, str]:
        """Of data and of code."""
        return hash_of_data(self.tables, self.figures, self.errors), hash_of_code(self.code)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    made = Inputs(
        tmp_path / "model", tmp_path / "tables", tmp_path / "figures.csv", tmp_path / "errors.csv"
    )
    made.code.mkdir()
    for path in CODE.glob("*.py"):
        shutil.copy(path, made.code)
    shutil.copytree(CODE / "agents", made.code / "agents")
    shutil.copytree(TABLES, made.tables)
    shutil.copy(FIGURES, made.figures)
    shutil.copy(ERRORS, made.errors)
    return made


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


Change = Callable[[Inputs], object]
TREND = "trend.py"
WORDS_ONLY: dict[str, Change] = {
    "comment": lambda i: replaced(i.code / TREND, "# Before this year", "# Until this year"),
    "docstring": lambda i: replaced(i.code / TREND, "Multiplier on initiation", "A multiplier"),
    "layout": lambda i: replaced(i.code / TREND, "KNOT_YEARS = 3", "KNOT_YEARS = (\n    3\n)"),
    "annotation": lambda i: replaced(i.code / TREND, "years: Float)", "years: object)"),
    "words of an error": lambda i: replaced(
        i.code / "parameters.py", "needs a parameter that no row gives", "needs another row"
    ),
    "module that nothing imports": lambda i: (i.code / "apart.py").write_text("x = 1\n"),
    "note": lambda i: replaced(
        i.tables / "parameters.csv", "growth a year before 2010", "growth per year before 2010"
    ),
    "name": lambda i: replaced(i.tables / "products.csv", "MDMA (ecstasy)", "Ecstasy"),
    "parameter of agents": lambda i: replaced(
        i.tables / "parameters.csv", "agents,influence,,,,,,1.92", "agents,influence,,,,,,1.93"
    ),
    "new parameter of agents": lambda i: replaced(
        i.tables / "parameters.csv",
        "agents,influence,",
        f"agents,other{',' * 14}\nagents,influence,",
    ),
    "module of agents": lambda i: replaced(i.code / "agents" / "terms.py", "OWNER", "HOLDER"),
    "form of a number": lambda i: replaced(i.tables / "deprivation.csv", "0.20", "0.2"),
    "title of a source": lambda i: replaced(i.tables / "sources.csv", "Price elasticity", "Price"),
    "figure that is not fitted": lambda i: replaced(
        i.figures, "alc_hazardous_trend,", "alc_other_trend,"
    ),
}
ACTING: dict[str, Change] = {
    "formula": lambda i: replaced(i.code / TREND, "KNOT_YEARS = 3", "KNOT_YEARS = 2"),
    "sign": lambda i: replaced(i.code / TREND, "damping * change +", "damping * change -"),
    "module behind others": lambda i: replaced(i.code / "strata.py", "def ", "def other_"),
    "value": lambda i: replaced(i.tables / "parameters.csv", "0.91,0.76", "0.92,0.76"),
    "owner": lambda i: replaced(i.tables / "parameters.csv", "agents,influence,", "*,influence,"),
    "evidence": lambda i: replaced(
        i.tables / "parameters.csv",
        ",logitnormal,probability,calibrated,assumed,assumed",
        ",logitnormal,probability,calibrated,assumed,low",
    ),
    "population": lambda i: replaced(i.tables / "population.csv", "35.44", "35.45"),
    "kind": lambda i: replaced(i.tables / "products.csv", ",legal,", ",other,"),
    "fitted figure": lambda i: replaced(i.figures, ",fitted,", ",checked,"),
    "error table": lambda i: i.errors.write_text("other\n1\n"),
}
CODED = ("formula", "sign", "module behind others")


@pytest.mark.parametrize("kind", WORDS_ONLY)
def test_words_leave_the_hash(inputs: Inputs, kind: str) -> None:
    WORDS_ONLY[kind](inputs)
    assert inputs.digest() == before()


@pytest.mark.parametrize("kind", ACTING)
def test_what_acts_moves_the_hash(inputs: Inputs, kind: str) -> None:
    ACTING[kind](inputs)
    moved = [one != two for one, two in zip(before(), inputs.digest(), strict=True)]
    assert moved == [kind not in CODED, kind in CODED]


def test_it_is_of_everything_that_a_run_computes_with() -> None:
    found = modules(CODE, ROOTS)
    assert {"kernel", "supply", "harms", "rates", "trend", "population", "history"} <= set(found)


def test_copies_have_the_hash_of_the_project(inputs: Inputs) -> None:
    assert inputs.digest() == (data_hash(), code_hash())
    assert inputs_hash() not in (data_hash(), code_hash())
