"""The bottom row: what the numbers rest on, and how many draws are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.workshop import flags
from experiments.workshop.charts import shown_flags
from experiments.workshop.elements import Tag

if TYPE_CHECKING:
    from experiments.workshop.answers import Answer
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session
    from experiments.workshop.wording import Words

SHORT = 8  # letters of a hash


def build_status(session: Session, host: Host) -> None:
    """The footer of the main page."""
    say = session.words.say
    with Tag("footer", classes="df-status", aria_label=say("page.status")):
        draws = Tag("strong", classes="df-draws")
        Tag("span", say("page.status.intervals"))
        Tag("span", say("page.status.assumed"))
        Tag("span", ", ".join(versions(session.words, host.engine.provenance())))
        flagged = Tag("span", classes="df-flagged")

    def show() -> None:
        draws.text = draws_told(session.words, session.answers.get(0))

    def flag() -> None:
        """What holds of either graph, in short; in full it stands under the graph."""
        graphs, words = session.view.graphs, session.words
        found = [flag for one in graphs for flag in shown_flags(one, session, host.engine)]
        told = dict.fromkeys(flags.short(one, words) for one in found)
        flagged.text = say("page.status.flags", count=len(told)) if told else ""
        flagged.attribute("title", ", ".join(told) or None)

    session.listen("answer", show)
    session.listen("view", flag)
    show()
    flag()


def draws_told(words: Words, answer: Answer | None) -> str:
    """How many draws the graphs show, and whether more will come."""
    if answer is None:
        return words.say("page.graph.waiting")
    if answer.broken is not None:
        return words.say("page.status.draws", draws=0)
    if answer.preview:
        count = {"draws": words.count(answer.draws), "most": words.count(answer.most)}
        return words.say("page.status.preview", **count)
    told = words.say("page.status.draws", draws=words.count(answer.draws))
    if answer.lost:
        told += f" ({words.say('page.status.lost', lost=words.count(answer.lost))})"
    return told


def versions(words: Words, provenance: dict[str, str]) -> list[str]:
    """Version of the model, fingerprint of its data, and the seed."""
    model = provenance.get("package_version", "")
    data = provenance.get("posterior_hash", "")
    found = [
        ("page.status.model", "version", model),
        ("page.status.data", "version", data[:SHORT]),
        ("page.status.seed", "seed", provenance.get("seeds", "")),
    ]
    return [words.say(key, **{gap: value}) for key, gap, value in found if value]
