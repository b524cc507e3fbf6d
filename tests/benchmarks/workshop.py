"""How long the page takes to answer, in a real browser: ``python -m tests.benchmarks.workshop``.

From the event of a lever to the repaint of a graph. First one visitor, then thirty who each move a
lever every three seconds, with the browser on the same cores as the server. Exit status 1 when a
bound is missed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from tests.benchmarks.row import Row
from tests.browser.serving import BEAMER, Seen, Server, browser, opened

ONE_MEDIAN, ONE_P95 = 150.0, 300.0  # milliseconds
MANY_P95 = 1500.0
GROWTH, LEFT = 5.0, 0.20  # MB a visitor, and what may stay of the growth when all have left
USERS, EVERY, MINUTES = 30, 3.0, 5.0
MOVES = 60
SETTLED = 12.0  # seconds after which nothing runs for a visitor any more

# One move as a hand makes it: the event of the native range input, and the first repaint after it.
MOVE = """
([pick, amount]) => new Promise(done => {
  const levers = [...document.querySelectorAll('input[type=range]')].filter(e => !e.disabled);
  const lever = levers[Math.floor(pick * levers.length)];
  const low = Number(lever.min), high = Number(lever.max);
  const to = Math.round((low + amount * (high - low)) / 5) * 5;
  lever.value = String(to === Number(lever.value) ? (to >= high ? to - 5 : to + 5) : to);
  if (!window.waiting) {
    window.waiting = new Set();
    window.df.painted.push = one => { window.waiting.forEach(heard => heard(one)); };
  }
  const began = performance.now();
  const heard = one => {
    window.waiting.delete(heard);
    clearTimeout(tooLate);
    done(one && [performance.now() - began, one.draws]);
  };
  const tooLate = setTimeout(() => heard(null), 20000);
  window.waiting.add(heard);
  lever.dispatchEvent(new Event('input', {bubbles: true}));
  lever.dispatchEvent(new Event('change', {bubbles: true}));
})
"""
KEEP_MOVING = """
([seed, every]) => {
  let state = seed;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const move = MOVE;
  window.bench = {found: [], lost: 0, stop: false};
  const step = async () => {
    if (window.bench.stop) return;
    const answer = await move([random(), random()]);
    if (answer) window.bench.found.push(answer); else window.bench.lost += 1;
  };
  setTimeout(() => { step(); window.bench.timer = setInterval(step, every); }, random() * every);
}
""".replace("MOVE", MOVE.strip())
POSITIONS = """
() => Object.fromEntries([...document.querySelectorAll('input[type=range]')]
  .map(e => [e.id || e.getAttribute('aria-labelledby') || e.name, e.value]))
