"""What a file carries: an invisible mark and Content Credentials. A visible mark is for eyes, and is not claimed."""

from __future__ import annotations

from typing import Any

from imajin_cli.contract.errors import InputError, MissingError
from imajin_cli.stages.imaging.decode import Limits, decode


def carried(data: bytes) -> dict[str, Any]:
    """What the picture in ``data`` carries. Raises InputError where it is none."""
    from imajin_cli.stages.imaging.marking.codeword import shown
    from imajin_cli.stages.imaging.marking.invisible import read

    picture = decode(data, Limits())
    found = None if picture.svg is not None else read(picture.image)
    told: dict[str, Any] = {"format": picture.format, "c2pa": _credentials(data)}
    if found is None:
        why = "a vector has no pixels" if picture.svg is not None else "none that can be read"
        return {**told, "invisible": None, "why": why}
    word, heard = found
    mark = {
        "payload": shown(word.payload),
        "hex": word.payload.hex(),
        "bits": round(heard.bits, 4),
        "cells": round(heard.cells, 4),
        "corrected": word.corrected,
    }
    return {**told, "invisible": mark}


def _credentials(data: bytes) -> dict[str, Any] | None:
    """What the manifest inside the file is worth, None where it holds none."""
    from imajin_cli.stages.provenance.verify import checked

    try:
        found = checked(data, None, None, None)
    except (InputError, MissingError) as error:
        return {"status": "unchecked", "why": error.message}
    return None if found.status == "gone" else found.as_json()
