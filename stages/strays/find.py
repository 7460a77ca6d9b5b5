"""The marks in a picture: stock names, claims of rights, previews, signatures in a corner, what is laid over it in tiles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from imajin_cli.stages.strays.words import Wanted, generic_word, piece_of, rights, squeezed, stock_word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.backends.ocr import Line

Kind = Literal["stock", "rights", "preview", "repeated", "signature", "tiled"]
# A signature's place and size: from the sides, from top and bottom, its height and its width, in parts of the picture.
_ACROSS, _DOWN, _HIGH, _WIDE = 0.3, 0.16, 0.075, 0.42
_MOST_OTHER_LINES = 4
"""Where more text than this stands elsewhere, the picture is a page, and small text in its corner belongs to it."""
_READ = 0.5
_OVER = (0.35, 8.0)
"""A preview's word is laid over the picture where it is this part of it long, or turned by so many degrees."""
_TIMES = 3
_ALIKE = 20.0
"""Degrees between a repeated mark and a piece of it that is longer than high."""
_PATTERNS = frozenset(
    (
        *("pattern", "patterns", "seamless", "tile", "tiles", "tiled", "tiling", "wallpaper", "grid", "mosaic"),
        *("texture", "checkered", "chequered", "muster", "motif"),
    )
)


@dataclass(frozen=True)
class Looking:
    """What is looked for: text that was asked for, more stock words, whether signatures and tiles count."""

    wanted: Wanted
    words: tuple[str, ...] = ()
    signatures: bool = True
    tiles: bool = True


@dataclass(frozen=True)
class Mark:
    """One mark: what it is, what it says, its ``mask`` (height, width) of strokes, and its ``whole`` box where it is text."""

    kind: Kind
    text: str
    mask: NDArray[np.bool_]
    whole: NDArray[np.bool_]

    @property
    def place(self) -> list[int]:
        """Left, top, right, bottom in pixels."""
        import numpy as np

        rows, columns = np.nonzero(self.mask.any(1))[0], np.nonzero(self.mask.any(0))[0]
        return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1] if rows.size else [0, 0, 0, 0]


def marks(pixels: NDArray[np.uint8], looking: Looking) -> list[Mark]:
    """The marks in RGB ``pixels`` (height, width, 3). Raises MissingError and BackendError as the text's networks do."""
    from imajin_cli.stages.backends import inpaint
    from imajin_cli.stages.strays.reading import lines

    height, width = pixels.shape[:2]
    read = lines(pixels)
    found = [
        Mark(kind, line.text, inpaint.ink(pixels, line.box), inpaint.inside([line.box], pixels.shape, grow=0.3))
        for line, kind in _judged(read, (width, height), looking)
    ]
    # What was asked for may be a pattern, and is never taken for an overlay.
    if looking.tiles and not looking.wanted.words & _PATTERNS:
        from imajin_cli.stages.imaging.tiling import tiled

        overlay = tiled(pixels)
        if overlay is not None:
            mask = inpaint.grown(overlay.mask, 1)
            found.append(Mark("tiled", "", mask, mask))
    return found


def _judged(read: list[Line], size: tuple[int, int], looking: Looking) -> list[tuple[Line, Kind]]:
    """Each line that is a mark, and which kind."""
    free = [line for line in read if not (line.score >= _READ and looking.wanted.has(line.text))]
    said = Counter(squeezed(line.text) for line in free if line.score >= _READ)
    elsewhere = [line for line in free if line.score >= _READ and not _in_corner(line.box, size)]
    found: list[tuple[Line, Kind]] = []
    for line in free:
        kind = _kind(line, size, looking, said)
        if kind is None and looking.signatures and len(elsewhere) <= _MOST_OTHER_LINES:
            kind = "signature" if _is_signature(line, size) else None
        if kind is not None:
            found.append((line, kind))
    return found + _pieces(free, found)


def _pieces(free: list[Line], found: list[tuple[Line, Kind]]) -> list[tuple[Line, Kind]]:
    """Lines that are pieces of a mark which is there several times, turned as it is: what borders and drawings leave of it."""
    names = Counter(squeezed(line.text) for line, _ in found)
    repeated = [line for line, kind in found if kind != "signature" and names[squeezed(line.text)] > 1]
    taken = {id(line) for line, _ in found}
    return [
        (line, "repeated")
        for line in free
        if id(line) not in taken and any(_is_piece(line, whole) for whole in repeated)
    ]


def _is_piece(line: Line, whole: Line) -> bool:
    turned = abs((_turn(line.box) - _turn(whole.box) + 90) % 180 - 90)
    alike = turned <= _ALIKE or max(line.box[1]) < 1.5 * min(line.box[1])
    low = min(line.box[1]) <= 1.6 * min(whole.box[1])
    return alike and low and piece_of(line.text, squeezed(whole.text))


def _kind(line: Line, size: tuple[int, int], looking: Looking, said: Counter[str]) -> Kind | None:
    if line.score < _READ:
        return None
    body = squeezed(line.text)
    if stock_word(line.text, looking.words) is not None:
        return "stock"
    if rights(line.text):
        return "rights"
    if generic_word(line.text) is not None and (_is_laid_over(line.box, size) or said[body] > 1):
        return "preview"
    return "repeated" if len(body) >= 4 and said[body] >= _TIMES else None


def _is_laid_over(box: Any, size: tuple[int, int]) -> bool:
    return bool(max(box[1]) >= _OVER[0] * min(size) or abs(_turn(box)) >= _OVER[1])


def _turn(box: Any) -> float:
    """Degrees between a box's longer side and the horizontal, -45 to 45 and beyond for steep text."""
    (wide, high), angle = box[1], float(box[2])
    turned = angle if wide >= high else angle - 90
    return (turned + 90) % 180 - 90


def _in_corner(box: Any, size: tuple[int, int]) -> bool:
    (x, y), (width, height) = box[0], size
    return bool(min(x, width - x) <= _ACROSS * width and min(y, height - y) <= _DOWN * height)


def _is_signature(line: Line, size: tuple[int, int]) -> bool:
    """Small writing in a corner: longer than high, with two letters at least where it can be read."""
    longer, shorter = max(line.box[1]), min(line.box[1])
    letters = sum(sign.isalpha() for sign in line.text)
    small = shorter <= _HIGH * min(size) and longer <= _WIDE * size[0] and longer >= 1.6 * shorter
    return small and _in_corner(line.box, size) and abs(_turn(line.box)) <= 40 and (letters >= 2 or line.score < _READ)
