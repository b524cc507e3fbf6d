"""Hashes of everything that a posterior depends on: of tables and figures, and of the model's code.

What cannot move a number is left out: notes, names and titles, comments, docstrings, annotations of
functions and the wording of errors. So a mended note leaves a posterior fresh and a changed formula
does not. Code that is written otherwise and moves no number changes its hash too: calibration.proof
tells it from a changed formula.
"""

from __future__ import annotations

import ast
import csv
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import model
from calibration.figures import FIGURES
from model.agents.terms import OWNER as AGENTS

CODE = Path(model.__file__).parent
TABLES = CODE / "tables"
ERRORS = Path(__file__).with_name("errors.csv")
# What a posterior is made with: these modules and all that they import from the model. The package
# model.agents is no part of it: agents follow the posterior and move none of its numbers.
ROOTS = ("compartments", "observation", "past")
# Columns that are read by people only, in any table of the model.
WORDS = frozenset(
    {"name", "note", "why", "source", "projection_source", "definition", "meaning", "reads"}
)
# The source of a figure says which survey it belongs to, so it acts.
FIGURE_WORDS = frozenset({"why", "direction", "quality"})
UNREAD = frozenset({"sources.csv"})
# Fields of a syntax tree that do not act, or that differ between versions of Python.
_IDLE = frozenset({"ctx", "kind", "type_comment", "type_params", "type_ignores", "returns"})
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def data_hash() -> str:
    """SHA-256 of the shipped tables, the fitted figures and the error table."""
    return hash_of_data(TABLES, FIGURES, ERRORS)


@cache
def code_hash() -> str:
    """SHA-256 of the model's code."""
    return hash_of_code(CODE)


def inputs_hash() -> str:
    """Both in one."""
    return hashlib.sha256(f"{data_hash()} {code_hash()}".encode()).hexdigest()


def hash_of_data(tables: Path, figures: Path, errors: Path) -> str:
    """As ``data_hash``, of tables, figures and the error table in other places."""
    digest = hashlib.sha256()
    for path in sorted(tables.glob("*.csv")):
        if path.name not in UNREAD:
            _add(digest, path.name, _cells(path, WORDS, without=("product", AGENTS)))
    _add(digest, figures.name, _cells(figures, FIGURE_WORDS, only=("role", "fitted")))
    if errors.exists():
        _add(digest, errors.name, _cells(errors, frozenset({"note", "why"})))
    return digest.hexdigest()


def hash_of_code(code: Path) -> str:
    """As ``code_hash``, of modules in another place."""
    digest = hashlib.sha256()
    for name, tree in sorted(modules(code, ROOTS).items()):
        _add(digest, name, _nodes(tree))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, parts: Iterator[str]) -> None:
    digest.update(f"\n{name}\n".encode())
    digest.update("\x1f".join(parts).encode())


def _cells(
    path: Path,
    words: frozenset[str],
    only: tuple[str, str] | None = None,
    without: tuple[str, str] | None = None,
) -> Iterator[str]:
    """Cells of the columns that act, row by row; ``0.50`` and ``0.5`` are one number.

    Of rows with the cell ``only`` (column, what stands there) and those not with ``without``.
    """
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        header = next(reader, [])
        kept = [i for i, name in enumerate(header) if name not in words]
        yield ",".join(header[i] for i in kept)
        for row in reader:
            named = set(zip(header, row, strict=False))
            if row and (only is None or only in named) and without not in named:
                yield from (_plain(row[i].strip()) for i in kept)
                yield "\n"


def _plain(cell: str) -> str:
    try:
        return repr(float(cell))
    except ValueError:
        return cell


def modules(code: Path, roots: Sequence[str]) -> dict[str, ast.Module]:
    """Syntax trees of ``roots`` and of all modules in ``code`` that they import, by name."""
    found: dict[str, ast.Module] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        path = code / f"{name}.py"
        if name not in found and path.exists():
            found[name] = ast.parse(path.read_bytes())
            waiting += _imports(found[name])
    return found


def _imports(tree: ast.Module) -> Iterator[str]:
    """Modules of the model that a module names in its imports, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "model":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("model."):
            yield str(node.module).removeprefix("model.")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("model."):
                    yield alias.name.removeprefix("model.")


def _nodes(node: ast.AST) -> Iterator[str]:
    """A syntax tree as text that is the same in every version of Python."""
    yield type(node).__name__
    if isinstance(node, ast.Raise):
        return
    for name in node._fields:
        value: Any = getattr(node, name, None)
        if name in _IDLE or (value is None and not isinstance(node, ast.Constant)):
            continue
        if name == "annotation" and isinstance(node, ast.arg):
            continue
        if name == "body" and isinstance(node, _DOCUMENTED) and ast.get_docstring(node, False):
            value = value[1:]
        if isinstance(value, ast.AST):
            yield name
            yield from _nodes(value)
        elif isinstance(value, list):
            if value:
                yield name
            for part in value:
                if isinstance(part, ast.AST):
                    yield from _nodes(part)
                else:
                    yield repr(part)
        else:
            yield f"{name}={value!r}"
    yield ")"
