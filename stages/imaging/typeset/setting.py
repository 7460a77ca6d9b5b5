"""Fitted text as placed lines in pixels, and as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imajin_cli.stages.imaging.typeset.fit import Block, Fitted
from imajin_cli.stages.imaging.typeset.model import UNITS, Align, Ink, Line


@dataclass(frozen=True)
class SetLine:
    """A line at its place: ``x`` of its origin and ``y`` of its baseline in px, at ``size`` px to the em."""

    line: Line
    x: float
    y: float
    size: float

    @property
    def ink(self) -> Ink:
        """(x0, y0, x1, y1) of what is drawn, in px, y downwards."""
        k = self.size / UNITS
        x0, y0, x1, y1 = self.line.ink
        return self.x + x0 * k, self.y - y1 * k, self.x + x1 * k, self.y - y0 * k

    def path(self, fill: str) -> str:
        """The line as one SVG path element."""
        scale = self.size / UNITS
        data = "".join(f"M{g.x} {g.y}{outline}" for g in self.line.glyphs if (outline := g.face.outline(g.gid)))
        return (
            f'<path fill="{fill}" transform="translate({self.x:.2f} {self.y:.2f}) scale({scale:.6f} {-scale:.6f})" '
            f'd="{data}"/>'
        )


@dataclass(frozen=True)
class SetBlock:
    """A block of set lines (a headline or a caption)."""

    lines: Sequence[SetLine]
    size: float
    text: str

    @property
    def ink(self) -> Ink:
        """(x0, y0, x1, y1) of what is drawn, in px."""
        boxes = [line.ink for line in self.lines]
        return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)

    def svg(self, fill: str) -> str:
        """The block's lines as path elements."""
        return "".join(line.path(fill) for line in self.lines)


def place(
    blocks: Sequence[Block], fitted: Sequence[Fitted], box: tuple[float, float, float, float], align: Align, gap: float
) -> list[SetBlock]:
    """Set fitted blocks under one another in the middle of ``box`` (x, y, w, h in px), ``gap`` em of the last apart.

    Lines are aligned by their ink, so that a "T" and an "H" start on one edge.
    """
    x, y, w, h = box
    out: list[SetBlock] = []
    top = 0.0
    for block, one in zip(blocks, fitted, strict=True):
        lines = [one.paragraph.line(c.start, c.end, hyphen=c.hyphen, suffix=c.suffix) for c in one.cuts]
        size = min(one.size, *(w * UNITS / max(1, line.width) for line in lines))
        k = size / UNITS
        baseline = top + max(lines[0].ink[3], one.paragraph.cap_height) * k
        placed = []
        for n, line in enumerate(lines):
            placed.append(
                SetLine(
                    line, x + _shift(line, w / k, align, one.paragraph.rtl) * k, baseline + n * block.advance * k, size
                )
            )
        out.append(SetBlock(placed, size, " ".join(line.text for line in lines)))
        # From a fixed depth under the baseline, so that the gap does not hang on whether the line has a descender.
        top = placed[-1].y + block.descent * k + gap * fitted[-1].size
    height = max(out[-1].ink[3], out[-1].lines[-1].y)
    return [_moved(block, y + (h - height) / 2) for block in out]


def _shift(line: Line, width: float, align: Align, rtl: bool) -> float:
    """Where a line's origin goes within ``width`` (em units)."""
    free = width - line.width
    if align == "center":
        return free / 2 - line.ink[0]
    return (free if (align == "end") != rtl else 0.0) - line.ink[0]


def _moved(block: SetBlock, dy: float) -> SetBlock:
    lines = [SetLine(line.line, line.x, line.y + dy, line.size) for line in block.lines]
    return SetBlock(lines, block.size, block.text)


def group(blocks: Sequence[SetBlock], fills: Sequence[str], under: str = "") -> str:
    """The SVG group of a text layer: ``under`` (a plate) first; its label says the words to who cannot see them."""
    label = _quoted(" — ".join(block.text for block in blocks))
    body = "".join(block.svg(fill) for block, fill in zip(blocks, fills, strict=True))
    return f'<g data-layer="text" role="img" aria-label={label}>{under}{body}</g>'


def _quoted(text: str) -> str:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return f'"{text}"'


def union(blocks: Sequence[SetBlock]) -> Ink:
    """(x0, y0, x1, y1) of all that is drawn, in px."""
    boxes = [block.ink for block in blocks]
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
