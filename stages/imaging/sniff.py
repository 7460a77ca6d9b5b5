"""What a file is, by its first bytes; its name is never asked."""

from __future__ import annotations

import re

# Offset and bytes, first match wins. WebP and AVIF are told by a second mark, below.
_MAGIC: tuple[tuple[str, int, bytes], ...] = (
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("WEBP", 8, b"WEBP"),
    ("AVIF", 4, b"ftyp"),
    ("TIFF", 0, b"II*\x00"),
    ("TIFF", 0, b"MM\x00*"),
    ("TIFF", 0, b"II+\x00"),
    ("TIFF", 0, b"MM\x00+"),
    ("ICO", 0, b"\x00\x00\x01\x00"),
    ("BMP", 0, b"BM"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_SVG_ROOT = re.compile(r"<(?:[\w.-]+:)?svg[\s/>]")
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_PEEK = 65536


def sniff(data: bytes) -> str | None:
    """The format of ``data``: PNG, JPEG, WEBP, GIF, AVIF, BMP, TIFF, ICO or SVG; None when it is none of these."""
    for name, offset, mark in _MAGIC:
        if data[offset : offset + len(mark)] == mark:
            if name == "WEBP" and data[:4] != b"RIFF":
                continue
            if name == "AVIF" and not _is_avif(data):
                continue
            return name
    return "SVG" if _is_svg(data) else None


def _is_avif(data: bytes) -> bool:
    """Whether the brands of an ISO media file (ISO/IEC 14496-12, box ``ftyp``) name AVIF; HEIC and MP4 share the box."""
    end = min(int.from_bytes(data[:4], "big"), len(data), 512)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    return bool(brands & _AVIF_BRANDS)


def _is_svg(data: bytes) -> bool:
    head = data[:_PEEK]
    text = head.decode(_UTF16.get(head[:2], "latin-1"), "replace").lstrip("\ufeff\xef\xbb\xbf \t\r\n")
    return text.startswith("<") and _SVG_ROOT.search(text) is not None
