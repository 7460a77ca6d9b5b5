"""Whether a control map can be of the kind that a ControlNet reads: told by the ControlNet's name, seen by plain statistics.

A photograph handed to a ControlNet for poses makes a picture without an error, and a bad one; what is clearly of another
kind is refused. A ControlNet whose name says nothing, or that reads several kinds, is not judged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

_KINDS = (
    ("lines", ("canny", "softedge", "soft", "hed", "pidi", "lineart", "scribble", "mlsd", "sketch")),
    ("depth", ("depth", "midas", "zoe")),
    ("normal", ("normal", "normalbae")),
    ("pose", ("openpose", "pose", "dwpose")),
    ("segmentation", ("seg", "segmentation")),
)
_SIDE = 128
# Levels of 255 between the largest and the least channel, on average: beneath it a map has no colour.
_GREY = 10.0
_DARK = 40
_FLAT_COLOURS = 48


def kind_of(name: str) -> str | None:
    """The kind of map that a ControlNet called ``name`` reads; None where its name does not say, or says several."""
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    found = [kind for kind, marks in _KINDS if words & set(marks)]
    return found[0] if len(found) == 1 else None


def check_map(name: str, path: str, image: Image) -> None:
    """Raise InputError where ``image`` (RGB), read from ``path``, is clearly no map for the ControlNet called ``name``."""
    kind = kind_of(name)
    why = None if kind is None else _wrong(kind, image)
    if why is not None:
        raise InputError(f"{path}: no {kind} map, as {name} reads them: {why}", hint="a map of that kind, or another ControlNet")


def _wrong(kind: str, image: Image) -> str | None:
    import numpy as np
    from PIL import Image as Pil

    # Nearest neighbours: averaging would make colours that no map has.
    small = np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Pil.Resampling.NEAREST), np.int16)
    colourful = float((small.max(2) - small.min(2)).mean()) > _GREY
    match kind:
        case "lines":
            if colourful:
                return "it has colours"
            return "its lines must be bright on dark" if float(small.mean()) > 128 else None
        case "depth":
            return "it has colours" if colourful else None
        case "normal":
            length = np.linalg.norm(small / 127.5 - 1, axis=2)
            # Of random colours three in ten are of that length.
            ones = float(((length > 0.85) & (length < 1.15)).mean())
            return None if ones >= 0.6 else "its colours are no directions"
        case "pose":
            dark = float((small.max(2) < _DARK).mean())
            return None if dark >= 0.5 else "a pose is drawn on black"
        case _:
            _, counts = np.unique(small.reshape(-1, 3), axis=0, return_counts=True)
            flat = float(np.sort(counts)[::-1][:_FLAT_COLOURS].sum() / counts.sum())
            return None if flat >= 0.8 else "it has no flat colours"
