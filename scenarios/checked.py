"""From a YAML document to checked entries: what pydantic finds, told with file, line and key."""

from __future__ import annotations

import difflib
import types
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from model.errors import InputError
from model.reading import CellError, allowed_words
from scenarios.lines import Document, Place, read_yaml, short, shown_key


class Entry(BaseModel):
    """Part of a file: unknown keys, wrong types and infinite numbers are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Entry)


def listed(value: object) -> object:
    """One word is a list of one."""
    return [value] if isinstance(value, str) else value


# What the room below has no words for.
_WORDS = {
    "bool_type": "true or false",
    "string_pattern_mismatch": "text of the right form",
    "string_unicode": "text",
    "dict_attributes_type": "keys with values, such as `key: value`",
}
ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
_FORMS = {
    ONE_LINE: "text on one line",
    r"^F[0-9]+$": "the id of a trend, such as F1",
    r"^F[0-9]+\.[0-9]+$": "the id of a driver, such as F1.2",
}
_BOUNDS = {
    "greater_than": ("gt", "more than {:g}"),
    "less_than": ("lt", "less than {:g}"),
}
_QUOTES = " (YAML reads yes, no, on and off without quotes as true or false)"

Words = Annotated[list[str], BeforeValidator(listed)]


def read_entry(path: Path, model: type[Model], what: str) -> tuple[Model, Document]:
    """The file at ``path`` as ``model``; ``what`` it is, in words, for the errors.

    Raises InputError with file, line, key, given and allowed.
    """
    document = read_yaml(path)
    return entry_of(document, model, what), document


def entry_of(document: Document, model: type[Model], what: str) -> Model:
    """A document as ``model``, as ``read_entry``. Raises InputError likewise."""
    if not isinstance(document.value, dict):
        empty = document.value is None
        raise InputError(
            "the file is empty" if empty else f"{what} is made of keys with values",
            file=document.file,
            line=1,
            given=None if empty else short(document.value),
            allowed=f"the keys {', '.join(fields_of(model))}",
        )
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        raise told(error, document, model) from None


def fields_of(model: type[BaseModel]) -> list[str]:
    """Keys of an entry as its author writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def told(error: ValidationError, document: Document, model: type[BaseModel]) -> InputError:
    """The first thing that pydantic found, in our words and with its line."""
    # An unknown key tells more than the key that lacks because of it.
    found = sorted(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")[0]
    place = tuple(part for part in found["loc"] if part != "[key]")
    unknown, missing = found["type"] == "extra_forbidden", found["type"] == "missing"
    key = next((part for part in reversed(place) if isinstance(part, str)), None)
    given = "(nothing)" if missing or found["input"] is None else found["input"]
    blamed = found.get("ctx", {}).get("error")
    allowed: str | list[str] = _allowed(found)
    if isinstance(blamed, CellError):
        key, allowed, place = blamed.key, blamed.allowed, (*place, blamed.key)
        given = given.get(key, "(nothing)") if isinstance(given, dict) else given
    if key == "ages":
        allowed = f"first and last year of age, such as [15, 24]; null for no limit ({allowed})"
    message = "a key is missing" if missing else "a value is malformed"
    message = "unknown key" if unknown else message
    return InputError(
        message,
        file=document.file,
        line=document.line(place),
        key=None if key is None else shown_key(key),
        given=shown_key(key or "") if unknown else short(given),
        allowed=fields_of(_owner(model, place)) if unknown else allowed,
    )


def _allowed(found: ErrorDetails) -> str:
    """What may stand where pydantic found a mistake, and a word on what YAML made of it."""
    kind, context, given = found["type"], found.get("ctx", {}), found["input"]
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return words.format(context[name])
    if kind in _WORDS:
        return _FORMS.get(context.get("pattern", ""), _WORDS[kind])
    words = allowed_words(found)
    if isinstance(given, bool) and kind in ("literal_error", "string_type"):
        return words + _QUOTES
    if isinstance(given, str) and kind in ("float_type", "int_type") and _is_number(given):
        return f"{words} without quotes, written with digits and a point"
    return words


def _is_number(given: str) -> bool:
    try:
        float(given)
    except ValueError:
        return False
    return True


def _owner(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """The entry that the last key of ``place`` stands in."""
    owner = model
    for part in place[:-1]:
        if not isinstance(part, str):
            continue
        for name, field in owner.model_fields.items():
            if part in (name, field.alias):
                owner = _model_in(field.annotation) or owner
    return owner


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    inner = (_model_in(part) for part in get_args(annotation)) if get_origin(annotation) else ()
    return next((found for found in inner if found is not None), None)


def refusal(
    document: Document,
    place: Place,
    message: str,
    given: object,
    allowed: str | Sequence[str],
) -> InputError:
    """An error about what stands at ``place`` of a document."""
    key = next((part for part in reversed(place) if isinstance(part, str)), None)
    return InputError(
        message,
        file=document.file,
        line=document.line(place),
        key=None if key is None else shown_key(key),
        given=short(given),
        allowed=allowed,
    )


MOST_NAMES = 40


def one_of(document: Document, place: Place, given: str, known: Sequence[str], what: str) -> None:
    """Refuse an unknown name; of many known ones, those nearest to it are told."""
    if given not in known:
        told = f"unknown {what}{_foreign(given)}"
        raise refusal(document, place, told, given, nearest(given, known))


def _foreign(given: str) -> str:
    """Says which letters of a name only look like those of an id."""
    found = list(dict.fromkeys(sign for sign in given if ord(sign) > 127))[:3]
    names = ", ".join(unicodedata.name(sign, f"character {ord(sign)}") for sign in found)
    return f" (it holds {names.lower()})" if names else ""


def nearest(given: str, known: Sequence[str]) -> list[str]:
    """Names that may have been meant."""
    if len(known) <= MOST_NAMES:
        return list(known)
    near = difflib.get_close_matches(given[:100], known, 8, 0.4) or list(known[:8])
    return [*near, f"... ({len(known)} in all)"]
