"""Lines from pieces: how few will do at a width, and then the most even ones of that number.

Evenness by dynamic programming over the squares of what is left of each line, as Knuth and Plass do it for paragraphs
("Breaking Paragraphs into Lines", 1981), without stretching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imajin_cli.stages.imaging.typeset.paragraph import Piece

Span = tuple[int, int]
_COST = 0.03  # what a break of cost 1 weighs against a line that is a sixth too short
_WIDOW = 0.34  # a last line shorter than this part of the width looks forgotten


def widths(pieces: Sequence[Piece], first: int, last: int, hyphen: int) -> int:
    """Width of pieces[first..last] as one line."""
    inner = sum(piece.width + piece.space for piece in pieces[first:last])
    end = pieces[last]
    return inner + end.width + (hyphen if end.hyphen else 0)


def greedy(pieces: Sequence[Piece], width: float, hyphen: int = 0, limit: int = 10_000) -> list[Span] | None:
    """Lines (first and last piece of each) filled in turn; None where a piece is too wide, or past ``limit`` lines."""
    lines: list[Span] = []
    start = 0
    while start < len(pieces):
        end = filled(pieces, start, width, hyphen)
        if end == start or len(lines) == limit:
            return None
        lines.append((start, end - 1))
        start = end
    return lines


def filled(pieces: Sequence[Piece], first: int, width: float, hyphen: int) -> int:
    """The piece after the last one that still fits on a line begun with ``first``; ``first`` itself where none does."""
    used, best = 0, first
    for end in range(first, len(pieces)):
        piece = pieces[end]
        if used + piece.width > width:
            break
        if used + piece.width + (hyphen if piece.hyphen else 0) <= width:
            best = end + 1
        used += piece.width + piece.space
        if piece.must:
            break
    return best


def merged(pieces: Sequence[Piece], cost: int) -> list[Piece]:
    """The pieces without the breaks between them that cost as much as ``cost`` or more."""
    out: list[Piece] = []
    for piece in pieces:
        last = out[-1] if out else None
        if last is None or last.must or last.cost < cost:
            out.append(piece)
            continue
        width = last.width + last.space + piece.width
        out[-1] = replace(piece, start=last.start, width=width)
    return out


def balanced(pieces: Sequence[Piece], width: float, hyphen: int = 0) -> list[Span] | None:
    """The same number of lines as ``greedy``, as even as can be and broken at the better places."""
    first = greedy(pieces, width, hyphen)
    if first is None or len(first) < 2:
        return first
    count, size = len(first), len(pieces)
    # best[k][j]: the least badness of pieces[:j] on k lines, and where the last of them starts.
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    aim = _aim(pieces, count, hyphen, width)
    for row in range(count):
        following: dict[int, tuple[float, int]] = {}
        for start, (so_far, _) in sorted(best[row].items()):
            _extend(pieces, width, hyphen, aim, start, so_far, row == count - 1, following)
        best.append(following)
    if size not in best[count]:
        return first
    spans: list[Span] = []
    end = size
    for row in range(count, 0, -1):
        start = best[row][end][1]
        spans.append((start, end - 1))
        end = start
    return spans[::-1]


def _aim(pieces: Sequence[Piece], count: int, hyphen: int, width: float) -> float:
    """The width that lines should have: the narrowest at which the text still takes ``count`` lines."""
    low, high = widths(pieces, 0, len(pieces) - 1, hyphen) / (count + 1), width
    for _ in range(12):
        middle = (low + high) / 2
        if greedy(pieces, middle, hyphen, count) is None:
            low = middle
        else:
            high = middle
    return high


def _extend(
    pieces: Sequence[Piece],
    width: float,
    hyphen: int,
    aim: float,
    start: int,
    so_far: float,
    last_row: bool,
    into: dict[int, tuple[float, int]],
) -> None:
    """Try every line that begins with pieces[start]."""
    used = 0
    for end in range(start, len(pieces)):
        piece = pieces[end]
        line = used + piece.width + (hyphen if piece.hyphen else 0)
        if used + piece.width > width:
            return
        final = end == len(pieces) - 1
        if line <= width and final == last_row:
            slack = (aim - line) / aim
            bad = slack * slack + (0.0 if piece.must else _COST * piece.cost)
            if final and line < _WIDOW * aim:
                bad += 0.5
            if end + 1 not in into or so_far + bad < into[end + 1][0]:
                into[end + 1] = (so_far + bad, start)
        used += piece.width + piece.space
        if piece.must:
            return
