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
    image.save(buffer, "PNG", compress_level=level, pnginfo=info)
    return buffer.getvalue()


def read_texts(data: bytes) -> dict[str, str]:
    """The iTXt chunks of ours in PNG ``data``: keyword → text. Malformed or oversized ones are left out."""
    found: dict[str, str] = {}
    for kind, body in _chunks(data):
        if kind == b"iTXt" and body.startswith(b"imajin."):
            entry = _text(body)
            if entry is not None:
                found[entry[0]] = entry[1]
    return found


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        return
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            return


def _text(body: bytes) -> tuple[str, str] | None:
    """Keyword and text of an iTXt body (PNG specification, 11.3.3.4), or None where it is malformed or too large."""
    keyword, _, rest = body.partition(b"\0")
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
        return keyword.decode("latin-1"), text.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return None
