"""What a scenario file may hold, and how one is found and checked.

A scenario is a YAML file: ``id, title, description, branch`` (month, default 2024-01) and
``changes``, each a multiplier or level of one handle of some products in some strata from one
month to another. See ``Scenario`` and ``ChangeEntry``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from model.catalogue import Catalogue
from model.errors import InputError
from model.events import FIRST_YEAR, LAST_YEAR, month_number
from model.handles import NEVER_ZERO, product_names, reading_products
from model.reading import allowed_words
from scenarios.lines import Document, Place, read_yaml

FUTURES = Path(__file__).with_name("futures")
REFERENCE = "current-policy"
SUFFIXES = (".yaml", ".yml")


def _month(value: object) -> str:
    if isinstance(value, str) and _MONTH.fullmatch(value):
        return value
    raise ValueError("a year and a month, such as 2024-01")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _every(*labels: str) -> BeforeValidator:
    """One label is a list of one; ``all`` is all labels."""

    def spread(value: object) -> object:
        return list(labels) if value in ("all", ["all"]) else _listed(value)

    return BeforeValidator(spread)


def _whole_life(value: object) -> object:
    return [None, None] if value == "all" else value


def _id(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_ID and _ID.fullmatch(value):
        return value
    raise ValueError(
        f"small letters, digits and hyphens, such as dearer-tobacco (at most {LONGEST_ID})"
    )


LONGEST_ID = 60
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
REGIONS = ("Flanders", "Wallonia", "Brussels")
SEXES = ("male", "female")
DEPRIVATION = ("most_deprived", "others")

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
Month = Annotated[str, BeforeValidator(_month)]


class ChangeEntry(BaseModel):
    """One change of a handle; what is left out, or ``all``, means everything.

    The table of handles says whether a handle takes ``multiplier`` or ``level``.
    ``from`` and ``to`` are months, both included; without ``to`` the change stays. Ages are the
    first and last year of age, both included, and must not cut a band of the strata.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    handle: str
    products: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)] = ["all"]
    regions: Annotated[
        list[Literal["Flanders", "Wallonia", "Brussels"]], Field(min_length=1), _every(*REGIONS)
    ] = ["Flanders", "Wallonia", "Brussels"]
    sexes: Annotated[list[Literal["male", "female"]], Field(min_length=1), _every(*SEXES)] = [
        "male",
        "female",
    ]
    ages: Annotated[
        list[int | None], Field(min_length=2, max_length=2), BeforeValidator(_whole_life)
    ] = [None, None]
    deprivation: Annotated[
        list[Literal["most_deprived", "others"]], Field(min_length=1), _every(*DEPRIVATION)
    ] = ["most_deprived", "others"]
    start: Month = Field(alias="from")
    stop: Month | None = Field(alias="to", default=None)
    multiplier: Annotated[float | None, Field(ge=0.0, le=1000.0)] = None
    level: Annotated[float | None, Field(ge=0.0, le=10.0)] = None
    note: str | None = None
    source: str = "assumed"

    @property
    def size(self) -> float:
        """The multiplier or the level, whichever the handle takes."""
        size = self.level if self.multiplier is None else self.multiplier
        assert size is not None  # exactly one is given: checked when the file is read
        return size


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, BeforeValidator(_id)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(min_length=1)]
    branch: Month = "2024-01"
    changes: list[ChangeEntry]


@dataclass(frozen=True)
class Scenario:
    """A checked scenario. ``branch`` is a month counted from January 2010 (0)."""

    id: str
    title: str
    description: str
    branch: int
    changes: tuple[ChangeEntry, ...]
    document: Document
    digest: str  # SHA-256 of the file
    readers: Mapping[str, tuple[str, ...]]  # products on which each handle acts

    def refuse(self, error: InputError, change: int) -> InputError:
        """``error`` told again with the file and line of one of the changes, or of its key."""
        place: Place = ("changes", change) if error.key is None else ("changes", change, error.key)
        return InputError(
            error.message,
            file=self.document.file,
            line=self.document.line(place),
            key=error.key,
            given=error.given,
            allowed=error.allowed,
        )


def shipped() -> dict[str, Path]:
    """Files of the scenarios that come with the project, by id, in alphabetical order."""
    return {path.stem: path for path in sorted(FUTURES.glob("*.yaml"))}


def find(name: str) -> Path:
    """File of a shipped id or of a path to a YAML file. Raises InputError."""
    known = shipped()
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix in SUFFIXES and path.is_file():
        return path
    raise InputError(
        "unknown scenario",
        key="SCENARIO",
        given=name,
        allowed=f"{', '.join(known)}, or the path of a YAML file",
    )


def load(names: Sequence[str], catalogue: Catalogue) -> list[Scenario]:
    """The reference, then the scenarios asked for (shipped ids or paths), each checked.

    Raises InputError with file, line, key, given and allowed.
    """
    scenarios = [read_scenario(find(REFERENCE), catalogue)]
    paths = {path: None for path in map(find, names) if path != find(REFERENCE)}
    for path in paths:
        scenario = read_scenario(path, catalogue)
        for other in scenarios:
            if other.id == scenario.id:
                raise InputError(
                    "two scenarios have the same id",
                    file=scenario.document.file,
                    line=scenario.document.line(("id",)),
                    key="id",
                    given=scenario.id,
                    allowed=f"an id that {other.document.file} does not have",
                )
        scenarios.append(scenario)
    return scenarios


