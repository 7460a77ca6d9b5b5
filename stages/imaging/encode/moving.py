"""Frames as an animated PNG or WebP that runs for ever."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageSequence

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.imaging.encode.check import differences

# What a lossy frame may look unlike its picture, 0..1, where it does most.
_MAX_CELL = 0.25


def encode_apng(frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> bytes:
    """An animated PNG of RGBA ``frames``, each shown for so many milliseconds; every pixel kept."""
    return _saved(frames, "PNG", duration=list(milliseconds), loop=0, disposal=0, blend=0, compress_level=9)


def encode_moving_webp(
    frames: Sequence[Image.Image], milliseconds: Sequence[int], quality: int, *, flat: bool
) -> bytes:
    """An animated WebP of RGBA ``frames``: lossy at ``quality``; without loss where the art is ``flat`` and that is smaller."""
    settings = {"duration": list(milliseconds), "loop": 0, "method": 4}
    lossy = _saved(frames, "WEBP", quality=quality, alpha_quality=100, **settings)
    if not flat:
        return lossy
    exact = _saved(frames, "WEBP", lossless=True, quality=60, **settings)
    return min(lossy, exact, key=len)


def durations(seconds: float, count: int) -> list[int]:
    """Whole milliseconds of ``count`` frames that add up to ``seconds``."""
    edges = [round(1000 * seconds * at / count) for at in range(count + 1)]
    return [after - before for before, after in pairwise(edges)]


def check_moving(data: bytes, kind: str, frames: Sequence[Image.Image], seconds: float) -> None:
    """Hold an animated file of ``kind`` (png, webp) against its frames: how long it runs, and how it looks at each moment.

    An encoder may join frames that are alike. Raises BackendError.
    """
    try:
        file = Image.open(io.BytesIO(data), formats=[kind.upper()])
        found = [(frame.convert("RGBA"), int(frame.info.get("duration", 0))) for frame in ImageSequence.Iterator(file)]
    except (OSError, SyntaxError, ValueError) as error:
        raise BackendError(f"the animated {kind} file cannot be read back: {str(error)[:120]}") from error
    total = sum(duration for _, duration in found)
    if abs(total - seconds * 1000) > len(frames):
        raise BackendError(f"the animated {kind} file runs for {total} ms instead of {seconds * 1000:g}")
    ends, at = [], 0
    for _, duration in found:
        at += duration
        ends.append(at)
    shown = durations(seconds, len(frames))
    moment = 0.0
    for frame, duration in zip(frames, shown, strict=True):
        which = next((i for i, end in enumerate(ends) if end > moment + duration / 2), len(found) - 1)
        if found[which][0].size != frame.size or differences(found[which][0], frame)[1] > _MAX_CELL:
            raise BackendError(f"the animated {kind} file looks unlike its frame at {moment:g} ms")
        moment += duration


def _saved(frames: Sequence[Image.Image], kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    first, *rest = frames
    first.save(buffer, kind, save_all=True, append_images=rest, **settings)
    return buffer.getvalue()
