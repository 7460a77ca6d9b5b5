"""HTML that shows a published asset: the best format that a browser reads, at the size that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

MIME = {
    "avif": "image/avif",
    "webp": "image/webp",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "ico": "image/vnd.microsoft.icon",
    "c2pa": "application/c2pa",
}
ORDER = ("avif", "webp", "png", "jpeg")


@dataclass(frozen=True)
class Shown:
    """A published raster: its file name, format, size in CSS pixels, density and width in its own pixels."""

    name: str
    format: str
    size: tuple[int, int]
    scale: float
    width: int


def srcsets(files: Sequence[Shown]) -> dict[str, str]:
    """``srcset`` by format, best first: widths where there are several sizes, else densities. One candidate a width."""
    several = len({file.size for file in files}) > 1
    found: dict[str, str] = {}
    for kind in ORDER:
        mine = sorted((file for file in files if file.format == kind), key=lambda file: (-file.width, -file.scale))
        widths = {file.width: file for file in mine}
        if mine:
            found[kind] = ", ".join(_candidate(widths[width], several) for width in sorted(widths))
    return found


def picture_html(files: Sequence[Shown], alt: str, vector: str | None = None) -> str:
    """A ``<picture>`` element for ``files``, or an ``<img>`` of the SVG ``vector`` where there are none."""
    if not files:
        return _img(vector, None, alt) if vector else ""
    sets = srcsets(files)
    fallback = next(kind for kind in ("png", "jpeg", "webp", "avif") if kind in sets)
    largest = max((file for file in files if file.format == fallback), key=lambda file: (-file.scale, file.size))
    several = len({file.size for file in files}) > 1
    sizes = f"(max-width: {largest.size[0]}px) 100vw, {largest.size[0]}px" if several else None
    lines = [_source(kind, text, sizes) for kind, text in sets.items() if kind not in ("png", "jpeg", fallback)]
    lines.append("  " + _img(largest.name, largest.size, alt, sets[fallback], sizes))
    return "\n".join(["<picture>", *lines, "</picture>"])


def icon_html(name: str, sides: Sequence[int]) -> str:
    """The ``<link>`` that makes an ICO file a site's icon."""
    words = " ".join(f"{side}x{side}" for side in sides)
    return f'<link rel="icon" href="{escape(quote(name))}" sizes="{words}">'


def _candidate(file: Shown, several: bool) -> str:
    where = quote(file.name)
    if several:
        return f"{where} {file.width}w"
    return where if file.scale == 1 else f"{where} {file.scale:g}x"


def _source(kind: str, text: str, sizes: str | None) -> str:
    return f"  <source{_attributes({'type': MIME[kind], 'srcset': text, 'sizes': sizes})}>"


def _img(name: str, size: tuple[int, int] | None, alt: str, text: str | None = None, sizes: str | None = None) -> str:
    several = text if text is not None and (" " in text or "," in text) else None
    attributes = {
        "src": quote(name),
        "srcset": several,
        "sizes": sizes if several else None,
        "width": str(size[0]) if size else None,
        "height": str(size[1]) if size else None,
        "alt": alt,
        "loading": "lazy",
        "decoding": "async",
    }
    return f"<img{_attributes(attributes)}>"


def _attributes(values: Mapping[str, str | None]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value is not None)
