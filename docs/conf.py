"""The documentation site: ``make docs``.

Every asset is local and formulas are MathML: the site can be read from a folder, without a network.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import nicegui  # noqa: F401  # autodoc would import it as type checkers see it, which pydantic cannot bear
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# Compiled functions are wrapped in objects whose docstrings autodoc would not see.
os.environ["NUMBA_DISABLE_JIT"] = "1"
logging.getLogger("arviz").setLevel(logging.WARNING)  # tells which of its parts are not installed

project = "Drug Futures"
author = "The Drug Futures developers"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
language = "en"
extensions = ["myst_parser", "sphinx.ext.autodoc"]

myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # generated tables may start below the second level

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# Short names of arrays, as the code writes them.
autodoc_type_aliases = {name: name for name in ("Float", "Int", "Bool", "Single")}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
toc_object_entries = False
add_module_names = False

html_theme = "furo"
html_title = f"Drug Futures {release}"
html_static_path = [str(ROOT / "docs" / "static")]
html_css_files = ["site.css"]
smartquotes = False  # options such as --year keep their dashes
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": True}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
THIN = '<mspace width="0.17em" />'


def mathml(formula: str, display: str) -> str:
    """A formula as MathML, with the thin space after ln and the like that the converter leaves."""
    return re.sub(
        r"(<mi>[a-z]{2,}</mi>)(?=<m(?:i|sub|row|frac|text)>)",
        rf"\1{THIN}",
        convert(formula, display=display),
    )


def inline_formula(self: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block_formula(self: Any, node: nodes.math_block) -> None:
    """Write a formula that stands alone."""
    self.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def own_names_only(_app: Sphinx, doctree: nodes.document) -> None:
    """Let a short name of a type lead to its own module, never to a namesake elsewhere."""
    for reference in doctree.findall(pending_xref):
        reference.attributes.pop("refspecific", None)


def for_everyone(
    _app: Sphinx, _name: str, _template: str, context: dict[str, Any], _tree: nodes.document | None
) -> None:
    """Mend what the theme leaves to those who use keys or a screen reader."""
    body = context.get("body", "")
    # What scrolls sideways must be reached with keys.
    body = re.sub(r'<(pre|div class="(?:table-wrapper|formula)[^"]*")>', r'<\1 tabindex="0">', body)
    # The lines of a signature are no list of definitions.
    body = re.sub(r"<dl>.*?</dl>", lambda found: _as_lines(found[0]), body, flags=re.DOTALL)
    level = 'role="heading"', 'role="heading" aria-level="2"'
    context["body"] = body.replace(*level)
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(*level)


def _as_lines(signature: str) -> str:
    kept = re.sub(r"</?dl>", "", signature)
    return kept.replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")


def setup(app: Sphinx) -> None:
    """Let HTML hold formulas as MathML, which browsers draw themselves."""
    app.connect("doctree-read", own_names_only)
    app.connect("html-page-context", for_everyone, priority=900)  # after the theme
    app.add_html_math_renderer("mathml", (inline_formula, None), (block_formula, None))
