"""PNG as the format of intermediate pictures and of pipes: pixels, and the sidecar in an iTXt chunk."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIDECAR_KEY = "imajin.sidecar"
VECTOR_KEY = "imajin.vector"
SCENE_KEY = "imajin.scene"
MAX_TEXT = 16 << 20


def encode_png(image: Image, texts: Mapping[str, str] | None = None, *, level: int = 1) -> bytes:
    """``image`` as PNG bytes, with ``texts`` (keyword → text) as compressed iTXt chunks.

    The default level is the fastest: an intermediate picture is read once or twice and thrown away.
    """
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in (texts or {}).items():
        info.add_itxt(key, text, zip=True)
    buffer = io.BytesIO()
    # What Pillow remembers of the file that the pixels came from is no part of the picture.
    image.save(buffer, "PNG", compress_level=level, pnginfo=info, icc_profile=None, transparency=None)
    return buffer.getvalue()


def read_texts(data: bytes) -> dict[str, str]:
    """The iTXt chunks of ours in PNG ``data``: keyword → text. Malformed or oversized ones are left out."""
    found: dict[str, str] = {}
    for kind, body in _chunks(data):
        keyword = bytes(body[:32]).partition(b"\0")[0].decode("latin-1") if kind == b"iTXt" else ""
        # The first of each name alone: a file of many would be as many times the bound.
        if keyword in (SIDECAR_KEY, VECTOR_KEY, SCENE_KEY) and keyword not in found:
            text = _text(bytes(body))
            if text is not None:
                found[keyword] = text
    return found


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Type and body of each chunk; the body is a view: pixels are not copied to find a text."""
    if not data.startswith(SIGNATURE):
        return
    view = memoryview(data)
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        yield kind, view[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            return


def _text(body: bytes) -> str | None:
    """The text of an iTXt body (PNG specification, 11.3.3.4), or None where it is malformed or too large."""
    _, _, rest = body.partition(b"\0")
    if len(rest) < 2:
        return None
    compressed, rest = rest[0], rest[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, text = rest.partition(b"\0")
    try:
        if compressed:
            inflater = zlib.decompressobj()
            text = inflater.decompress(text, MAX_TEXT)
            if inflater.unconsumed_tail:
                return None
        return text.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return None
