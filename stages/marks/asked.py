"""The invisible mark that a sidecar asks for, and each published file held to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.sidecar import Sidecar

if TYPE_CHECKING:
    from PIL.Image import Image

STAGE = "watermark"
INVISIBLE = "invisible"
# Formats whose pixels can carry the mark; an SVG has none, and an icon's pictures are too small.
_CARRIERS = frozenset({"png", "webp", "avif", "jpeg"})
_CANNOT = {"svg": "a vector has no pixels", "ico": "the pictures of an icon are too small"}


def payload_of(sidecar: Sidecar) -> bytes | None:
    """The payload that the latest record of `watermark` asks for, None where there is none of that.

    A sidecar is data: a payload that none of ours could be is none.
    """
    from imajin_cli.stages.imaging.marking.codeword import PayloadError, parse_payload

    record = next((record for record in reversed(sidecar.stages) if record.stage == STAGE), None)
    told = record.notes.get(INVISIBLE) if record is not None and record.status != "rejected" else None
    text = told.get("payload") if isinstance(told, Mapping) else None
    if not isinstance(text, str) or len(text) > 32:
        return None
    try:
        return parse_payload(text)
    except PayloadError:
        return None


class Marker:
    """Puts an asset's invisible mark into each size that is drawn anew, and reads it back from each file."""

    def __init__(self, payload: bytes | None) -> None:
        self.payload = payload
        self._why: dict[tuple[int, int], str] = {}

    def marked(self, image: Image) -> Image:
        """``image`` with the mark, or as it is where there is no payload or it cannot carry it."""
        if self.payload is None:
            return image
        from imajin_cli.stages.imaging.marking.invisible import mark

        done = mark(image, self.payload)
        if done.why is not None:
            self._why[image.size] = done.why
        return done.image

    def told(self, image: Image | None, kind: str) -> dict[str, Any] | None:
        """What the manifest says of a file of ``kind`` that decodes to ``image``; None where no mark was asked for."""
        if self.payload is None:
            return None
        from imajin_cli.stages.imaging.marking.codeword import shown
        from imajin_cli.stages.imaging.marking.invisible import hear

        told: dict[str, Any] = {"payload": shown(self.payload)}
        if kind not in _CARRIERS or image is None:
            return {**told, "read": False, "why": f"not markable: {_CANNOT.get(kind, 'it holds no pixels to mark')}"}
        heard = hear(_with_channels(image), self.payload)
        told |= {"read": heard.read, "bits": round(heard.bits, 4), "cells": round(heard.cells, 4)}
        if not heard.read:
            why = self._why.get(image.size)
            told["why"] = f"not markable: {why}" if why is not None else "the encoding cost too many of its bits"
        return told


def _with_channels(image: Image) -> Image:
    """``image`` in a mode that marks are read in: a palette becomes what it stands for."""
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
