"""What a file carries: an invisible mark, as far as one can be read. A visible one is for eyes, and is not claimed."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.imaging.decode import Limits, decode


def carried(data: bytes) -> dict[str, Any]:
    """What the picture in ``data`` carries. Raises InputError where it is none."""
    from imajin_cli.stages.imaging.marking.codeword import shown
    from imajin_cli.stages.imaging.marking.invisible import read

    picture = decode(data, Limits())
    found = None if picture.svg is not None else read(picture.image)
    if found is None:
        why = "a vector has no pixels" if picture.svg is not None else "none that can be read"
        return {"format": picture.format, "invisible": None, "why": why}
    word, heard = found
    told = {
        "payload": shown(word.payload),
        "hex": word.payload.hex(),
        "bits": round(heard.bits, 4),
        "cells": round(heard.cells, 4),
        "corrected": word.corrected,
    }
    return {"format": picture.format, "invisible": told}
