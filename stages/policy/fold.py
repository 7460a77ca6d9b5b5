"""Text folded for matching only: width, case, accents, look-alike letters, digits for letters, stretched and split words.

What is folded here is never shown or kept; a folded word is a key that equally folded terms are found under.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

_ARABIC = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": None})
# Cyrillic and Greek small letters that look like a Latin one (the pairs of Unicode's confusables that matter here).
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u0432\u043a\u043c\u043d\u0442"
    "\u03b1\u03b5\u03bf\u03c1\u03b9\u03c5\u03c7\u03ba\u03bd\u03c4",
    "aeopcyxijshdqwlbkmhtaeopiuxkvt",
)
_LEET = str.maketrans({"4": "a", "@": "a", "3": "e", "€": "e", "1": "i", "!": "i", "|": "i", "0": "o", "5": "s",
                       "$": "s", "7": "t", "+": "t", "8": "b", "9": "g"})  # fmt: skip
_LEET_L = str.maketrans({"1": "l", "|": "l", "!": "l"})
_ARTICLE = re.compile("^(?:[وفبك]?ال|و?لل)(?=...)")
_PIECE = re.compile(r"[^\W_]+")
_CHUNK = re.compile(r"\S+")
_EDGES = ".,;:?!'\"()[]{}<>«»„“”‘’…/\\|-_*+#~`¿¡、。「」"
_LEETABLE = re.compile(r"[430157@$!|€+89]")
_STRETCHED = re.compile(r"(.)\1{2,}")
_MASKED = re.compile(r"^[^\W\d_]+\*+[^\W\d_]+$")
_UNSPACED = re.compile("[\u0e00-\u0eff぀-ヿ㐀-鿿豈-﫿]")
_LONGEST_RUN = 24


@dataclass
class Word:
    """One word of a text: ``text`` as it is written, and ``forms``, all spellings that it may stand for.

    ``exact`` are spellings that count only as a whole, each with the number of words that it takes up ("s e x": 3).
    ``pattern`` is the word with letters starred out ("p*rn"), if it has any.
    """

    text: str
    forms: tuple[str, ...]
    exact: dict[str, int] = field(default_factory=dict)
    pattern: str | None = None


def fold(text: str) -> str:
    """``text`` in NFKC, case-folded, without accents on Latin, Greek and Cyrillic letters, Arabic letters unified."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_ARABIC)
    return plain if plain.isascii() else "".join(map(_bare, plain))


@lru_cache(maxsize=4096)
def _bare(sign: str) -> str:
    """A letter without its marks; nothing for an invisible character or a mark of its own (Latin, Arabic)."""
    if sign < "\x80" or _UNSPACED.match(sign):
        return sign
    kind = unicodedata.category(sign)
    if kind == "Cf" or (kind == "Mn" and not unicodedata.name(sign, "").startswith("COMBINING KATAKANA")):
        return ""
    base = unicodedata.normalize("NFD", sign)
    return base[0] if len(base) > 1 and base[0] < "\u0530" else sign


def is_unspaced(text: str) -> bool:
    """Whether ``text`` holds a script that puts no spaces between words."""
    return bool(_UNSPACED.search(text))


def words_of(folded: str) -> list[Word]:
    """The words of a folded text in order, each with the spellings that it may be a disguise of."""
    found: list[Word] = []
    for match in _CHUNK.finditer(folded):
        _chunk(match.group(), found)
    _join_letters(found)
    return found


def _chunk(chunk: str, found: list[Word]) -> None:
    """Append the words of ``chunk``, which has no spaces inside."""
    core = chunk.strip(_EDGES)
    pieces = _PIECE.findall(core)
    if not pieces:
        return
    start = len(found)
    found.extend(Word(piece, _forms(piece)) for piece in pieces)
    first = found[start]
    if 1 < len(pieces) <= _LONGEST_RUN:
        # "po.rn": the pieces put together count only where they are a listed word exactly.
        first.exact.update(dict.fromkeys(_forms("".join(pieces)), len(pieces)))
    if _MASKED.match(core):
        first.pattern = core
    bare = chunk.lstrip("".join(set(_EDGES) - set("!|+"))).rstrip(_EDGES)
    if not bare.isalnum() and any(map(str.isalpha, bare)) and _LEETABLE.search(bare):
        for table in (_LEET, _LEET_L | _LEET):
            for word in _PIECE.findall(bare.translate(table)):
                first.exact.update(dict.fromkeys(_unstretched(word), len(pieces)))


@lru_cache(maxsize=4096)
def _forms(piece: str) -> tuple[str, ...]:
    forms = dict.fromkeys(_unstretched(piece))
    if "\u0620" <= piece[0] <= "\u064a" and (bare := _ARTICLE.sub("", piece)) != piece:
        forms[bare] = None
    if not piece.isascii():
        latin = piece.translate(_LOOKALIKES)
        if latin.isascii() or _mixed(piece):
            forms.update(dict.fromkeys(_unstretched(latin)))
    if not piece.isalpha() and not piece.isdigit():
        for table in (_LEET, _LEET_L | _LEET):
            forms.update(dict.fromkeys(_unstretched(piece.translate(table))))
    forms.update(dict.fromkeys([_singular(form) for form in forms]))
    return tuple(forms)


def _mixed(piece: str) -> bool:
    return any("a" <= sign <= "z" for sign in piece) and any("\u0370" <= sign <= "\u052f" for sign in piece)


def _unstretched(word: str) -> list[str]:
    """The word, and where a letter stands three times or more, the word with it once and twice."""
    if not _STRETCHED.search(word):
        return [word]
    return [word, _STRETCHED.sub(r"\1", word), _STRETCHED.sub(r"\1\1", word)]


def _singular(form: str) -> str:
    return form[:-1] if len(form) > 3 and form[-1] == "s" and form[-2] not in "su" else form


def _join_letters(found: Iterable[Word]) -> None:
    """Give the words that single letters in a row may spell ("s e x") to the first of them."""
    run: list[Word] = []
    for word in [*found, Word("", ("",))]:
        if len(word.text) == 1 and word.text.isalnum():
            run.append(word)
            continue
        if len(run) >= 3:
            _spell(run[:_LONGEST_RUN])
        run = []


def _spell(run: list[Word]) -> None:
    letters = "".join(word.text for word in run)
    for start in range(len(letters) - 2):
        for end in range(start + 3, len(letters) + 1):
            part = letters[start:end]
            run[start].exact[part] = end - start
            if not part.isalpha():
                run[start].exact[part.translate(_LEET)] = end - start