"""


@dataclass
class Answers:
    """Milliseconds to the repaint, and draws of the answers."""

    milliseconds: list[float] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)
    lost: int = 0

    def add(self, found: Sequence[Sequence[float]]) -> None:
        """Note answers of a page."""
        self.milliseconds += [float(one[0]) for one in found]
        self.draws += [int(one[1]) for one in found]

    @property
    def median(self) -> float:
        """Of all answers."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """Of all answers."""
        return statistics.quantiles(self.milliseconds, n=20)[-1]

    def __str__(self) -> str:
        low, middle, high = min(self.draws), statistics.median(self.draws), max(self.draws)
        return (
            f"{len(self.milliseconds)} moves: median {self.median:.0f} ms, 95% within "
            f"{self.p95:.0f} ms, worst {max(self.milliseconds):.0f} ms; draws of the first answer "
            f"{low} to {high}, median {middle:.0f}; unanswered {self.lost}"
        )


def visit(found: Browser, server: Server, seen: Seen) -> tuple[BrowserContext, Page]:
    """A new visitor whose page is ready."""
    context = opened(found, BEAMER)
    page = seen.watch(context.new_page())
    page.goto(f"{server.address}/en")
    page.wait_for_selector("input[type=range]")
    page.wait_for_function("() => window.df !== undefined")
    page.wait_for_timeout(1000)
    return context, page


def one_user(found: Browser, server: Server, seen: Seen) -> Answers:
    """Moves with a second of rest between them, so that all draws are being run in between."""
    context, page = visit(found, server, seen)
    time.sleep(SETTLED)
    answers = Answers()
    for number in range(MOVES):
        pick, amount = (number * 0.618) % 1.0, (number * 0.414 + 0.1) % 1.0
        answer = page.evaluate(MOVE, [pick, amount])
        if answer is None:
            answers.lost += 1
        else:
            answers.add([answer])
        time.sleep(1.0)
    context.close()
    return answers


@dataclass
class Crowd:
    """Many visitors: their answers, what the server held, and what was lost."""

    answers: Answers
    before: float
    during: float
    after: float
    changed: int  # pages that showed other positions after a reload

    @property
    def growth(self) -> float:
        """Megabytes a visitor."""
        return (self.during - self.before) / USERS


def many_users(found: Browser, server: Server, seen: Seen, minutes: float) -> Crowd:
    """Thirty visitors at once."""
    first, _ = visit(found, server, seen)  # what the first visitor loads stays for all
    time.sleep(SETTLED)
    first.close()
    time.sleep(SETTLED)
    before = server.memory()
    pages = [visit(found, server, seen) for _ in range(USERS)]
    for number, (_, page) in enumerate(pages):
        page.evaluate(KEEP_MOVING, [1 + 7919 * number, 1000.0 * EVERY])
    time.sleep(60.0 * minutes)
    answers, changed = Answers(), 0
    for _, page in pages:
        page.evaluate("() => { window.bench.stop = true; clearInterval(window.bench.timer); }")
    time.sleep(SETTLED)
    during = server.memory()
    for _, page in pages:
        told = page.evaluate("() => [window.bench.found, window.bench.lost]")
        answers.add(told[0])
        answers.lost += told[1]
    for _, page in pages[:5]:
        shown = page.evaluate(POSITIONS)
        page.reload()
        page.wait_for_selector("input[type=range]")
        changed += list(page.evaluate(POSITIONS).values()) != list(shown.values())
    for context, _ in pages:
        context.close()
    time.sleep(3 * SETTLED)
    return Crowd(answers, before, during, server.memory(), changed)


def measured(draws: int, minutes: float) -> Iterator[Row]:
    """Rows of one visitor, of many, and of what the first answer lacks."""
    with tempfile.TemporaryDirectory() as folder, browser() as found:
        server = Server(Path(folder) / "log.txt", draws=draws)
        server.start()
        try:
            seen = Seen(server.address)
            yield from _one(one_user(found, server, seen))
            yield from _many(many_users(found, server, seen, minutes), minutes)
        finally:
            server.stop()
        errors = [*seen.errors, *(f"request to {url}" for url in seen.elsewhere)]
        told = "; ".join(errors[:3])
        yield Row("page: errors in the browser", float(len(errors)), "", at_most=0.0, note=told)


def _one(one: Answers) -> Iterator[Row]:
    yield Row(
        "page, one visitor: lever to repaint", one.median, "ms, median", ONE_MEDIAN, note=str(one)
    )
    yield Row("page, one visitor: lever to repaint", one.p95, "ms, 95%", ONE_P95)


def _many(crowd: Crowd, minutes: float) -> Iterator[Row]:
    many, name = crowd.answers, f"page, {USERS} visitors"
    yield Row(
        f"{name}: lever to repaint",
        many.p95,
        "ms, 95%",
        MANY_P95,
        note=f"{minutes:g} minutes, {many}",
    )
    yield Row(f"{name}: moves without an answer", float(many.lost), "", at_most=0.0)
    yield Row(
        f"{name}: pages with other levers after a reload", float(crowd.changed), "", at_most=0.0
    )
    sizes = (crowd.before, crowd.during, crowd.after)
    told = "server {:.0f} MB before, {:.0f} MB with all, {:.0f} MB after".format(*sizes)
    yield Row(f"{name}: memory", crowd.growth, "MB a visitor", at_most=GROWTH, note=told)
    left = 100.0 * (crowd.after / crowd.before - 1.0)
    yield Row(
        f"{name}: memory when they have left", left, "% more than before", at_most=100.0 * LEFT
    )


def workshop_rows(draws: int = 200, minutes: float = MINUTES) -> Iterator[Row]:
    """All rows of the page; without a browser none is measured."""
    if shutil.which("chromium") is None:
        yield Row(
            "page: lever to repaint", None, "ms", ONE_MEDIAN, note="chromium is not installed"
        )
        return
    yield from measured(draws, minutes)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description="How long the workshop page takes to answer.")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    asked = parser.parse_args(words)
    missed = False
    for row in workshop_rows(asked.draws, asked.minutes):
        value = "-" if row.value is None else f"{row.value:.1f}"
        verdict = "MISS" if row.passed is False else "ok  "
        print(f"{verdict} {row.name}: {value} {row.unit} ({row.note})")
        missed |= row.passed is False
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
