"""The words of a visible mark, set as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Credit

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.typeset.setting import SetBlock


def set_line(text: str, font: str, weight: int, width: float) -> tuple[SetBlock, list[Credit]]:
    """``text`` as one line whose ink is ``width`` px wide, and the fonts' credits.

    Raises InputError for text that cannot be set, MissingError where no installed font has its letters.
    """
    from imajin_cli.stages.backends.fonts import Library, font_named
    from imajin_cli.stages.imaging.typeset.fit import Block, Cut, Fitted, Limits
    from imajin_cli.stages.imaging.typeset.model import UNITS, Style
    from imajin_cli.stages.imaging.typeset.paragraph import Paragraph
    from imajin_cli.stages.imaging.typeset.setting import place
    from imajin_cli.stages.imaging.typeset.words import cleaned, language_of

    words = cleaned(text, "mark", len(text))
    if words is None or "\n" in words:
        raise InputError("the mark's words are none, or more than one line")
    fonts = Library(language=language_of(words), axes={"wght": weight, "opsz": 16.0}, first=font_named(font))
    paragraph = Paragraph(words, Style(language_of(words), 1.16), fonts)
    size = width * UNITS / max(1, paragraph.line(0, len(words)).width)
    block = Block.of(paragraph, Limits(size, size, 1))
    placed = place([block], [Fitted(paragraph, size, [Cut(0, len(words))])], (0, 0, width * 1.01, size * 2), "start", 0)
    found = {credit.name: credit for credit in fonts.credits.values()}
    return placed[0], [found[name] for name in sorted(found)]
