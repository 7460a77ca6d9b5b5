"""Text to runs: each of one embedding level, one script and one face."""

from __future__ import annotations

import itertools

from imajin_cli.stages.imaging.typeset import bidi
from imajin_cli.stages.imaging.typeset.model import Fonts, Run, Style
from imajin_cli.stages.imaging.typeset.scripts import cluster_script, clusters, resolve

# Pictures and symbols are shaped as shared characters; the codes only choose their font.
_SHAPED_AS = {"Zsye": "Zyyy", "Zsym": "Zyyy", "Zinh": "Zyyy"}


def block_level(text: str, style: Style) -> int:
    """The direction of a whole block: 0 left to right, 1 right to left; "auto" goes by the first strong character."""
    if style.direction != "auto":
        return int(style.direction == "rtl")
    return bidi.base_level(text.replace("\n", " "))


def embedding_levels(text: str, base: int) -> list[int]:
    """Embedding levels of a text whose paragraphs end with newlines, all of level ``base``."""
    out: list[int] = []
    for paragraph in text.split("\n"):
        out += [*bidi.levels(paragraph, base), base]
    return out[: len(text)]


def runs(text: str, levels: list[int], fonts: Fonts) -> list[Run]:
    """``text`` as runs in logical order, newlines left out. Raises MissingError where no font covers a cluster."""
    starts = clusters(text)
    spans = list(itertools.pairwise(starts))
    scripts = resolve([cluster_script(text[a:b]) for a, b in spans])
    out: list[Run] = []
    for (start, end), script in zip(spans, scripts, strict=True):
        if text[start] == "\n":
            continue
        shaped = _SHAPED_AS.get(script, script)
        last = out[-1] if out and out[-1].end == start else None
        same = last is not None and last.level == levels[start] and last.script == shaped
        face = last.face if last is not None and same and text[start] == " " else fonts.face(text[start:end], script)
        if last is not None and same and last.face is face:
            out[-1] = Run(last.start, end, last.level, shaped, face)
        else:
            out.append(Run(start, end, levels[start], shaped, face))
    return out
