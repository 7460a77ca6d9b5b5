"""The page itself: one file, with its style, its program and its data inside, and nothing that it may fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

VERSION = 1
_HERE = Path(__file__).parent / "page"


@dataclass(frozen=True)
class View:
    """The files that a kind of page is made of."""

    document: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]


REVIEW = View("page.html", ("page.css",), ("parts.js", "sections.js", "review.js"))
SHEET = View("sheet.html", ("page.css", "sheet.css"), ("parts.js", "sections.js", "sheet.js"))


def page(content: Mapping[str, Any], title: str, view: View = REVIEW) -> bytes:
    """The page of ``content`` (see `gather`) as UTF-8 HTML.

    The data stand in it as JSON in which no character has a meaning in HTML, and the program writes them as text. Should
    markup get in all the same, the page's own policy runs no script and applies no style but those two, and knows no network.
    """
    style = "\n".join(map(_text, view.styles))
    script = "\n".join(map(_text, view.scripts))
    parts = {
        "policy": escape(_policy(style, script)),
        "title": escape(title),
        "style": style,
        "script": script,
        "data": in_html({"imajin": VERSION, "title": title, **content}),
    }
    # In one pass: what is put in is not looked through for further marks.
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _text(view.document)).encode()


def in_html(value: Any) -> str:
    """``value`` as JSON in ASCII that ends no element and begins none."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            # Files beside the page, also where it is served.
            "img-src 'self' file: data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
