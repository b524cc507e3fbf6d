"""The documentation holds together: links and anchors lead somewhere, every page can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import jupytext
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

from docs import sources

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "model", "calibration", "scenarios", "experiments", "notebooks", "tests")
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^mailto:")


def written() -> list[Path]:
    """All pages of the repository: markdown, and notebooks kept as Python."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found, *(ROOT / "notebooks").glob("*.py")])


@cache
def text_of(page: Path) -> str:
    if page.suffix != ".py":
        return page.read_text(encoding="utf-8")
    cells = jupytext.read(page).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@cache
def tokens(page: Path) -> list[Token]:
    """What the page consists of, with the anchors that a code host and the site give headings."""
    markdown = MarkdownIt("commonmark").enable("table").use(anchors_plugin, max_level=6)
    return markdown.parse(text_of(page))


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if isinstance(target, str) and not ELSEWHERE.match(target):
                yield unquote(target)


def anchors(page: Path) -> set[str]:
    headings = {str(token.attrGet("id")) for token in tokens(page) if token.type == "heading_open"}
    return headings | set(re.findall(r"""\bid=["']([^"']+)["']""", text_of(page)))


def short(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", written(), ids=short)
def test_every_link_and_anchor_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        file, anchor = urldefrag(link)
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


# Every page can be reached


def entries(page: Path) -> Iterator[str]:
    """Pages and patterns that the page's tables of contents name, from the site's top."""
    for token in tokens(page):
        if token.type != "fence" or token.info.strip() != "{toctree}":
            continue
        for line in filter(None, map(str.strip, token.content.splitlines())):
            if not line.startswith(":"):
                named = re.search(r"<(.+)>$", line)
                folder = sources.place(page.relative_to(ROOT)).parent
                yield (folder / (named[1] if named else line)).as_posix()


def test_every_page_is_reached_from_the_first() -> None:
    at = {sources.place(page).with_suffix("").as_posix(): ROOT / page for page in sources.pages()}
    at |= {f"notebooks/{path.stem}": path for path in (ROOT / "notebooks").glob("*.py")}
    made = {"all-options"} | {f"api/{sources.dotted(package)}" for package in sources.packages()}
    reached, waiting = set[str](), ["index"]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for entry in entries(at[name]) if name in at else ():
            found = [page for page in at.keys() | made if fnmatch(page, entry)]
            assert found, f"{name} names {entry}, which is not there"
            waiting += found
    assert sorted((at.keys() | made) - reached) == []


def test_every_public_module_is_on_a_page() -> None:
    shown = {module for package in sources.packages() for module in sources.modules(package)}
    public = {
        path.relative_to(ROOT)
        for room in sources.ROOMS
        for path in (ROOT / room).rglob("*.py")
        if not path.name.startswith("_")
    }
    assert shown == public


# Links are led along


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("README.md", "[x](docs/odd.md#purpose)", "[x](odd.md#purpose)"),
        ("docs/odd.md", "[x](../CHANGELOG.md)", "[x](CHANGELOG.md)"),
        ("docs/odd.md", "[x](../README.md)", "[x](index.md)"),
        ("docs/odd.md", "[x](https://a.example/b.md)", "[x](https://a.example/b.md)"),
        ("docs/odd.md", "[x](../model/agents)", "[x](api/model.agents.md)"),
        (
            "docs/decisions/005-one-population.md",
            "[`x`](../../model/rates.py)",
            "[`x`](../api/model.md#modelrates)",
        ),
        ("docs/odd.md", "[x](../tests)", "x"),
        ("docs/odd.md", "`[x](../CHANGELOG.md)`", "`[x](../CHANGELOG.md)`"),
        ("docs/odd.md", "```\n[x](../CHANGELOG.md)\n```", "```\n[x](../CHANGELOG.md)\n```"),
    ],
)
def test_a_link_is_led_to_where_its_target_lies(
    page: str, link: str, led: str, tmp_path: Path
) -> None:
    assert sources.lead_along(link, Path(page), tmp_path) == led


def test_a_file_that_a_page_links_is_copied_beside_it(tmp_path: Path) -> None:
    text = sources.lead_along("[x](../CITATION.cff)", Path("docs/odd.md"), tmp_path)
    assert text == "[x](CITATION.cff)"
    assert (tmp_path / "CITATION.cff").read_bytes() == (ROOT / "CITATION.cff").read_bytes()


# The built site


class Addresses(HTMLParser):
    """What a page fetches by itself (assets), and where its links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.links: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload"}:
            self.assets.append(given.get("href") or "")
        else:
            self.assets += [
                given[name] or "" for name in ("src", "data", "poster") if name in given
            ]


@pytest.mark.long
def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = {
        f"{page.name}: {asset}"
        for page in site.rglob("*.html")
        for asset in Addresses(page).assets
        if ELSEWHERE.match(asset)
    }
    imported = {
        f"{sheet.name}: {address}"
        for sheet in site.rglob("*.css")
        for address in re.findall(
            r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)", sheet.read_text(encoding="utf-8")
        )
        if ELSEWHERE.match(address)
    }
    assert fetched | imported == set()


@pytest.mark.long
def test_links_within_the_site_lead_to_its_files(site: Path) -> None:
    lost = {
        f"{page.relative_to(site)}: {link}"
        for page in site.rglob("*.html")
        for link in Addresses(page).links
        if not ELSEWHERE.match(link)
        and not (page.parent / unquote(urldefrag(link)[0])).resolve().exists()
    }
    assert lost == set()
