"""The largest size at which a headline and its caption fit a box, and the lines they then have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imajin_cli.stages.imaging.typeset.breaks import POOR
from imajin_cli.stages.imaging.typeset.model import UNITS
from imajin_cli.stages.imaging.typeset.paragraph import Paragraph, Piece
from imajin_cli.stages.imaging.typeset.scripts import clusters
from imajin_cli.stages.imaging.typeset.wrap import Span, balanced, filled, greedy, merged

STEP = 0.5
ELLIPSIS = "…"
# Ink of one line keeps this far from ink of the next, in em.
_CLEAR = 0.08
# A line is at least this deep below its baseline, in em, with or without descenders.
_DESCENT = 0.22
# Caption to headline, the preferred first: a long caption makes the step between the two larger.
_RATIOS = (0.46, 0.4, 0.34)
# How much smaller than the largest size text may become for better breaks.
_FAIR = 0.8


@dataclass(frozen=True)
class Limits:
    """Bounds of one block: sizes in px (smallest, largest) and the most lines it may take."""

    smallest: float
    largest: float
    lines: int

    def clamp(self, size: float) -> float:
        """``size`` within the bounds, in steps of half a pixel."""
        return min(self.largest, max(self.smallest, round(size / STEP) * STEP))


@dataclass(frozen=True)
class Cut:
    """One line: text[start:end], with a hyphen or an ellipsis after it."""

    start: int
    end: int
    hyphen: bool = False
    suffix: str = ""


@dataclass(frozen=True)
class Fitted:
    """A block's size in px and its lines."""

    paragraph: Paragraph
    size: float
    cuts: Sequence[Cut]


@dataclass(frozen=True)
class Block:
    """A paragraph, its bounds, and the ink that its tallest line may have (em units above and below the baseline)."""

    paragraph: Paragraph
    limits: Limits
    ascent: int
    descent: int
    pieces: Sequence[Piece]

    @classmethod
    def of(cls, paragraph: Paragraph, limits: Limits) -> Block:
        """Measure a paragraph's ink."""
        low, high = paragraph.ink_range
        return cls(
            paragraph, limits, max(high, paragraph.cap_height), max(round(_DESCENT * UNITS), -low), paragraph.pieces
        )

    @property
    def advance(self) -> float:
        """Distance of two baselines in em units: the style's leading, or more where the ink would touch."""
        return max(self.paragraph.style.leading * UNITS, self.ascent + self.descent + _CLEAR * UNITS)

    def height(self, lines: int, size: float) -> float:
        """Height of so many lines in px, from the top of the first one's ink to the bottom of the last one's."""
        return (self.ascent + self.descent + (lines - 1) * self.advance) * size / UNITS if lines else 0.0

    def spans(self, width: float, size: float) -> list[Span] | None:
        """The lines that it takes at ``size`` in ``width`` px, or None where it takes more than it may."""
        paragraph = self.paragraph
        return greedy(self.pieces, width * UNITS / size, paragraph.hyphen_width, self.limits.lines)

    def unbroken(self) -> Block:
        """The same block without the breaks that nobody likes, such as one between an ideograph and its kana ending."""
        return replace(self, pieces=merged(self.pieces, POOR))


def fit(blocks: Sequence[Block], box: tuple[float, float], gap: float) -> list[Fitted] | None:
    """Fit one block, or a headline and a caption ``gap`` (in em of the caption) apart, into ``box`` (w, h in px).

    The first block is made as large as it can be, the caption at about half of it; a little smaller where that saves it
    from an ugly break. None where the smallest do not fit.
    """
    best = _fit(blocks, box, gap)
    if best is None or not any(piece.cost >= POOR for block in blocks for piece in block.pieces):
        return best
    fair = _fit([block.unbroken() for block in blocks], box, gap)
    return fair if fair is not None and fair[0].size >= _FAIR * best[0].size else best


