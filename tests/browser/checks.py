"""What is asked of any page in the browser: axe, sizes, focus, what is heard."""

from __future__ import annotations

from functools import cache
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from experiments.workshop.wording import Words, words_of
from scenarios.texts import load_texts

# WCAG 2.0 to 2.2, A and AA, and what axe calls best practice.
AXE = {
    "resultTypes": ["violations"],
    "runOnly": [
        *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"),
    ],
}
PATIENCE = 30_000  # milliseconds
LEAST = 24  # CSS pixels of a target

# How the focus is seen: a ring or a shadow, in view, with nothing over it.
FOCUS = """target => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const x = (Math.max(0, box.left) + Math.min(innerWidth, box.right)) / 2;
  const y = (Math.max(0, box.top) + Math.min(innerHeight, box.bottom)) / 2;
  const on = document.elementFromPoint(x, y);
  const whole = box.left >= -1 && box.top >= -1
    && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1;
  const large = box.width > innerWidth / 2 || box.height > innerHeight / 2;
  return {
    reached: e === target,
    seen: ring || style.boxShadow !== 'none',
    inView: box.width > 0 && (whole || large),
    covered: !(on && (e.contains(on) || on.contains(e) || e.labels && [...e.labels].includes(on))),
    body: e === document.body,
    dialog: e.closest('dialog') !== null,
    positive: e.tabIndex > 0,
    told: e.outerHTML.slice(0, 160),
  };
}"""

# Buttons, fields and links that stand by themselves; a label counts to its field.
SMALL = """least => {
  const shown = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length
    && !e.closest('.df-skip') && !e.closest('[inert]');
  const inline = e => e.tagName === 'A' && getComputedStyle(e).display === 'inline'
    && [...e.parentElement.childNodes].some(n => n !== e && n.textContent.trim());
  const open = document.querySelector('dialog[open]');
  const targets = 'button, a[href], input, select, summary, textarea';
  return [...(open || document).querySelectorAll(targets)]
    .filter(e => shown(e) && !inline(e))
    .filter(e => {
      const boxes = [e, ...(e.labels || [])].map(one => one.getBoundingClientRect());
      return !boxes.some(box => box.width >= least - 0.5 && box.height >= least - 0.5);
    })
    .map(e => `${e.outerHTML.slice(0, 120)} ${JSON.stringify(e.getBoundingClientRect())}`);
}"""

# What reaches beyond the window, and text that its box cuts off and that cannot be scrolled to.
CUT = """() => {
  const found = [], root = document.scrollingElement;
  if (root.scrollWidth > innerWidth) found.push(`page: ${root.scrollWidth} > ${innerWidth}`);
  const hides = style => ['hidden', 'clip'].includes(style.overflowX);
  const tiny = e => e.closest('.df-hidden, .df-skip, .df-select-name, noscript, svg, canvas');
  const scrolls = '.df-table-box, .df-scroll, .df-agents-wide, .df-room-table-box';
  const scope = document.querySelector('dialog[open]') || document.body;
  for (const e of scope.querySelectorAll('*')) {
    if (tiny(e) || !e.checkVisibility({visibilityProperty: true})) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!box.width || !box.height) continue;
    const held = e.parentElement.closest(scrolls);
    if (box.right > innerWidth + 1 && !held) found.push(`beyond: ${e.outerHTML.slice(0, 120)}`);
    if (e.tagName !== 'SELECT' && hides(style) && e.textContent.trim() && !e.querySelector('canvas')
      && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
      && style.display !== 'inline' && style.clipPath === 'none')
      found.push(`cut: ${e.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""


# Elements with a transition or an animation that takes time.
SLOW = """() => [...document.querySelectorAll('*')].flatMap(e => {
  const style = getComputedStyle(e);
  const times = `${style.animationDuration},${style.transitionDuration}`.split(',').map(parseFloat);
  return Math.max(...times) > 0.01 ? [e.outerHTML.slice(0, 120)] : [];
})"""

# The element with the focus, if it has no ring: forced colours take shadows away.
RINGS = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return e === document.body || ring ? [] : [e.outerHTML.slice(0, 120)];
}"""

# What assistive technology is told by itself, in order.
VOICE = """() => {
  window.heard = [];
  const live = '[aria-live], [role=status], [role=alert]';
  new MutationObserver(all => {
    const told = new Set(all.map(one => (one.target.nodeType === 1 ? one.target
      : one.target.parentElement)?.closest(live)).filter(e => e));
    for (const e of told) if (e.textContent.trim()) window.heard.push(e.textContent);
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@cache
def said(language: str) -> Words:
    """The words of the page in a language."""
    return words_of(language, load_texts())


def violations(page: Page, within: str | None = None) -> list[str]:
    """What axe finds, a line for each element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    call = "([within, options]) => axe.run(within || document, options)"
    found: dict[str, Any] = page.evaluate(call, [within, AXE])
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:160]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def rests(page: Page, words: Words) -> None:
    """Wait until the graphs show an answer of all draws."""
    footer = page.get_by_role("contentinfo", name=words.say("page.status"))
    told = words.say("page.status.draws", draws="16")
    footer.get_by_text(told, exact=True).wait_for(timeout=PATIENCE)


def button(page: Page, name: str) -> Locator:
    """The first button with exactly this name."""
    return page.get_by_role("button", name=name, exact=True).first
