"""The bidirectional algorithm (Unicode Standard Annex #9): embedding levels of a paragraph, and the order of a line.

python-bidi gives a reordered string; splitting runs for shaping and reordering each line after breaking need the levels
themselves, with isolates and paired brackets. The tests hold this against python-bidi.
"""

from __future__ import annotations

from imajin_cli.stages.imaging.typeset.bidi_rules import resolve_sequence, type_of

_MAX_DEPTH = 125
_REMOVED = frozenset({"RLE", "LRE", "RLO", "LRO", "PDF", "BN"})
_ISOLATES = frozenset({"RLI", "LRI", "FSI"})


def base_level(text: str, default: int = 0) -> int:
    """Level of a paragraph by its first strong character outside isolates (P2, P3): 0 is left to right."""
    depth = 0
    for char in text:
        kind = type_of(char)
        if kind in _ISOLATES:
            depth += 1
        elif kind == "PDI":
            depth = max(0, depth - 1)
        elif depth == 0 and kind in ("L", "R", "AL"):
            return 0 if kind == "L" else 1
    return default


def levels(text: str, base: int) -> list[int]:
    """Embedding level of each character of one paragraph (no line breaks in it) whose own level is ``base``."""
    types = [type_of(c) for c in text]
    matches = _match_isolates(types)
    out = _explicit(text, types, matches, base)
    kept = [i for i in range(len(text)) if type_of(text[i]) not in _REMOVED]
    plain, original = list(out), [type_of(c) for c in text]
    for sequence in _sequences(kept, plain, matches):
        sos, eos = _edges(sequence, kept, plain, original, base)
        resolve_sequence(text, types, out, sequence, sos, eos)
    last = base
    for i, char in enumerate(text):
        if type_of(char) in _REMOVED:
            out[i] = last
        last = out[i]
    return out


def line_levels(text: str, resolved: list[int], base: int) -> list[int]:
    """Levels of one line (L1): white space at its end, and before a tab, goes with the paragraph."""
    out, trailing = list(resolved), True
    for i in range(len(text) - 1, -1, -1):
        kind = type_of(text[i])
        if kind in ("S", "B"):
            trailing = True
        elif kind not in ("WS", "PDI") and kind not in _ISOLATES and kind not in _REMOVED:
            trailing = False
        if trailing:
            out[i] = base
    return out


def visual_order(run_levels: list[int]) -> list[int]:
    """The order, left to right, in which runs with these levels are shown (L2)."""
    order = list(range(len(run_levels)))
    odd = [level for level in run_levels if level % 2]
    for level in range(max(run_levels, default=0), min(odd, default=1) - 1, -1):
        i = 0
        while i < len(order):
            j = i
            while j < len(order) and run_levels[order[j]] >= level:
                j += 1
            order[i:j] = order[i:j][::-1]
            i = max(j, i + 1)
    return order


def _match_isolates(types: list[str]) -> dict[int, int]:
    """Isolate initiator → its closing mark (BD9), and back."""
    matches: dict[int, int] = {}
    open_at: list[int] = []
    for i, kind in enumerate(types):
        if kind in _ISOLATES:
            open_at.append(i)
        elif kind == "PDI" and open_at:
            start = open_at.pop()
            matches[start], matches[i] = i, start
    return matches


class _Stack:
    """The directional status stack of X1: (level, override, isolate), and the counters of what overflowed."""

    def __init__(self, base: int) -> None:
        self.entries: list[tuple[int, str | None, bool]] = [(base, None, False)]
        self.isolates = self.overflow_isolates = self.overflow_embeddings = 0

    def push(self, odd: bool, override: str | None, isolate: bool) -> None:
        """Enter an embedding, override or isolate, or count it as overflow (UAX #9, X2 to X5c)."""
        level = self.entries[-1][0]
        level = (level + 1) | 1 if odd else (level + 2) & ~1
        if level <= _MAX_DEPTH and not self.overflow_isolates and not self.overflow_embeddings:
            self.isolates += isolate
            self.entries.append((level, override, isolate))
        elif isolate:
            self.overflow_isolates += 1
        elif not self.overflow_isolates:
            self.overflow_embeddings += 1

    def close_isolate(self) -> None:
        """Leave the latest isolate, and the embeddings left open within it (UAX #9, X6a)."""
        if self.overflow_isolates:
            self.overflow_isolates -= 1
        elif self.isolates:
            self.overflow_embeddings = 0
            while not self.entries[-1][2]:
                self.entries.pop()
            self.entries.pop()
            self.isolates -= 1

    def close_embedding(self) -> None:
        if self.overflow_isolates:
            return
        if self.overflow_embeddings:
            self.overflow_embeddings -= 1
        elif not self.entries[-1][2] and len(self.entries) > 1:
            self.entries.pop()


def _explicit(text: str, types: list[str], matches: dict[int, int], base: int) -> list[int]:
    """Levels after the explicit rules X1 to X8; overrides are written into ``types``."""
    stack, out = _Stack(base), [base] * len(text)
    for i, kind in enumerate(list(types)):
        if kind == "PDI":
            stack.close_isolate()
        level, override, _ = stack.entries[-1]
        out[i] = level
        if override and kind not in _REMOVED:
            types[i] = override
        if kind in ("RLE", "LRE", "RLO", "LRO"):
            stack.push(kind[0] == "R", kind[0] if kind[2] == "O" else None, False)
        elif kind in _ISOLATES:
            inner = text[i + 1 : matches.get(i, len(text))]
            odd = kind == "RLI" or (kind == "FSI" and base_level(inner) == 1)
            stack.push(odd, None, True)
        elif kind == "PDF":
            stack.close_embedding()
    return out


def _sequences(kept: list[int], out: list[int], matches: dict[int, int]) -> list[list[int]]:
    """Isolating run sequences (BD13): level runs joined across the isolates between them."""
    runs: list[list[int]] = []
    for i in kept:
        if runs and out[runs[-1][-1]] == out[i]:
            runs[-1].append(i)
        else:
            runs.append([i])
    starting = {run[0]: run for run in runs}
    joined: set[int] = set()
    sequences: list[list[int]] = []
    for run in runs:
        if run[0] in joined:
            continue
        sequence = list(run)
        while (closing := matches.get(sequence[-1], -1)) > sequence[-1] and closing in starting:
            joined.add(closing)
            sequence.extend(starting[closing])
        sequences.append(sequence)
    return sequences


def _edges(sequence: list[int], kept: list[int], out: list[int], types: list[str], base: int) -> tuple[str, str]:
    """The direction at the start and at the end of a sequence (X10)."""
    first, last = kept.index(sequence[0]), kept.index(sequence[-1])
    before = out[kept[first - 1]] if first else base
    open_ended = last + 1 == len(kept) or types[sequence[-1]] in _ISOLATES
    after = base if open_ended else out[kept[last + 1]]
    own = out[sequence[0]]
    return "LR"[max(own, before) % 2], "LR"[max(own, after) % 2]
