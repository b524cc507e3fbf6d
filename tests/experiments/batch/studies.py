"""Study files for the tests of batches, and a stand-in that says which outputs apply."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from experiments.batch.job import Labels
from experiments.batch.kept import Kept
from experiments.runs.study import Study
from model.catalogue import load_catalogue
from scenarios.library import Library, load_library

PLAIN = """\
id: mine
title: A study
question: What if?
scenarios: [current-policy, strategy-sd1]
draws: 3
factors:
  - {trend: F1, low: -100, high: 100}
  - {lever: "1.1", low: 0, high: 100}
  - {effect: smoke-free-extension, low: 0.05, high: 0.95}
sample: {method: latin, n: 4, seed: 1}
keep:
  indicators: [last_year_prevalence, treatment]
  products: [cannabis, cocaine]
  years: [2029, 2030]
  groups: [Belgium]
block: 4
"""


def written(folder: Path, text: str = PLAIN, **replaced: str) -> Path:
    """A study file in a folder; each keyword replaces the line of a key (empty: takes it out)."""
    lines = text.splitlines()
    for key, line in replaced.items():
        at = [i for i, old in enumerate(lines) if old.strip().startswith(f"{key}:")]
        if at:
            lines[at[0]] = line
        else:
            lines.append(line)
    path = folder / "study.yaml"
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")
    return path


def factor_file(folder: Path, factors: str, **replaced: str) -> Path:
    """A study file with these factors, one a line; ``sample`` is taken out where there is none."""
    head, _, tail = PLAIN.partition("factors:\n")
    rest = tail[tail.index("sample:") :]
    listed = "".join(f"  - {line}\n" for line in factors.strip().splitlines())
    return written(folder, f"{head}factors:\n{listed}{rest}", **replaced)


def every_output(study: Study, kept: Kept) -> Labels:
    """Every combination that is asked for, as if all applied; treatment has no cocaine."""
    rows = [
        (one, product, group, year)
        for one in kept.indicators
        for product in kept.products
        for group in kept.groups
        for year in kept.years
        if (one, product) != ("treatment", "cocaine")
    ]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    names = ("indicator", "product", "group", "year")
    labels = {name: np.array(column) for name, column in zip(names, columns, strict=True)}
    return labels | {"unit": np.array(["persons"] * len(rows), dtype=np.str_)}


@cache
def library() -> Library:
    """All that is shipped, read once for all tests."""
    return load_library(load_catalogue())


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans ask ``every_output``, so that these tests know no more than they say."""
    monkeypatch.setattr("experiments.batch.plan.load_library", lambda catalogue: library())
    monkeypatch.setattr("experiments.batch.plan.load_catalogue", lambda folder: library().catalogue)
    module = ModuleType("experiments.batch.work")
    module.applying = every_output  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "experiments.batch.work", module)
