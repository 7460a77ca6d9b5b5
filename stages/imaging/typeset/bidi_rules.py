"""The weak, neutral and implicit rules of UAX #9 over one isolating run sequence (W1 to I2)."""

from __future__ import annotations

import unicodedata

# Paired brackets by Bidi_Paired_Bracket_Type: opening and closing in turn.
_PAIRS = (
    "()[]{}༺༻༼༽᚛᚜⁅⁆⁽⁾₍₎⌈⌉⌊⌋〈〉❨❩❪❫❬❭❮❯❰❱❲❳❴❵⟅⟆⟦⟧⟨⟩⟪⟫⟬⟭⟮⟯⦃⦄⦅⦆⦇⦈⦉⦊⦋⦌"
    "⦑⦒⦗⦘⧘⧙⧚⧛⧼⧽⸢⸣⸤⸥⸦⸧⸨⸩〈〉《》「」『』【】〔〕〖〗〘〙〚〛﹙﹚﹛﹜﹝﹞（）［］｛｝｟｠｢｣"
)
_OPENING = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_CLOSING = frozenset(_OPENING.values())
_MAX_OPEN = 63
_NEUTRAL = frozenset({"B", "S", "WS", "ON", "RLI", "LRI", "FSI", "PDI"})


def type_of(char: str) -> str:
    """Bidirectional class of a character; unassigned ones count as left to right."""
    return unicodedata.bidirectional(char) or "L"


def resolve_sequence(text: str, types: list[str], out: list[int], sequence: list[int], sos: str, eos: str) -> None:
    """Resolve the characters at ``sequence`` (indices into ``text``): changes ``types`` and ``out``, their levels."""
    kinds = [types[i] for i in sequence]
    level = out[sequence[0]]
    _weak(kinds, sos)
    _brackets([text[i] for i in sequence], kinds, [types[i] for i in sequence], sos, "LR"[level % 2])
    _neutral(kinds, sos, eos, "LR"[level % 2])
    for i, kind in zip(sequence, kinds, strict=True):
        if level % 2 == 0:
            out[i] = level + {"L": 0, "R": 1}.get(kind, 2)
        else:
            out[i] = level + (0 if kind == "R" else 1)


def _weak(kinds: list[str], sos: str) -> None:
    _marks_and_numbers(kinds, sos)
    _separators(kinds)
    _terminators(kinds)
    strong = sos
    for i, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):
            kinds[i] = "ON"  # W6
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[i] = "L"  # W7


def _marks_and_numbers(kinds: list[str], sos: str) -> None:
    """W1 to W3: marks take the type before them, numbers after Arabic letters are Arabic, Arabic letters are R."""
    before, strong = sos, sos
    for i, kind in enumerate(kinds):
        if kind == "NSM":
            kind = "ON" if before in ("RLI", "LRI", "FSI", "PDI") else before
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            kind = "AN"
        kinds[i] = before = kind
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]


def _separators(kinds: list[str]) -> None:
    """W4: one separator between two numbers of a kind joins them."""
    for i in range(1, len(kinds) - 1):
        left, right = kinds[i - 1], kinds[i + 1]
        if left == right and ((left == "EN" and kinds[i] in ("ES", "CS")) or (left == "AN" and kinds[i] == "CS")):
            kinds[i] = left


def _terminators(kinds: list[str]) -> None:
    """W5: signs such as % and € beside a European number belong to it."""
    i = 0
    while i < len(kinds):
        j = i
        while j < len(kinds) and kinds[j] == "ET":
            j += 1
        if j > i and ((i and kinds[i - 1] == "EN") or (j < len(kinds) and kinds[j] == "EN")):
            kinds[i:j] = ["EN"] * (j - i)
        i = max(j, i + 1)


def _strong(kind: str) -> str | None:
    """L or R for a strong type or a number (which counts as R), else None."""
    return {"L": "L", "R": "R", "EN": "R", "AN": "R"}.get(kind)


def _brackets(chars: list[str], kinds: list[str], original: list[str], sos: str, embedding: str) -> None:
    """N0: both brackets of a pair take one direction, by what is inside, else by what is before."""
    for start, end in _pairs(chars, kinds):
        inside = {_strong(kind) for kind in kinds[start + 1 : end]} - {None}
        if not inside:
            continue
        direction = embedding
        if embedding not in inside:
            before = next((s for s in map(_strong, reversed(kinds[:start])) if s), sos)
            direction = before if before != embedding else embedding
        for at in (start, end):
            kinds[at] = direction
            _marks_after(at, kinds, original, direction)


def _marks_after(at: int, kinds: list[str], original: list[str], direction: str) -> None:
    for i in range(at + 1, len(kinds)):
        if original[i] != "NSM":
            return
        kinds[i] = direction


def _pairs(chars: list[str], kinds: list[str]) -> list[tuple[int, int]]:
    """Bracket pairs in order of their opening (BD16)."""
    stack: list[tuple[str, int]] = []
    found: list[tuple[int, int]] = []
    for i, (char, kind) in enumerate(zip(chars, kinds, strict=True)):
        if kind != "ON":
            continue
        char = unicodedata.normalize("NFC", char)
        if char in _OPENING:
            if len(stack) == _MAX_OPEN:
                return []
            stack.append((unicodedata.normalize("NFC", _OPENING[char]), i))
        elif char in _CLOSING:
            at = next((n for n in range(len(stack) - 1, -1, -1) if stack[n][0] == char), None)
            if at is not None:
                found.append((stack[at][1], i))
                del stack[at:]
    return sorted(found)


def _neutral(kinds: list[str], sos: str, eos: str, embedding: str) -> None:
    """N1 and N2: neutrals between two of a direction take it, others the embedding's."""
    i = 0
    while i < len(kinds):
        j = i
        while j < len(kinds) and kinds[j] in _NEUTRAL:
            j += 1
        if j > i:
            left = (_strong(kinds[i - 1]) if i else sos) or embedding
            right = (_strong(kinds[j]) if j < len(kinds) else eos) or embedding
            kinds[i:j] = [left if left == right else embedding] * (j - i)
        i = max(j, i + 1)
