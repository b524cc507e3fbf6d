"""Names and short texts of all that is shown, in four languages.

``texts/{en,nl,fr,de}.yaml`` are flat: key, then text. A user's folder may hold the same files; its
texts are added, or replace shipped ones.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, get_args

from model.catalogue import REPORTED, Catalogue, ProductRow
from model.errors import InputError
from model.strata import ALL, COUNTRY, DEPRIVATION, REGIONS, SEXES
from scenarios.lines import read_yaml, short, shown_key

LANGUAGES: Final = ("en", "nl", "fr", "de")
FOLDER = "texts"
TEXTS = Path(__file__).with_name(FOLDER)
FILES = tuple(f"{language}.yaml" for language in LANGUAGES)

Texts = dict[str, dict[str, str]]

# The room that defines these stands above this one; a test holds them equal.
AGE_GROUPS = ("all", "10-17", "18-24", "25-34", "35-54", "55-64", "65+")
# Ages that Belgian surveys ask for: the page shows their figures at the same ages.
SURVEYED_AGES = ("15-64", "15+", "12-18", "15-16")
STRATEGIC = (*(f"SD{number}" for number in range(1, 7)), "outside")
SPECIFIC = {1: 5, 2: 5, 3: 7, 4: 2, 5: 4, 6: 4}  # specific objectives of each strategic one
OBJECTIVES = tuple(
    f"{sd}.{number + 1}" for sd, count in SPECIFIC.items() for number in range(count)
)
TRENDS = tuple(f"F{number}" for number in range(1, 9))
AIMS = (
    "less-use",
    "later-first-use",
    "less-problematic-use",
    "earlier-care",
    "better-care",
    "fewer-harms",
    "safer-environment",
    "equity",
)
RANGES = {
    "lever": ("scaled-back", "as-now", "limited", "substantial", "full"),
    "trend": ("strongly-favourable", "favourable", "off", "adverse", "strongly-adverse"),
}
FIXED: Mapping[str, tuple[str, ...]] = {
    "kind": get_args(ProductRow.model_fields["kind"].annotation),
    "mode": get_args(ProductRow.model_fields["mode"].annotation),
    "state": REPORTED,
    "region": (COUNTRY, *REGIONS),
    "age_group": (*AGE_GROUPS, *SURVEYED_AGES),
    "sex": (ALL, *SEXES),
    "deprivation": (ALL, *DEPRIVATION),
    "grade": ("systematic-review", "rct", "observational", "expert", "unverified"),
    "in_strategy": ("named", "implied", "no"),
    "basis": ("assumed", "direction", "size"),
    "side": ("adverse", "favourable", "mixed"),
    "range": tuple(f"{of}.{name}" for of, names in RANGES.items() for name in names),
}
# What is told of each, besides its name (the empty ending).
TOLD: Mapping[str, tuple[str, ...]] = {
    "strategic": ("", ".about"),
    "objective": ("", ".about"),
    "measure": ("", ".about", ".half"),
    "trend": ("", ".about", ".plus", ".minus"),
    "driver": ("", ".about"),
    "aim": ("", ".about"),
    "scenario": ("", ".about"),
    "rule": ("", ".about"),
    "block": ("",),
}
GROUPS = ("product", "union", "indicator", "unit", *FIXED, *TOLD)
CAUTION = ".caution"  # after one of these indicators: what to know when reading it
CAUTIONED = (
    "problematic_prevalence",
    "mean_wait",
    "treatment_episodes",
    "treatment",
    "attributable_deaths",
    "violence_index",
    "economic_offences",
    "nuisance_exposure",
    "production_waste",
    "public_expenditure",
    "social_cost",
)
TEXT_KEY = re.compile(rf"({'|'.join(GROUPS)})\.\S+")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def slug(unit: str) -> str:
    """The unit as the end of a key: small letters and digits, single hyphens between them."""
    return re.sub(r"[^a-z0-9]+", "-", unit.lower()).strip("-")


def placeholders(given: str) -> list[str]:
    """What the text leaves open, such as ``{half}``, in alphabetical order."""
    return sorted(_PLACEHOLDER.findall(given))


def needed_keys(catalogue: Catalogue, **ids: Iterable[str]) -> set[str]:
    """Every key that the screens and reports ask for.

    ``ids``: what the catalogue does not hold, by group: ``measure``, ``driver``, ``scenario``,
    ``rule``, ``block``.
    """
    needed = {f"product.{row.id}" for row in catalogue.products}
    needed |= {f"union.{row.id}" for row in catalogue.unions}
    needed |= {f"indicator.{row.id}" for row in catalogue.indicators}
    needed |= {f"indicator.{name}{CAUTION}" for name in CAUTIONED}
    units = {row.unit for row in catalogue.indicators} | {row.unit for row in catalogue.handles}
    needed |= {f"unit.{slug(unit)}" for unit in units}
    needed |= {f"{group}.{name}" for group, names in FIXED.items() for name in names}
    told = {"strategic": STRATEGIC, "objective": OBJECTIVES, "trend": TRENDS, "aim": AIMS, **ids}
    for group, names in told.items():
        needed |= {f"{group}.{name}{end}" for name in names for end in TOLD[group]}
    return needed


def read_texts(path: Path, open_in: Mapping[str, str] | None = None) -> dict[str, str]:
    """Key to text of one file. A text must leave open what that of ``open_in`` leaves open.

    Raises InputError with file and line of what does not fit.
    """
    document = read_yaml(path)
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        raise InputError(
            "texts are lines of key: text",
            file=document.file,
            line=1,
            given=short(document.value),
            allowed="GROUP.ID: text",
        )
    for key, given in document.value.items():
        wrong, allowed = "", ""
        if not TEXT_KEY.fullmatch(key):
            wrong, allowed = "unknown key of a text", f"GROUP.ID with one of {', '.join(GROUPS)}"
        elif not isinstance(given, str) or not given.strip():
            wrong, allowed = "a text must be words", "words (in quotes where YAML needs them)"
        elif "\n" in given:
            wrong, allowed = "a text must stand on one line", "one line"
        elif key in (open_in or {}) and placeholders(given) != placeholders((open_in or {})[key]):
            wrong = "a text must leave open the same as the English one"
            allowed = ", ".join(placeholders((open_in or {})[key])) or "nothing in braces"
        if wrong:
            line = document.line((key,))
            raise InputError(
                wrong,
                file=document.file,
                line=line,
                key=shown_key(key),
                given=short(given),
                allowed=allowed,
            )
    return dict(document.value)


@cache
def _shipped(language: str) -> Mapping[str, str]:
    english = None if language == "en" else _shipped("en")
    return read_texts(TEXTS / f"{language}.yaml", english)


def load_texts(catalogue_dir: Path | None = None) -> Texts:
    """Language to key to text: the shipped texts, then those of a user's folder.

    Raises InputError with file, line, key, the text given and what is allowed.
    """
    texts = {language: dict(_shipped(language)) for language in LANGUAGES}
    folder = None if catalogue_dir is None else catalogue_dir / FOLDER
    if folder is None or not folder.exists():
        return texts
    if not folder.is_dir():
        raise InputError("texts must be a folder", file=str(folder), allowed=FILES)
    names = [path.name for path in folder.iterdir() if not path.name.startswith((".", "README"))]
    for name in sorted(set(names) - set(FILES)):
        raise InputError("unknown file of texts", file=str(folder / name), allowed=FILES)
    for language, name in zip(LANGUAGES, FILES, strict=True):  # English first: others follow it
        if name in names:
            texts[language] |= read_texts(folder / name, texts["en"])
    return texts


def text(texts: Mapping[str, Mapping[str, str]], language: str, key: str) -> str:
    """The text of ``key``; in English where a user's folder gave none in ``language``.

    Raises InputError for an unknown language or key.
    """
    if language not in texts:
        raise InputError("unknown language", given=language, allowed=LANGUAGES)
    found = texts[language].get(key) or texts["en"].get(key)
    if found is None:
        near = difflib.get_close_matches(key, texts["en"], n=3)
        raise InputError("there is no text of this key", key=key, allowed=near or None)
    return found
