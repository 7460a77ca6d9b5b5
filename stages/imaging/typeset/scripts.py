"""Which script a character is written in (ISO 15924 codes), and where one cluster of characters ends.

Ranges follow the blocks of the Unicode standard; characters shared by scripts are "Zyyy", marks that follow their base
"Zinh", emoji "Zsye", other symbols "Zsym".
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

# (first, last, script), in order. What lies in no range is shared.
_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x41, 0x5A, "Latn"), (0x61, 0x7A, "Latn"), (0xAA, 0xAA, "Latn"), (0xBA, 0xBA, "Latn"),
    (0xC0, 0xD6, "Latn"), (0xD8, 0xF6, "Latn"), (0xF8, 0x2B8, "Latn"), (0x2E0, 0x2E4, "Latn"),
    (0x370, 0x3FF, "Grek"), (0x400, 0x52F, "Cyrl"), (0x530, 0x58F, "Armn"), (0x590, 0x5FF, "Hebr"),
    (0x600, 0x6FF, "Arab"), (0x700, 0x74F, "Syrc"), (0x750, 0x77F, "Arab"), (0x780, 0x7BF, "Thaa"),
    (0x7C0, 0x7FF, "Nkoo"), (0x870, 0x8FF, "Arab"), (0x900, 0x97F, "Deva"), (0x980, 0x9FF, "Beng"),
    (0xA00, 0xA7F, "Guru"), (0xA80, 0xAFF, "Gujr"), (0xB00, 0xB7F, "Orya"), (0xB80, 0xBFF, "Taml"),
    (0xC00, 0xC7F, "Telu"), (0xC80, 0xCFF, "Knda"), (0xD00, 0xD7F, "Mlym"), (0xD80, 0xDFF, "Sinh"),
    (0xE00, 0xE7F, "Thai"), (0xE80, 0xEFF, "Laoo"), (0xF00, 0xFFF, "Tibt"), (0x1000, 0x109F, "Mymr"),
    (0x10A0, 0x10FF, "Geor"), (0x1100, 0x11FF, "Hang"), (0x1200, 0x139F, "Ethi"), (0x13A0, 0x13FF, "Cher"),
    (0x1400, 0x167F, "Cans"), (0x1780, 0x17FF, "Khmr"), (0x1800, 0x18AF, "Mong"), (0x1C80, 0x1C8F, "Cyrl"),
    (0x1C90, 0x1CBF, "Geor"), (0x1CD0, 0x1CFF, "Deva"), (0x1D00, 0x1DBF, "Latn"), (0x1E00, 0x1EFF, "Latn"),
    (0x1F00, 0x1FFF, "Grek"), (0x2C60, 0x2C7F, "Latn"), (0x2D00, 0x2D2F, "Geor"), (0x2D30, 0x2D7F, "Tfng"),
    (0x2D80, 0x2DDF, "Ethi"), (0x2DE0, 0x2DFF, "Cyrl"), (0x2E80, 0x2FDF, "Hani"), (0x3005, 0x3007, "Hani"),
    (0x3021, 0x3029, "Hani"), (0x3041, 0x309F, "Hira"), (0x30A0, 0x30FF, "Kana"), (0x3105, 0x312F, "Bopo"),
    (0x3131, 0x318E, "Hang"), (0x31A0, 0x31BF, "Bopo"), (0x31F0, 0x31FF, "Kana"), (0x3400, 0x4DBF, "Hani"),
    (0x4E00, 0x9FFF, "Hani"), (0xA640, 0xA69F, "Cyrl"), (0xA720, 0xA7FF, "Latn"), (0xA8E0, 0xA8FF, "Deva"),
    (0xA960, 0xA97F, "Hang"), (0xAA60, 0xAA7F, "Mymr"), (0xAB00, 0xAB2F, "Ethi"), (0xAB30, 0xAB6F, "Latn"),
    (0xAC00, 0xD7FF, "Hang"), (0xF900, 0xFAFF, "Hani"), (0xFB00, 0xFB06, "Latn"), (0xFB13, 0xFB17, "Armn"),
    (0xFB1D, 0xFB4F, "Hebr"), (0xFB50, 0xFDFF, "Arab"), (0xFE70, 0xFEFC, "Arab"), (0xFF21, 0xFF3A, "Latn"),
    (0xFF41, 0xFF5A, "Latn"), (0xFF66, 0xFF9D, "Kana"), (0xFFA0, 0xFFDC, "Hang"), (0x1B000, 0x1B16F, "Kana"),
    (0x20000, 0x323AF, "Hani"),
)  # fmt: skip
_STARTS = [first for first, _, _ in _RANGES]
# Characters outside the emoji planes that are pictures unless a text selector (U+FE0E) follows.
_PICTURES = frozenset(
    "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"
)
CJK = frozenset({"Hani", "Hira", "Kana", "Bopo"})


def script_of(char: str) -> str:
    """The script of one character."""
    code = ord(char)
    category = unicodedata.category(char)
    if category in ("Mn", "Me") and not 0x900 <= code <= 0x109F and not 0x1780 <= code <= 0x17FF:
        return "Zinh"
    at = bisect_right(_STARTS, code) - 1
    if at >= 0 and code <= _RANGES[at][1]:
        return "Zyyy" if category in ("Cn", "Po") and char in "،؛؟" else _RANGES[at][2]
    if char in _PICTURES or 0x1F000 <= code <= 0x1FAFF:
        return "Zsye"
    return _symbol(code, category)


def _symbol(code: int, category: str) -> str:
    if category == "So" and code > 0x2100 and not 0x3000 <= code <= 0x33FF:
        return "Zsym"
    return "Zyyy" if unicodedata.category(chr(code)) != "Lo" else "Zzzz"


def clusters(text: str) -> list[int]:
    """Where clusters start: a base with its marks, joined emoji, flags, Hangul jamo, CR LF. Ends with ``len(text)``.

    The rules of UAX #29 (extended grapheme clusters) in essence.
    """
    starts = [0] if text else []
    flags = 0
    for i in range(1, len(text)):
        flags = flags + 1 if _flag(text[i - 1]) else 0
        if not _joined(text[i - 1], text[i], flags):
            starts.append(i)
    return [*starts, len(text)]


def _flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joined(before: str, char: str, flags: int) -> bool:
    """Whether ``char`` belongs to the cluster of ``before``; ``flags`` counts the flag letters up to ``before``."""
    if before == "\n" or char == "\n":
        return False
    if _flag(char):
        return flags % 2 == 1
    if char == "\u200d" or unicodedata.category(char) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":
        return True
    if before == "\u200d":
        return script_of(char) in ("Zsye", "Zsym", "Zyyy") and unicodedata.category(char) == "So"
    return "\u1160" <= char <= "\u11ff" and "\u1100" <= before <= "\u11ff"


def cluster_script(cluster: str) -> str:
    """The script that a cluster is set in: an emoji selector (U+FE0F) or a keycap makes it a picture."""
    first = script_of(cluster[0])
    if "\ufe0f" in cluster or "\u20e3" in cluster:
        return "Zsye"
    if "\ufe0e" in cluster and first == "Zsye":
        return "Zsym"
    return first


def resolve(scripts: list[str]) -> list[str]:
    """Give shared characters the script of their neighbours: of the text before, at the start of the text after.

    Pictures and symbols keep theirs, and lend it to nobody.
    """
    shared, loose = ("Zyyy", "Zinh"), ("Zyyy", "Zinh", "Zsye", "Zsym")
    current = next((s for s in scripts if s not in loose), "Latn")
    out = []
    for script in scripts:
        if script not in loose:
            current = script
        out.append(current if script in shared else script)
    return out