def read_scenario(path: Path, catalogue: Catalogue) -> Scenario:
    """Read and check one file. Raises InputError with file, line, key, given and allowed."""
    document = read_yaml(path)
    if not isinstance(document.value, dict):
        empty = document.value is None
        raise InputError(
            "the file is empty" if empty else "a scenario is made of keys with values",
            file=str(path),
            line=1,
            given=None if empty else document.value,
            allowed=f"the keys {', '.join(_File.model_fields)}",
        )
    try:
        file = _File.model_validate(document.value)
    except ValidationError as error:
        raise _told(error, document) from None
    scenario = Scenario(
        id=file.id,
        title=file.title,
        description=file.description,
        branch=month_number(file.branch),
        changes=tuple(file.changes),
        document=document,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        readers={row.id: reading_products(catalogue, row.id) for row in catalogue.handles},
    )
    _check_month(document, ("branch",), file.branch, f"{FIRST_YEAR}-01")
    for number, change in enumerate(file.changes):
        _check_change(scenario, file.branch, number, change, catalogue)
    return scenario


def _told(error: ValidationError, document: Document) -> InputError:
    """The first thing that pydantic found, in our words and with its line."""
    # An unknown key tells more than the key that lacks because of it.
    found = sorted(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")[0]
    place = found["loc"]
    owner = ChangeEntry if len(place) > 2 else _File
    fields = [field.alias or name for name, field in owner.model_fields.items()]
    unknown, missing = found["type"] == "extra_forbidden", found["type"] == "missing"
    key = next((part for part in reversed(place) if isinstance(part, str)), None)
    given = "(nothing)" if missing or found["input"] is None else found["input"]
    given = key if unknown else given
    allowed = allowed_words(found)
    if key == "ages":
        allowed = f"first and last year of age, such as [15, 24]; null for no limit ({allowed})"
    message = "unknown key" if unknown else "a key lacks" if missing else "a value is malformed"
    return InputError(
        message,
        file=document.file,
        line=document.line(place),
        key=key,
        given=given if isinstance(given, str | bool | int | float | list) else str(given),
        allowed=fields if unknown else allowed,
    )


def _refuse(
    document: Document, place: Place, given: object, allowed: str | Sequence[str], message: str
) -> None:
    key = next((part for part in reversed(place) if isinstance(part, str)), None)
    line = document.line(place)
    raise InputError(message, file=document.file, line=line, key=key, given=given, allowed=allowed)


def _check_month(document: Document, place: Place, month: str, first: str) -> None:
    last = f"{LAST_YEAR}-12"
    if not month_number(first) <= month_number(month) <= month_number(last):
        _refuse(document, place, month, f"{first} to {last}", "the month is out of range")


def _check_change(
    scenario: Scenario, branch: str, number: int, change: ChangeEntry, catalogue: Catalogue
) -> None:
    document, at = scenario.document, ("changes", number)
    handles = [row.id for row in catalogue.handles]
    if change.handle not in handles:
        _refuse(document, (*at, "handle"), change.handle, handles, "unknown handle")
    rows = catalogue.products
    known = product_names([row.id for row in rows], [row.kind for row in rows])
    for i, name in enumerate(change.products):
        if name not in known:
            _refuse(document, (*at, "products", i), name, list(known), "unknown product")
    low, high = change.ages
    if (low is not None and low < 0) or (high is not None and high < (low or 0)):
        allowed = "first and last year of age; null for no limit"
        _refuse(document, (*at, "ages"), change.ages, allowed, "the ages are out of order")
    unit = next(row.unit for row in catalogue.handles if row.id == change.handle)
    _check_size(document, at, change, unit)
    sources = [row.id for row in catalogue.sources]
    if change.source not in sources:
        _refuse(document, (*at, "source"), change.source, sources, "unknown source")
    _check_month(document, (*at, "from"), change.start, branch)
    if change.stop is not None:
        _check_month(document, (*at, "to"), change.stop, change.start)


def _check_size(document: Document, at: Place, change: ChangeEntry, unit: str) -> None:
    """Exactly one of multiplier and level stands there: the one that the handle takes."""
    other = "multiplier" if unit == "level" else "level"
    if getattr(change, other) is not None:
        allowed = f"{unit} (the handle {change.handle} takes no {other})"
        _refuse(document, (*at, other), getattr(change, other), allowed, "the wrong key")
    size = getattr(change, unit)
    if size is None:
        given, allowed = "(nothing)", f"a value: the handle {change.handle} takes a {unit}"
        _refuse(document, (*at, unit), given, allowed, "a key lacks")
    least = NEVER_ZERO.get(change.handle, 0.0)
    if size < least:
        allowed = f"{least:g} or more for the handle {change.handle}"
        _refuse(document, (*at, unit), size, allowed, f"the {unit} is out of range")
