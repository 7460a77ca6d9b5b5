"""Sphinx's settings for this site: `make site`. Warnings are errors, so that a dead link or a lost page stops the build."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from imajin_cli import __version__  # noqa: E402

project = "imajin"
author = "the imajin authors"
project_copyright = "the imajin authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
# Headings of our pages may begin at any level below the title.
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = "imajin"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_show_sphinx = False
html_copy_source = False
# Nothing is asked of another host: no web fonts, no analytics.
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#4338ca", "color-brand-content": "#4338ca"},
    "dark_css_variables": {"color-brand-primary": "#a5b4fc", "color-brand-content": "#a5b4fc"},
}

# A link to what is beside docs/ leads somewhere in a checkout, and nowhere on the site: there the path is told.
_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./([^)#\s]+)(?:#[^)\s]*)?\)")
# Whose lines make a page's tables is no matter of its readers.
_COMMENT = re.compile(r"<!--.*?-->\n?", re.S)
_TOCTREE = "```{toctree}"


def _told(match: re.Match[str]) -> str:
    text, path = match[1], match[2]
    return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"


def _read(_app: Any, name: str, source: list[str]) -> None:
    """Called for each page as it is read."""
    source[0] = _OUTSIDE.sub(_told, _COMMENT.sub("", source[0]))
    if name == "index":
        # A page that nobody has found a place for is found all the same.
        listed = set(re.findall(r"^[^`|\n]*<([a-z0-9-]+)>$", source[0], re.M))
        left = [page.stem for page in sorted(HERE.glob("*.md")) if page.stem not in {*listed, "index"}]
        if left:
            names = "\n".join(left)
            source[0] += f"\n{_TOCTREE}\n:caption: More\n:maxdepth: 1\n:hidden:\n\n{names}\n```\n"


def setup(app: Any) -> None:
    """Sphinx's entry."""
    app.connect("source-read", _read)
