"""A block of text, shaped once: its pieces between line breaks with their widths, and lines set from them."""

from __future__ import annotations

from dataclasses import dataclass

from imajin_cli.contract.errors import MissingError
from imajin_cli.stages.imaging.typeset import bidi
from imajin_cli.stages.imaging.typeset.breaks import SOFT_HYPHEN, opportunities
from imajin_cli.stages.imaging.typeset.itemize import (
    block_level,
    embedding_levels,
    runs,
)
from imajin_cli.stages.imaging.typeset.model import (
    UNITS,
    Fonts,
    Glyph,
    Line,
    Placed,
    Run,
    Style,
)

# Scripts whose letters join: they are never spaced apart.
_JOINED = frozenset({"Arab", "Syrc", "Mong", "Nkoo", "Deva", "Beng", "Guru", "Gujr", "Orya", "Khmr"})


@dataclass(frozen=True)
class Piece:
    """Text[start:end] that stays on one line. ``width`` is without the ``space`` at its end; what ends it follows."""

    start: int
    end: int
    width: int
    space: int
    cost: int
    must: bool
    hyphen: bool


class Paragraph:
    """``text`` in one ``style``. ``pieces`` are in logical order; ``rtl`` is the direction of the whole."""

    def __init__(self, text: str, style: Style, fonts: Fonts) -> None:
        self.text, self.style, self.fonts = text, style, fonts
        self.base = block_level(text, style)
        self._levels = embedding_levels(text, self.base)
        self._runs = runs(text, self._levels, fonts)
        self.ink_range = (0, 0)
        self._advances = self._measure()
        self.hyphen_width = self._hyphen_width() if SOFT_HYPHEN in text else 0
        self.pieces = self._pieces()
        self.cap_height = fonts.base().cap_height

    @property
    def rtl(self) -> bool:
        """Whether the block reads from right to left."""
        return self.base == 1

    def _shape(self, run: Run, start: int, end: int, text: str | None = None) -> list[Glyph]:
        source = self.text if text is None else text
        ligatures = self.style.tracking == 0 or run.script in _JOINED
        language = self.style.language
        glyphs = list(
            run.face.shape(
                source, start, end, rtl=run.level % 2 == 1, script=run.script, language=language, ligatures=ligatures
            )
        )
        for glyph in glyphs:
            if glyph.gid == 0:
                char = source[glyph.cluster]
                raise MissingError(f"the font {run.face.label} cannot set U+{ord(char):04X}", hint="--font FILE.ttf")
        return glyphs

    def _tracking(self, run: Run) -> int:
        return 0 if run.script in _JOINED else round(self.style.tracking * UNITS)

    def _measure(self) -> list[int]:
        """Advance of the text up to each index: the width of text[a:b] is sums[b] - sums[a]."""
        widths = [0] * (len(self.text) + 1)
        low = high = 0
        for run in self._runs:
            extra = self._tracking(run)
            for glyph in self._shape(run, run.start, run.end):
                widths[glyph.cluster + 1] += glyph.advance + (extra if glyph.advance else 0)
                box = run.face.extents(glyph.gid)
                if box:
                    low, high = min(low, box[1] + glyph.dy), max(high, box[3] + glyph.dy)
        # Lowest and highest ink of any glyph, from the baseline.
        self.ink_range = (low, high)
        for i in range(len(self.text)):
            widths[i + 1] += widths[i]
        return widths

    def _hyphen_width(self) -> int:
        return sum(g.advance for g in self._shape(self._hyphen_run(), 0, 1, "-"))

    def _hyphen_run(self) -> Run:
        return Run(0, 1, self.base, "Latn", self.fonts.face("-", "Latn"))

    def _pieces(self) -> list[Piece]:
        out, start, length = [], 0, len(self.text)
        for place in opportunities(self.text):
            out.append(self._piece(start, place.at, place.cost, place.must, place.hyphen))
            start = place.at
        if start < length:
            out.append(self._piece(start, length, 0, True, False))
        return out

    def _piece(self, start: int, end: int, cost: int, must: bool, hyphen: bool) -> Piece:
        body = start + len(self.text[start:end].rstrip())
        sums = self._advances
        return Piece(start, end, sums[body] - sums[start], sums[end] - sums[body], cost, must, hyphen)

    def cut(self, start: int, end: int) -> str:
        """What a line over text[start:end] says: no white space at its ends."""
        return self.text[start:end].strip(" \n\u3000")

    def line(self, start: int, end: int, *, hyphen: bool = False, suffix: str = "") -> Line:
        """Set text[start:end] as one line, starting at x = 0, with a hyphen or a ``suffix`` ("…") at its end."""
        body = self.text[start:end]
        end = start + len(body.rstrip(" \n\u3000"))
        start += len(body) - len(body.lstrip(" \n\u3000"))
        levels = bidi.line_levels(self.text[start:end], self._levels[start:end], self.base)
        inside = self._clip(start, end, levels)
        tail = "-" if hyphen else suffix
        order = bidi.visual_order([run.level for run in inside] + ([self.base] if tail else []))
        glyphs: list[Placed] = []
        x = 0
        for at in order:
            if at < len(inside):
                run = inside[at]
                x = self._place(glyphs, run, self._shape(run, run.start, run.end), x)
            else:
                run = Run(0, len(tail), self.base, "Zyyy", self.fonts.face(tail[0], "Latn"))
                x = self._place(glyphs, run, self._shape(run, 0, len(tail), tail), x)
        return Line(self.text[start:end].replace(SOFT_HYPHEN, "") + tail, glyphs, _ink(glyphs, x))

    def _clip(self, start: int, end: int, levels: list[int]) -> list[Run]:
        """The runs that lie on a line, cut to it and to its own levels."""
        out: list[Run] = []
        for run in self._runs:
            a, b = max(run.start, start), min(run.end, end)
            while a < b:
                level = levels[a - start]
                c = a
                while c < b and levels[c - start] == level:
                    c += 1
                out.append(Run(a, c, level, run.script, run.face))
                a = c
        return out

    def _place(self, into: list[Placed], run: Run, glyphs: list[Glyph], x: int) -> int:
        extra = self._tracking(run)
        for glyph in glyphs:
            into.append(Placed(run.face, glyph.gid, x + glyph.dx, glyph.dy))
            x += glyph.advance + (extra if glyph.advance else 0)
        return x


def _ink(glyphs: list[Placed], advance: int) -> tuple[int, int, int, int]:
    boxes = []
    for glyph in glyphs:
        box = glyph.face.extents(glyph.gid)
        if box:
            boxes.append((glyph.x + box[0], glyph.y + box[1], glyph.x + box[2], glyph.y + box[3]))
    if not boxes:
        return 0, 0, advance, 0
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
