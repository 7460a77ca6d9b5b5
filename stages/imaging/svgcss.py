"""Style text of an SVG with everything removed that could load something, move, or look otherwise in a browser than here."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_AT_STATEMENT = re.compile(r"@[^;{}]*;")
_URL = re.compile(r"url\(\s*([\"']?)([^)]*?)\1\s*\)", re.IGNORECASE)
_OPEN_URL = re.compile(r"url\((?![^)]*\))", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_ACTIVE = re.compile(r"expression\s*\(|javascript\s*:|-moz-binding|behavior\s*:|image-set\s*\(", re.IGNORECASE)
# Values that a browser works out by what surrounds the picture.
_DEPENDENT = re.compile(
    r"\b(?:var|env|attr|calc|min|max|clamp|if|light-dark|color-mix|device-cmyk)\s*\(", re.IGNORECASE
)
# Selectors that are true or not by what a user does, by the page around, or by rules that only browsers know.
_PLAIN_SELECTOR = re.compile(r"[\w\s.#*>-]+")
# What may be set: SVG's own presentation attributes (SVG 2, appendix "Property Index"; SVG 1.1 for those of text). What is not
# here, a browser knows alone: animation, transition, filters by function, shapes by CSS.
_PROPERTY_NAMES = (
    "alignment-baseline baseline-shift clip clip-path clip-rule color color-interpolation color-interpolation-filters "
    "color-rendering direction display dominant-baseline enable-background fill fill-opacity fill-rule filter flood-color "
    "flood-opacity font font-family font-feature-settings font-kerning font-size font-size-adjust font-stretch font-style "
    "font-variant font-variant-caps font-weight glyph-orientation-vertical image-rendering isolation letter-spacing "
    "lighting-color line-height marker marker-end marker-mid marker-start mask mask-type mix-blend-mode opacity overflow "
    "paint-order pointer-events shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset "
    "stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-align text-anchor text-decoration "
    "text-decoration-line text-indent text-rendering text-transform unicode-bidi vector-effect visibility "
    "white-space word-spacing writing-mode"
)
_PROPERTIES = frozenset(_PROPERTY_NAMES.split())


def clean_value(text: str) -> str:
    """One attribute's value with every ``url()`` that is no ``#name`` of this document replaced by ``none``.

    Text that hides its meaning (backslash escapes, unclosed urls, script) gives an empty string.
    """
    text = _COMMENT.sub(" ", text)
    if "\\" in text or _OPEN_URL.search(text) or _ACTIVE.search(text):
        return ""
    return _URL.sub(lambda m: f"url({m[2].strip()})" if _is_local(m[2].strip()) else "none", text)


def clean_style(text: str) -> str:
    """The declarations of one element's ``style`` that say the same here and in every browser."""
    return ";".join(_declarations(_AT_STATEMENT.sub(" ", clean_value(text))))


def clean_css(css: str) -> str:
    """A style sheet as far as it says the same here and in every browser.

    Of at-rules (imports, media, animation), selectors with a state, and properties that are no presentation attributes
    nothing stays. Text that hides its meaning gives an empty string.
    """
    return "".join(_rules(clean_value(css)))


def _rules(css: str) -> Iterator[str]:
    """The style rules of a sheet that may stay, one after another."""
    at = 0
    while at < len(css):
        opening = css.find("{", at)
        if opening < 0:
            return
        prelude = _AT_STATEMENT.sub(" ", css[at:opening]).strip()
        closing = _end(css, opening)
        body = css[opening + 1 : closing - 1]
        at = closing
        if prelude.startswith("@") or "{" in body or not _PLAIN_SELECTOR.fullmatch(prelude.replace(",", " ")):
            continue
        declared = ";".join(_declarations(body))
        if declared:
            yield f"{' '.join(prelude.split())}{{{declared}}}"


def _end(css: str, opening: int) -> int:
    """Where the block that begins at ``opening`` ends, just past its brace; the text's end where it is not closed."""
    depth = 0
    for match in re.finditer(r"[{}]", css[opening:]):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return opening + match.end()
    return len(css) + 1


def _declarations(text: str) -> Iterator[str]:
    """The declarations that may stay, as "name:value"."""
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        name, value = name.strip().lower(), " ".join(value.split())
        if colon and name in _PROPERTIES and value and not _DEPENDENT.search(value) and not set("@:") & set(value):
            yield f"{name}:{value}"


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
