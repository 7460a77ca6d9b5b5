"""Style text of an SVG with everything removed that could load something, and the references that are left in it."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_AT_STATEMENT = re.compile(r"@(?:import|charset|namespace)[^;{}]*;?", re.IGNORECASE)
_URL = re.compile(r"url\(\s*([\"']?)([^)]*?)\1\s*\)", re.IGNORECASE)
_OPEN_URL = re.compile(r"url\((?![^)]*\))", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_ACTIVE = re.compile(r"expression\s*\(|javascript\s*:|-moz-binding|behavior\s*:|image-set\s*\(", re.IGNORECASE)


def clean_css(css: str) -> str:
    """``css`` without imports and with every ``url()`` that is no ``#name`` of this document replaced by ``none``.

    Text that hides its meaning (backslash escapes, unclosed urls, script) gives an empty string.
    """
    css = _COMMENT.sub(" ", css)
    if "\\" in css or _OPEN_URL.search(css) or _ACTIVE.search(css):
        return ""
    css = _AT_STATEMENT.sub(" ", css)
    return _URL.sub(lambda m: f"url({m[2].strip()})" if _is_local(m[2].strip()) else "none", css)


def references(css: str) -> list[str]:
    """The names that ``url(#name)`` refers to in a cleaned value or style sheet."""
    return [m[2].strip()[1:] for m in _URL.finditer(css) if _is_local(m[2].strip())]


def sheet_references(css: str) -> dict[str, list[str]]:
    """What a style sheet makes elements refer to, by ".class" or "#id" of its selectors, "*" for all other selectors."""
    found: dict[str, list[str]] = {}
    for rule in _RULE.finditer(css):
        names = references(rule[2])
        if names:
            for selector in rule[1].split(","):
                marks = re.findall(r"[.#][\w-]+", selector.split()[-1] if selector.split() else "")
                found.setdefault(marks[-1] if marks else "*", []).extend(names)
    return found


def _is_local(target: str) -> bool:
    return re.fullmatch(r"#[^\s\"'()<>\\]+", target) is not None
