"""The part of JSON Schema that our schemas use, read anew: a witness that is not the readers."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

SAID = {"$schema", "$defs", "title", "description", "default"}  # these ask for nothing
OF_OBJECTS = {
    "required",
    "minProperties",
    "properties",
    "propertyNames",
    "additionalProperties",
}
OF_LISTS = {"items", "minItems", "maxItems"}
OF_TEXT = {"pattern", "minLength", "maxLength"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}


def wrong(value: Any, schema: Json, root: Json | None = None) -> str:
    """What a schema has against a value; empty when nothing."""
    root = schema if root is None else root
    value = value.isoformat() if isinstance(value, datetime.date) else value
    for keyword, asked in schema.items():
        if keyword in SAID:
            continue
        told = _broken(keyword, asked, value, schema, root)
        if told:
            return told
    return ""


def _broken(keyword: str, asked: Any, value: Any, schema: Json, root: Json) -> str:
    if keyword == "$ref":
        return wrong(value, root["$defs"][asked.removeprefix("#/$defs/")], root)
    if keyword == "anyOf":
        told = [wrong(value, one, root) for one in asked]
        return "" if "" in told else f"none of: {told}"
    if keyword == "type":
        right = isinstance(value, TYPES[asked])
        right &= isinstance(value, bool) == (asked == "boolean")  # True is an int to Python
        right &= not isinstance(value, float) or math.isfinite(value)
        return "" if right else f"{value!r} is no {asked}"
    if keyword in ("enum", "const"):
        return "" if value in (asked if keyword == "enum" else [asked]) else f"{value!r}"
    if keyword in OF_OBJECTS:
        return (
            _broken_object(keyword, asked, value, schema, root) if isinstance(value, dict) else ""
        )
    if keyword in OF_LISTS:
        return _broken_list(keyword, asked, value, root) if isinstance(value, list) else ""
    if keyword in OF_TEXT:
        return _broken_text(keyword, asked, value) if isinstance(value, str) else ""
    return _broken_number(keyword, asked, value) if isinstance(value, int | float) else ""


def _broken_object(keyword: str, asked: Any, value: Json, schema: Json, root: Json) -> str:
    known = schema.get("properties", {})
    if keyword == "required":
        return ", ".join(set(asked) - set(value))
    if keyword == "minProperties":
        return "" if len(value) >= asked else "too few"
    if keyword == "properties":
        return next(
            filter(None, (wrong(value[k], asked[k], root) for k in asked if k in value)), ""
        )
    if keyword == "propertyNames":
        return next(filter(None, (wrong(key, asked, root) for key in value)), "")
    others = [key for key in value if key not in known]
    if asked is False:
        return ", ".join(others)
    return next(filter(None, (wrong(value[key], asked, root) for key in others)), "")


def _broken_list(keyword: str, asked: Any, value: list[Any], root: Json) -> str:
    if keyword == "items":
        return next(filter(None, (wrong(one, asked, root) for one in value)), "")
    right = len(value) >= asked if keyword == "minItems" else len(value) <= asked
    return "" if right else keyword


def _broken_text(keyword: str, asked: Any, value: str) -> str:
    checks: dict[str, Callable[[], bool]] = {
        "pattern": lambda: re.search(asked, value) is not None,
        "minLength": lambda: len(value) >= asked,
        "maxLength": lambda: len(value) <= asked,
    }
    return "" if checks[keyword]() else f"{keyword}: {value!r}"


def _broken_number(keyword: str, asked: Any, value: float) -> str:
    checks: dict[str, Callable[[], bool]] = {
        "minimum": lambda: value >= asked,
        "maximum": lambda: value <= asked,
        "exclusiveMinimum": lambda: value > asked,
        "exclusiveMaximum": lambda: value < asked,
    }
    return "" if checks[keyword]() else f"{keyword}: {value!r}"
