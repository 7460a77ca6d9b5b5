"""Frames in a file and sizes that headers claim, counted without decoding anything, in bounded time."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imajin_cli.contract.errors import InputError

_MAX_BLOCKS = 2_000_000


def gif_frames(data: bytes, limit: int) -> tuple[int, bool]:
    """Frames of a GIF (counting stops past ``limit``) and whether its trailer was found (GIF89a, sections 18 to 27)."""
    at = 13 + _table(data[10] if len(data) > 10 else 0)
    count = blocks = 0
    while at < len(data) and count <= limit:
        kind = data[at]
        if kind == 0x3B:
            return count, True
        if kind == 0x2C:
            count += 1
            at += 11 + _table(data[at + 9] if at + 9 < len(data) else 0)
        elif kind == 0x21:
            at += 2
        else:
            break
        while at < len(data) and data[at]:
            at += data[at] + 1
            blocks += 1
            if blocks > _MAX_BLOCKS:
                raise InputError("the GIF is cut into more blocks than a picture needs")
        at += 1
    return count, False


def _table(flags: int) -> int:
    """Bytes of the colour table that a packed field announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def tiff_frames(data: bytes, limit: int) -> int:
    """Pages of a TIFF or BigTIFF: its chain of directories, followed until it ends, loops or passes ``limit``."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\x00", b"\x00+")
    offset_format, count_format, entry = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(offset_format, data, 8 if big else 4)
        while at and at not in seen and len(seen) <= limit:
            seen.add(at)
            (entries,) = struct.unpack_from(count_format, data, at)
            (at,) = struct.unpack_from(offset_format, data, at + struct.calcsize(count_format) + entry * entries)
    except struct.error:  # the chain runs out of the file: what was found so far is what there is
        return len(seen)
    return len(seen)


def claimed_sizes(data: bytes, kind: str) -> Iterator[tuple[int, int]]:
    """Sizes in pixels that a WebP's or an ICO's own headers claim: opening these allocates before it can be asked."""
    if kind == "WEBP":
        size = _webp_size(data)
        if size:
            yield size
    elif kind == "ICO" and len(data) >= 6:
        for index in range(int.from_bytes(data[4:6], "little")):
            entry = data[6 + 16 * index : 22 + 16 * index]
            if len(entry) < 16:
                return
            at = int.from_bytes(entry[12:16], "little")
            yield _ico_size(data[at : at + 24])


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Canvas of a WebP (RFC 9649 sections 2.5 to 2.7)."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return None


def _ico_size(head: bytes) -> tuple[int, int]:
    """Size of one picture of an ICO: a whole PNG, or a bitmap header whose height counts the mask too."""
    if head[:4] == b"\x89PNG":
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    width, height = int.from_bytes(head[4:8], "little", signed=True), int.from_bytes(head[8:12], "little", signed=True)
    return abs(width), max(1, abs(height) // 2)
