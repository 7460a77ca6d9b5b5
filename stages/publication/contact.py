"""A contact sheet: pictures side by side in rows, with what is to be said of each under it, as one PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from imajin_cli.contract.errors import InputError, MissingError

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.typeset.fit import Fitted

# Colours of the review page in its light scheme; each ink has 4.5:1 or more on what is behind it.
_PAPER, _INK, _FAINT, _LINE = "#ffffff", "#16191f", "#596273", "#d9dde4"
_BAD = "#b3261e"
_TONES = {"good": ("#17703c", "#e3f4e9"), "bad": (_BAD, "#fce8e6"), "warn": ("#8a5300", "#fdf0d8")}
_DARK = "#12151b"
_MARGIN, _GAP = 24, 18
_LEADING = 1.35
# Width of a cell in px, by how many columns there are at most.
_WIDTHS = ((3, 320), (5, 280), (8, 240))
_LEAST = 200
MOST_SIDE = 30_000


@dataclass(frozen=True)
class Picture:
    """A cell: its picture as a file's bytes, None where there is none; ``reason`` and ``hint`` say why, or what was wrong."""

    name: str
    verdict: str
    tone: Literal["good", "bad", "warn"]
    raster: bytes | None = None
    dark: bool = False
    lines: Sequence[str] = ()
    reason: str | None = None
    hint: str | None = None