def _fit(blocks: Sequence[Block], box: tuple[float, float], gap: float) -> list[Fitted] | None:
    for ratio in _RATIOS if len(blocks) > 1 else _RATIOS[:1]:
        size = _largest(blocks, box, gap, ratio)
        if size is not None:
            return [_settle(b, s, box[0]) for b, s in zip(blocks, _sizes(blocks, size, ratio), strict=True)]
    return None


def _sizes(blocks: Sequence[Block], size: float, ratio: float) -> list[float]:
    return [size, *(block.limits.clamp(size * ratio) for block in blocks[1:])]


def _largest(blocks: Sequence[Block], box: tuple[float, float], gap: float, ratio: float) -> float | None:
    limits = blocks[0].limits
    low, high = 0, max(0, int((limits.largest - limits.smallest) / STEP))
    if not _fits(blocks, _sizes(blocks, limits.smallest, ratio), box, gap):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(blocks, _sizes(blocks, limits.smallest + middle * STEP, ratio), box, gap):
            low = middle
        else:
            high = middle - 1
    return limits.smallest + low * STEP


def _fits(blocks: Sequence[Block], sizes: Sequence[float], box: tuple[float, float], gap: float) -> bool:
    total = gap * sizes[-1] * (len(blocks) - 1)
    for block, size in zip(blocks, sizes, strict=True):
        spans = block.spans(box[0], size)
        if spans is None:
            return False
        total += block.height(len(spans), size)
    return total <= box[1]


def _settle(block: Block, size: float, width: float) -> Fitted:
    paragraph = block.paragraph
    pieces = block.pieces
    spans = balanced(pieces, width * UNITS / size, paragraph.hyphen_width) or []
    cuts = [Cut(pieces[a].start, pieces[b].end, pieces[b].hyphen) for a, b in spans]
    return Fitted(paragraph, size, cuts)


def truncate(blocks: Sequence[Block], box: tuple[float, float], gap: float) -> list[Fitted] | None:
    """The smallest sizes, with what does not fit left out behind an ellipsis; None where not one line each fits."""
    sizes = [block.limits.smallest for block in blocks]
    left = (
        box[1] - gap * sizes[-1] * (len(blocks) - 1) - sum(b.height(1, s) for b, s in zip(blocks, sizes, strict=True))
    )
    if left < 0:
        return None
    out = []
    for block, size in zip(blocks, sizes, strict=True):
        step = block.advance * size / UNITS
        allowed = 1 + min(block.limits.lines - 1, int(left / step))
        cuts = _cut_short(block.paragraph, box[0] * UNITS / size, allowed)
        if cuts is None:
            return None
        left -= (len(cuts) - 1) * step
        out.append(Fitted(block.paragraph, size, cuts))
    return out


def _cut_short(paragraph: Paragraph, width: float, lines: int) -> list[Cut] | None:
    pieces, cuts, first = paragraph.pieces, list[Cut](), 0
    while first < len(pieces):
        last_line = len(cuts) == lines - 1
        end = filled(pieces, first, width, paragraph.hyphen_width)
        if (last_line and end < len(pieces)) or end == first:
            cut = _with_ellipsis(paragraph, pieces[first].start, width)
            return [*cuts, cut] if cut else None
        cuts.append(Cut(pieces[first].start, pieces[end - 1].end, pieces[end - 1].hyphen))
        first = end
    return cuts


def _with_ellipsis(paragraph: Paragraph, start: int, width: float) -> Cut | None:
    """The longest line from ``start`` that leaves room for an ellipsis, cut between clusters, not after a space."""
    ends = [start + at for at in clusters(paragraph.text[start:].split("\n", 1)[0])[1:]]
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if paragraph.line(start, ends[middle - 1], suffix=ELLIPSIS).width <= width:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        return None
    text = paragraph.text[start : ends[low - 1]].rstrip(" ,;:-–—")
    return Cut(start, start + len(text), suffix=ELLIPSIS) if text else None
