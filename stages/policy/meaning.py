"""What prompt and caption are taken for by their meaning, piece by piece where they are long."""

from __future__ import annotations

import re
from collections.abc import Mapping

from imajin_cli.stages.backends.embedding import Embeds
from imajin_cli.stages.policy.semantic import Meaning, anchors
from imajin_cli.stages.scene.knowledge.text import normalise

PIECE = 120
"""A longer text is judged by its sentences too: one among many would not show in the embedding of them all."""
_FRAGMENT = 40
MOST_PIECES = 100
_SENTENCE = re.compile(r"[^.!?。！？؟;\n]+[.!?。！？؟;\n]*")


def meanings(texts: Mapping[str, str], embedder: Embeds) -> dict[str, Meaning]:
    """The worst meaning of each named text; a text without a letter or digit has none.

    The first piece is cut and folded as the matcher does it, so that its own look at the prompt finds that vector.
    """
    found: dict[str, Meaning] = {}
    for name, text in texts.items():
        parts = pieces(text)
        if parts:
            found[name] = max(anchors().judge(embedder.embed(parts)), key=lambda meaning: meaning.score)
    return found


def pieces(text: str) -> list[str]:
    """The text as the matcher folds it, and where it is longer than `PIECE`, its sentences, each at most so long."""
    parts = [normalise(text)]
    if len(text) > PIECE:
        parts += [normalise(part) for part in _gathered(text)][:MOST_PIECES]
    return [part for part in dict.fromkeys(parts) if any(map(str.isalnum, part))]


def _gathered(text: str) -> list[str]:
    parts: list[str] = []
    for match in _SENTENCE.finditer(text):
        sentence = match.group()
        for start in range(0, len(sentence), PIECE):
            piece = sentence[start : start + PIECE]
            if parts and min(len(parts[-1]), len(piece)) < _FRAGMENT and len(parts[-1]) + len(piece) <= PIECE:
                parts[-1] += piece
            else:
                parts.append(piece)
    return parts
