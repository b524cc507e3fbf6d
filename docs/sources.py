"""Gather the sources of the documentation site: ``python docs/sources.py build/pages``.

Committed pages read well where they lie, on a code host too. The site wants them in one tree:
those of docs/ at the top, others (CHANGELOG.md, notebooks) under their own path, with their links
led along. Pages that nobody should keep by hand are made here: commands, modules, notebooks.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("model", "calibration", "scenarios", "experiments")
# Pages outside docs/ that belong to the site.
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "calibration/posterior/*.md",
    "tests/published/README.md",
    "notebooks/README.md",
)
# Where a link leads whose target is not a page of its own.
STANDS_FOR = {
    "README.md": "index.md",
    "docs": "index.md",
    "calibration/posterior": "calibration/posterior/report.md",
}
# A link, or code, in which nothing is a link; whichever begins first.
LINK = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)`*\s*$|(?P<tick>`+)(?!`).*?(?<!`)(?P=tick)(?!`)"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)


def pages() -> Iterator[Path]:
    """Files of the repository that the site shows, relative to its root."""
    yield from (path.relative_to(ROOT) for path in sorted((ROOT / "docs").rglob("*.md")))
    for pattern in OUTSIDE:
        yield from (path.relative_to(ROOT) for path in sorted(ROOT.glob(pattern)))


def place(path: Path) -> Path:
    """Where a file of the repository lies in the tree of the site."""
    return path.relative_to("docs") if path.parts[:1] == ("docs",) else path


def modules(package: Path) -> list[Path]:
    """Public modules that lie directly in a folder, relative to the root."""
    found = sorted((ROOT / package).glob("*.py"))
    return [path.relative_to(ROOT) for path in found if not path.name.startswith("_")]


def packages() -> list[Path]:
    """Folders of the rooms that hold public modules, relative to the root."""
    folders = [
        path.relative_to(ROOT)
        for room in ROOMS
        for path in (ROOT / room, *sorted((ROOT / room).rglob("*/")))
    ]
    return [folder for folder in folders if modules(folder)]


def dotted(path: Path) -> str:
    """Name of a package or module as Python imports it."""
    return ".".join(path.with_suffix("").parts)


def destination(path: Path) -> tuple[Path | None, str]:
    """Where a link to this file or folder leads on the site, and the anchor there.

    None: nowhere, since the site does not show folders that are not packages.
    """
    known = STANDS_FOR.get(path.as_posix())
    if known is not None:
        return Path(known), ""
    if path.parts[0] in ROOMS and path.suffix == ".py" and path in modules(path.parent):
        # The anchor is that of the module's heading, as code hosts and the site write anchors.
        return Path("api", f"{dotted(path.parent)}.md"), dotted(path).replace(".", "")
    if path.parts[0] == "notebooks" and path.suffix == ".py":
        return place(path).with_suffix(".md"), ""
    if (ROOT / path).is_dir():
        for page in (path.with_suffix(".md"), path / "README.md", path / "index.md"):
            if (ROOT / page).exists():
                return place(page), ""
        return (Path("api", f"{dotted(path)}.md"), "") if path in packages() else (None, "")
    return place(path), ""


def lead_along(text: str, page: Path, out: Path) -> str:
    """The text of a page with each relative link leading to where its target lies on the site.

    Files that are not pages, such as tables and pictures, are copied beside them.
    """

    def led(link: re.Match[str]) -> str:
        file, _, anchor = (link["target"] or "").partition("#")
        if "://" in file or file.startswith("mailto:") or not file:
            return link[0]
        path = Path(os.path.normpath(page.parent / file))
        if not (ROOT / path).exists():
            return link[0]  # sphinx says that it leads nowhere
        target, own_anchor = destination(path)
        if target is None:
            return link["text"]
        if target.suffix != ".md":
            copy(ROOT / path, out / target)
        where = os.path.relpath(target, place(page).parent)
        anchor = anchor or own_anchor
        words = lead_along(link["text"], page, out)
        return f"{link['image']}[{words}]({where}{'#' + anchor if anchor else ''})"

    return LINK.sub(led, text)


def notebook_page(path: Path) -> str:
    """A notebook kept as Python, as a page: its words, and its code as it stands, not run."""
    import jupytext

    cells = jupytext.read(path).cells
    name = path.relative_to(ROOT).as_posix()
    note = (
        f"*This page shows the notebook `{name}` without running it, so without what it prints: "
        "how to [run it and read it with its results](README.md#open-one). Its last cell holds "
        "what must come out.*"
    )
    shown = [
        cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```"
        for cell in cells
        if cell.source.strip()
    ]
    return "\n\n".join([*shown[:1], note, *shown[1:]]) + "\n"


def commands_page() -> str:
    """Every command with its arguments and options, as its own help gives them."""
    import typer
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from experiments.cli import app

    command = get_command(app)
    context = typer.Context(command)
    text = get_docs_for_click(obj=command, ctx=context, name="drugfutures", title="All options")
    # The overview cuts what commands do short; each one's own section says it in full.
    return re.sub(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+", "", text)


def package_page(package: Path) -> str:
    """One page for a package: its modules, read from their docstrings when the site is built."""
    sections = "\n".join(
        f"## {dotted(module)}\n\n```{{eval-rst}}\n.. automodule:: {dotted(module)}\n```\n"
        for module in modules(package)
    )
    return f"# {dotted(package)}\n\n{sections}"


def copy(source: Path, target: Path) -> None:
    """Copy a file with its time, so that a second build reads only what changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def write(target: Path, text: str) -> None:
    """Write a page unless it stands there already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def gather(out: Path) -> None:
    """Write the whole tree of sources; what a former build left and is gone now goes too."""
    written = {
        place(page): lead_along((ROOT / page).read_text(encoding="utf-8"), page, out)
        for page in pages()
    }
    for notebook in sorted((ROOT / "notebooks").glob("*.py")):
        page = notebook.relative_to(ROOT).with_suffix(".md")
        written[page] = lead_along(notebook_page(notebook), page, out)
    written[Path("all-options.md")] = commands_page()
    for package in packages():
        written[Path("api", f"{dotted(package)}.md")] = package_page(package)
    for page, text in written.items():
        write(out / page, text)
    for left in set(out.rglob("*.md")) - {out / page for page in written}:
        left.unlink()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    gather(Path(sys.argv[1]).resolve())