@dataclass
class _Drawing:
    """What has been drawn so far: SVG parts, and pictures with the place of their upper left corner."""

    parts: list[str] = field(default_factory=list)
    pictures: list[tuple[Image, int, int]] = field(default_factory=list)

    def box(self, x: float, y: float, w: float, h: float, fill: str, stroke: str = "none", radius: float = 8) -> None:
        """A rectangle with round corners."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius}" fill="{fill}" stroke="{stroke}"/>'
        )

    def text(
        self, text: str, x: float, y: float, width: float, size: float, fill: str, *, weight: int = 400, lines: int = 1
    ) -> tuple[float, float]:
        """Set ``text`` from the upper left corner (x, y), what takes more than ``lines`` cut; gives the width and height used."""
        if not text.strip():
            return 0.0, 0.0
        try:
            return self._set(text, x, y, width, size, fill, weight, lines)
        except MissingError:  # no font here has all of it
            plain = text.encode("ascii", "backslashreplace").decode()
            return self._set(plain, x, y, width, size, fill, weight, lines)

    def _set(
        self, text: str, x: float, y: float, width: float, size: float, fill: str, weight: int, lines: int
    ) -> tuple[float, float]:
        from imajin_cli.stages.imaging.typeset.model import UNITS
        from imajin_cli.stages.imaging.typeset.setting import SetLine

        found = _fitted(text, width, size, weight, lines)
        k, step, right = size / UNITS, size * _LEADING, 0.0
        for number, cut in enumerate(found.cuts):
            line = found.paragraph.line(cut.start, cut.end, hyphen=cut.hyphen, suffix=cut.suffix)
            free = width - line.width * k if found.paragraph.rtl else 0.0
            baseline = y + number * step + (step + found.paragraph.cap_height * k) / 2
            self.parts.append(SetLine(line, x + free - line.ink[0] * k, baseline, size).path(fill))
            right = max(right, line.width * k)
        return right, step * len(found.cuts)


def _fitted(text: str, width: float, size: float, weight: int, lines: int) -> Fitted:
    """``text`` broken into lines of ``width``. Raises MissingError where no font here has it, InputError where none fits."""
    from imajin_cli.stages.backends.fonts import Library
    from imajin_cli.stages.imaging.typeset.fit import Block, Limits, truncate
    from imajin_cli.stages.imaging.typeset.model import Style
    from imajin_cli.stages.imaging.typeset.paragraph import Paragraph
    from imajin_cli.stages.imaging.typeset.words import language_of

    language = language_of(text, None)
    fonts = Library(language=language, axes={"wght": weight, "opsz": 14})
    block = Block.of(Paragraph(text, Style(language, _LEADING), fonts), Limits(size, size, lines))
    found = truncate([block], (width, 2 * _LEADING * size * lines + block.height(1, size)), 0)
    if not found:
        raise InputError("a contact sheet has no room for its words")
    return found[0]


def sheet(title: str, rows: Sequence[tuple[str, Sequence[Picture]]]) -> bytes:
    """The sheet as PNG: under ``title`` each row's heading, then its cells. The same rows give the same bytes.

    Raises InputError for no cell at all, a picture that cannot be read, or a sheet of more than `MOST_SIDE` pixels a side.
    """
    columns = max((len(cells) for _, cells in rows), default=0)
    if columns == 0:
        raise InputError("a contact sheet needs a picture")
    cell = next((width for most, width in _WIDTHS if columns <= most), _LEAST)
    width = max(columns * (cell + _GAP) - _GAP, 320) + 2 * _MARGIN
    drawing = _Drawing()
    y = float(_MARGIN)
    y += drawing.text(title, _MARGIN, y, width - 2 * _MARGIN, 20, _INK, weight=700, lines=2)[1] + 6
    for heading, cells in rows:
        y += 18
        y += drawing.text(heading, _MARGIN, y, width - 2 * _MARGIN, 16, _INK, weight=600, lines=2)[1] + 10
        y += max(_cell(drawing, one, _MARGIN + at * (cell + _GAP), y, cell) for at, one in enumerate(cells)) + 8
    return _png(drawing, width, round(y + _MARGIN))


def _cell(drawing: _Drawing, one: Picture, x: float, y: float, width: int) -> float:
    """Draw a cell; gives its height."""
    start = y
    if one.raster is None:
        _absent(drawing, one, x, y, width)
    else:
        drawing.box(x + 0.5, y + 0.5, width - 1, width - 1, _DARK if one.dark else _PAPER, _LINE)
        image = _small(one.raster, width - 16)
        place = (round(x) + (width - image.width) // 2, round(y) + (width - image.height) // 2)
        drawing.pictures.append((image, *place))
    y += width + 8
    y += drawing.text(one.name, x, y, width, 15, _INK, weight=600)[1] + 4
    ink, ground = _TONES[one.tone]
    at = len(drawing.parts)
    wide, high = drawing.text(one.verdict, x + 9, y + 1, width - 18, 13, ink, weight=600)
    drawing.box(x, y, wide + 18, high + 2, ground, radius=9)
    # Behind its words, which had to be measured first.
    drawing.parts.insert(at, drawing.parts.pop())
    y += high + 8
    for line in one.lines:
        y += drawing.text(line, x, y, width, 13, _FAINT, lines=2)[1]
    if one.raster is not None and one.reason:
        y += drawing.text(one.reason, x, y, width, 13, _BAD, lines=3)[1]
    return y - start


def _absent(drawing: _Drawing, one: Picture, x: float, y: float, width: int) -> None:
    """Why there is no picture, in its place."""
    drawing.box(x + 0.5, y + 0.5, width - 1, width - 1, "#f6f7f9", _LINE)
    inner = width - 36
    at = y + 18
    at += drawing.text(one.reason or "There is no picture.", x + 18, at, inner, 14, _INK, lines=6)[1] + 8
    if one.hint:
        drawing.text(one.hint, x + 18, at, inner, 14, _INK, weight=600, lines=5)


def _small(data: bytes, side: int) -> Image:
    """A picture at most ``side`` pixels a side. Raises InputError."""
    from imajin_cli.stages.imaging.decode import decode
    from imajin_cli.stages.imaging.limits import Limits
    from imajin_cli.stages.imaging.resample import resized

    image = decode(data, Limits(svg_side=side)).image
    scale = min(1.0, side / max(image.size))
    return resized(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _png(drawing: _Drawing, width: int, height: int) -> bytes:
    from PIL import Image

    from imajin_cli.stages.backends.resvg import render
    from imajin_cli.stages.imaging.typeset.overlay import document

    if max(width, height) > MOST_SIDE:
        raise InputError(f"a contact sheet of {width}x{height} pixels is too large", hint="compare fewer at once")
    whole = Image.new("RGBA", (width, height), _PAPER)
    whole.alpha_composite(render(document((width, height), "".join(drawing.parts)), width, height))
    for image, x, y in drawing.pictures:
        whole.alpha_composite(image.convert("RGBA"), (x, y))
    out = io.BytesIO()
    whole.convert("RGB").save(out, "PNG", optimize=True)
    return out.getvalue()
