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
    "webmanifest": "application/manifest+json",
}
ORDER = ("avif", "webp", "png", "jpeg")


@dataclass(frozen=True)
class Shown:
    """A published raster: its file name, format, size in CSS pixels, density and width in its own pixels.

    ``base`` is the address of the folder that it is in.
    """

    name: str
    format: str
    size: tuple[int, int]
    scale: float
    width: int
    base: str = ""

    @property
    def url(self) -> str:
        """Where it is found."""
        return url_of(self.name, self.base)


def url_of(name: str, base: str = "") -> str:
    """Where the file ``name`` is found, in the folder whose address is ``base``."""
    return base + quote(name)


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


def picture_html(
    files: Sequence[Shown], alt: str, vector: str | None = None, lang: str | None = None, still: str | None = None
) -> str:
    """A ``<picture>`` element for ``files``, or an ``<img>`` of the SVG at the address ``vector`` where there are none.

    ``lang`` is the language of ``alt`` where it is known; ``still`` the address of what is shown instead where no motion is
    wanted.
    """
    if not files:
        return _img(vector, None, alt, lang=lang) if vector else ""
    if len({(file.size, file.scale) for file in files}) == len(files) and len({file.format for file in files}) > 1:
        return _mixed(files, alt, lang)
    sets = srcsets(files)
    fallback = next(kind for kind in ("png", "jpeg", "webp", "avif") if kind in sets)
    largest = max((file for file in files if file.format == fallback), key=lambda file: (-file.scale, file.size))
    several = len({file.size for file in files}) > 1
    sizes = f"(max-width: {largest.size[0]}px) 100vw, {largest.size[0]}px" if several else None
    head = {"media": "(prefers-reduced-motion: reduce)", "srcset": still}
    lines = [f"  <source{_attributes(head)}>"] if still is not None else []
    lines += [_source(kind, text, sizes) for kind, text in sets.items() if kind not in ("png", "jpeg", fallback)]
    lines.append("  " + _img(largest.url, largest.size, alt, sets[fallback], sizes, lang))
    return "\n".join(["<picture>", *lines, "</picture>"])


def _mixed(files: Sequence[Shown], alt: str, lang: str | None) -> str:
    """An ``<img>`` whose sizes are each in the one format that there is of them: every browser of today reads them all."""
    largest = max(files, key=lambda file: (-file.scale, file.size))
    several = len({file.size for file in files}) > 1
    text = ", ".join(_candidate(file, several) for file in sorted(files, key=lambda file: file.width))
    sizes = f"(max-width: {largest.size[0]}px) 100vw, {largest.size[0]}px" if several else None
    return _img(largest.url, largest.size, alt, text, sizes, lang)


def scheme_sources(files: Sequence[Shown], scheme: str) -> str:
    """``<source>`` elements that show ``files`` to those who prefer the colour ``scheme``: for the head of a ``<picture>``."""
    several = len({file.size for file in files}) > 1
    widest = max((file.size[0] for file in files), default=0)
    sizes = f"(max-width: {widest}px) 100vw, {widest}px" if several else None
    media = f"(prefers-color-scheme: {scheme})"
    lines = [
        f"  <source{_attributes({'media': media, 'type': MIME[kind], 'srcset': text, 'sizes': sizes})}>"
        for kind, text in srcsets(files).items()
    ]
    return "\n".join(lines)


def icon_html(url: str, sides: Sequence[int]) -> str:
    """The ``<link>`` that makes an ICO file a site's icon."""
    words = " ".join(f"{side}x{side}" for side in sides)
    return f'<link rel="icon" href="{escape(url)}" sizes="{words}">'


def share_html(file: Shown, alt: str) -> str:
    """The ``<meta>`` elements that make ``file`` the picture of a shared link (https://ogp.me, section Structured Properties).

    Who shares it asks from elsewhere, so its address has to be whole: the folder's own is needed for that.
    """
    told = {
        "og:image": file.url,
        "og:image:type": MIME[file.format],
        "og:image:width": str(file.width),
        "og:image:height": str(round(file.width * file.size[1] / file.size[0])),
        **({"og:image:alt": alt} if alt else {}),
    }
    lines = [f"<meta{_attributes({'property': name, 'content': value})}>" for name, value in told.items()]
    return "\n".join([*lines, '<meta name="twitter:card" content="summary_large_image">'])


def _candidate(file: Shown, several: bool) -> str:
    where = file.url
    if several:
        return f"{where} {file.width}w"
    return where if file.scale == 1 else f"{where} {file.scale:g}x"


def _source(kind: str, text: str, sizes: str | None) -> str:
    return f"  <source{_attributes({'type': MIME[kind], 'srcset': text, 'sizes': sizes})}>"


def _img(
    url: str,
    size: tuple[int, int] | None,
    alt: str,
    text: str | None = None,
    sizes: str | None = None,
    lang: str | None = None,
) -> str:
    several = text if text is not None and (" " in text or "," in text) else None
    attributes = {
        "src": url,
        "srcset": several,
        "sizes": sizes if several else None,
        "width": str(size[0]) if size else None,
        "height": str(size[1]) if size else None,
        "alt": alt,
        "lang": lang if alt else None,
        "loading": "lazy",
        "decoding": "async",
    }
    return f"<img{_attributes(attributes)}>"


def _attributes(values: Mapping[str, str | None]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value is not None)
