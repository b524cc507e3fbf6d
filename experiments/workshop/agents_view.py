"""The agents view: one recorded run of agents, played month by month in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui.element import Element

from experiments.workshop.elements import Tag
from experiments.workshop.host import Host
from experiments.workshop.page import page_of
from experiments.workshop.recording import outdated, recordings
from experiments.workshop.side_page import side_page
from experiments.workshop.wording import Words, own_sentences
from scenarios.texts import LANGUAGES

PATH = "agents"
NOTES = ("chance", "who", "several", "place")
SHORT = 8  # characters of a hash that are shown


class Player(Element, component="agents.js"):
    """Recordings by scenario, and all that is said of them."""

    def __init__(self, runs: Mapping[str, Mapping[str, Any]], words: Words) -> None:
        super().__init__()
        first = next(iter(runs.values()))
        language = words.language
        said = own_sentences()
        self._props |= {
            "runs": dict(runs),
            "names": {scenario: words.name(f"scenario.{scenario}") for scenario in runs},
            "products": {one: words.name(f"product.{one}") for one in first["markets"]},
            "words": {key: said[key][language] for key in said if key.startswith(f"{PATH}.")},
            "region": words.name(f"region.{first['region']}"),
            "language": language,
        }


def register(host: Host) -> None:
    """Declare the page in every language."""
    for language in LANGUAGES:
        title = own_sentences()["agents.title"][language]

        @page_of(language, f"/{PATH}", title)
        def page(language: str = language) -> None:
            build(host, language)


def build(host: Host, language: str) -> None:
    """The page."""
    with side_page(host, language, PATH) as words:
        Tag("p", words.say("agents.lead"), "df-side-lead")
        runs = recordings()
        if not runs:
            Tag("p", words.say("agents.none"))
            return
        told = next(iter(runs.values()))
        if outdated(told["provenance"], host.engine.provenance()):
            Tag("p", words.say("agents.old"), "df-side-flag")
        Player(runs, words)
        with Tag("section", classes="df-agents-limits"):
            Tag("h2", words.say("agents.limits.title"))
            with Tag("ul"):
                for note in NOTES:
                    Tag("li", words.say(f"agents.limits.{note}"))
                Tag("li", made(told, words))


def made(told: Mapping[str, Any], words: Words) -> str:
    """How a recording was made."""
    sources = told["provenance"]
    return words.say(
        "agents.limits.made",
        agents=words.count(told["agents"]),
        draw=sources["draw"],
        seed=sources["seed"],
        version=sources["package_version"],
        tables=sources["parameter_table_hash"][:SHORT],
        posterior=sources["posterior_hash"][:SHORT],
    )
