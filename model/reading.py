"""Read the CSV tables: every row is checked against a typed row class before anything runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from model.errors import InputError


class TableRow(BaseModel):
    """One row of a table; ``file`` and ``line`` say where it stands (line 1 is the header)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    file: str = ""
    line: int = 0


Row = TypeVar("Row", bound=TableRow)


def columns(row: type[TableRow]) -> list[str]:
    """Names of the columns that a table of ``row`` must have, in order."""
    return [name for name in row.model_fields if name not in TableRow.model_fields]


def read_rows(path: Path, row: type[Row]) -> list[Row]:
    """Rows of the CSV file at ``path``, in file order; an empty cell is None.

    Raises InputError (file, line, key, given, allowed) when the file cannot be read, its header
    differs from the fields of ``row``, or a cell is malformed.
    """
    wanted = columns(row)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the table cannot be read ({error})", file=str(path)) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[Row] = []
    try:
        header = next(reader, [])
        if header != wanted:
            raise InputError(
                "the header is not the expected one",
                file=str(path),
                line=1,
                given=",".join(header),
                allowed=",".join(wanted),
            )
        for cells in reader:
            if not cells:
                continue
            rows.append(_parse(path, reader.line_num, wanted, cells, row))
    except csv.Error as error:
        raise InputError(f"malformed CSV ({error})", file=str(path), line=reader.line_num) from None
    return rows


def _parse(path: Path, line: int, wanted: list[str], cells: list[str], row: type[Row]) -> Row:
    if len(cells) != len(wanted):
        raise InputError(
            "the row has the wrong number of cells",
            file=str(path),
            line=line,
            given=len(cells),
            allowed=f"{len(wanted)} cells: {','.join(wanted)}",
        )
    values = {key: cell.strip() or None for key, cell in zip(wanted, cells, strict=True)}
    try:
        return row.model_validate({**values, "file": str(path), "line": line})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or None
        given = values.get(key) if key else None
        raise InputError(
            "a value is malformed",
            file=str(path),
            line=line,
            key=key,
            given="(empty)" if given is None else given,
            allowed=first["msg"],
        ) from None
