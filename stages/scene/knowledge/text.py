"""Cutting text in any script into comparable words: tokens, light stems, phrases and content chunks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

MAX_CHARS = 600
"""Longer prompts are matched on their first characters: nobody asks for a picture in more."""

_FIRST_EMOJI = 0x2600
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_UNSPACED = re.compile("[぀-ヿ㐀-鿿豈-﫿฀-๿가-힣]")
_CONTENT_RUN = re.compile("[゠-ヿ]{2,}|[㐀-鿿豈-﫿]{1,6}|[฀-๿]{3,10}|[가-힣]{2,8}")
_IRREGULAR = {
    "glasses": "eyeglass",
    "leaves": "leaf",
    "people": "person",
    "children": "child",
    "mice": "mouse",
    "wolves": "wolf",
    "knives": "knife",
    "shelves": "shelf",
}
_ARABIC_ENDINGS = (("تك", "ه"), ("تنا", "ه"), ("تكم", "ه"), ("تها", "ه"), ("نا", ""), ("كم", ""), ("ك", ""))
"""A possessive on a word and what stands in its place without one: the feminine ending comes back as ه."""
_ARABIC = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": None})

_FUNCTION_WORDS_TEXT = (
    "a an the of your my our you we i it its is are was were has have had been be this that these those to for and or "
    "with at by from as there here he she they me us do does did will would can could should just very so "
    "der die das ein eine einen einem einer und oder mit zu für dein deine deinen ihr ihre ist sind wurde wird "
    "el la los las un una unos unas de del y o con para tu tus su es son se al que por "
    "le les des du et ou avec pour votre vos notre est sont l d "
    "و في من على عن"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())
"""Words that carry no meaning alone in the five spaced languages; negations and particles such as "no", "up" stay."""

_DULL_TEXT = (
    "picture image illustration screen page app icon art graphic drawing scene nice friendly cute simple beautiful big "
    "small little funny modern flat style vector background make create show please some any all one two three new old "
    "good great bad happy sad looking get got go goes went come came made using use used need want like let "
    "about into onto under over between behind beside near after before while when where what who which how why "
    "left right high low next away side way plus pas later too long fast ask sorry seem there here something nothing anything "
    "not no none never out up down off on in more most only also still yet again back soon now today "
    "favicon favicons icons set sets logo logos emblem pictures images illustrations graphics drawings thumbnail thumbnails "
    "bilder symbole illustrationen images icones imagenes ilustracion ilustración iconos "
    "bild seite icone ein kleine kleiner kleines freundlich freundlicher nicht kein keine unter auf im am "
    "lunes imagen página pantalla pequeño pequeña amable sin no bajo en sobre "
    "une petit petite joli jolie dans sur sous qui ne pas"
)
_DULL = frozenset(_DULL_TEXT.split())
"""Words that never name a thing to draw; they are kept for phrases but are not looked up as concepts."""


_ABSTRACT_TEXT = (
    "error errors fail failed failure empty blank success state status first last found find lost missing working work "
    "loading load onboarding blocked approved free ready quick busy idle open closed close progress hero banner pattern "
    "avatar header numerals unknown strange problem done complete waiting wait thing things idea fun cool bright dark "
    "carrying holding friendly help support start stop end begin many none never whatever where which catch pass stuck "
    "stranded hang hanging lazy slow sly shy wise clever smart curious cautious cute cuddly furry rare special strong "
    "large hard dry damaged lonely hungry unhappy gone adapt agree beat bring choose collect change defend discover "
    "disappear enable enhance gather generate get give leave left like do ponder think wonder remember reach relax rest "
    "retrieve rise quit total real quality natural wrong tied split together unattended dropped neglected preserved "
    "knocked tipped ripped aim touch treat take late cut control command option"
)
_ABSTRACT = frozenset(_ABSTRACT_TEXT.split())
"""Synonyms that drawings carry for a state, not for what they show; alone they ask for no thing."""


def normalise(text: str) -> str:
    """Return ``text`` cut to `MAX_CHARS`, in NFKC and lower case, Latin accents kept Arabic letters unified, emoji by name."""
    named = "".join(_emoji(sign) if ord(sign) > _FIRST_EMOJI else sign for sign in text[:MAX_CHARS])
    plain = unicodedata.normalize("NFKC", named).lower().replace("’", "'")
    return "".join(sign for sign in plain.translate(_ARABIC) if not 0x064B <= ord(sign) <= 0x0652)


def _emoji(sign: str) -> str:
    """Spell a pictograph out by its Unicode name, so that it is matched like the words."""
    return f" {unicodedata.name(sign, '')} " if unicodedata.category(sign) == "So" else sign


def tokens(text: str) -> list[str]:
    """Return the words of normalised ``text`` in order, without punctuation."""
    return [word.removesuffix("'s") for word in _TOKEN.findall(text)]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a light stem: accents off, one English, German or Romance ending off.

    The stems are keys, not words: they need only be the same for forms of the same word.
    """
    if word.isascii():
        return _IRREGULAR.get(word) or _stem_latin(word)
    bare = unicodedata.normalize("NFKD", word)
    if any("a" <= sign <= "z" for sign in bare):
        return _stem_latin("".join(sign for sign in bare if not unicodedata.combining(sign)).replace("ß", "ss"))
    return _stem_arabic(word) if "ا" <= word[0] <= "ي" else word


def fine_stem(word: str) -> str:
    """Return the light stem with its accents on, whole where an accent would be cut off: "marché" is no "marche"."""
    plain = stem(word)
    if not has_accent(word):
        return plain
    return word if has_accent(word[len(plain) :]) else word[: len(plain)]


def _stem_arabic(word: str) -> str:
    """Take the article off, or a possessive: "your coffee" is a coffee."""
    if word.startswith("ال") and len(word) > 4:
        return word[2:]
    for ending, bare in _ARABIC_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending) + bare
    return word


def _stem_latin(word: str) -> str:
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("ing") and len(word) > 5:
        word = _undouble(word[:-3])
    elif word.endswith("ed") and len(word) > 4:
        word = _undouble(word[:-2])
    elif word.endswith(("ches", "shes", "sses", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _undouble(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz" else word


_ENGLISH_TEXT = (
    "a an the of your my our you we i is are was were has have it this that these and or with at by from in on for to"
)
_ENGLISH = frozenset(_ENGLISH_TEXT.split())
_SHARED = frozenset({"a", "an", "in", "on", "i"})
"""English words that French, Spanish, Italian or German have too: "le chat a faim"."""
_GERMAN_TEXT = "der das ein eine einen einem einer und mit auf unter dein deine ist sind im dem den wird von "
_GERMAN = frozenset((_GERMAN_TEXT + "die ich wir ihr uns macht hat für zum zur beim am noch nicht kein keine").split())
_OTHER_TEXT = _GERMAN_TEXT + (
    "el la los las un una unos unas del y con para tu su es en sobre "
    "le les des du et avec votre vos est sont une sur sous dans au aux"
)
_OTHER = frozenset(_OTHER_TEXT.split())


def is_foreign(text: str) -> bool:
    """Whether the small words of normalised ``text`` are another language's: "chat" is then no talk but a cat."""
    words = tokens(text)
    return any(word in _OTHER for word in words) and not any(word in _ENGLISH - _SHARED for word in words)


_MANY_SENSES_TEXT = (
    "card box star key cloud bug cookie share play page book mouse tree bank table leaf plant post branch window drop fire "
    "bell flag heart ring safe wave file cup track deck stamp note light hand leave rocket shield bridge caja boite étoile "
    "estrella karte tarjeta carte clé llave schlüssel stern nube wolke"
)
_MANY_SENSES = frozenset(_MANY_SENSES_TEXT.split())
MANY_SENSES = frozenset(stem(word) for word in _MANY_SENSES)
"""Stems of words with several senses: alone, such a word asks for a drawing only if the whole prompt is near to it."""


def is_german(text: str) -> bool:
    """Whether normalised ``text`` may be German, by its small words or for want of any: a long word may be a compound."""
    words = tokens(text)
    if any(word in _ENGLISH - _GERMAN - _SHARED for word in words):
        return False
    return any(word in _GERMAN for word in words) or not any(word in _ENGLISH | _OTHER for word in words)


def heads(word: str) -> Iterator[str]:
    """Yield what a German compound may be a kind of, the longest first: "Mittagspause" is a "pause"."""
    for start in range(3, len(word) - 4):
        yield word[start:]


def has_accent(word: str) -> bool:
    """Whether Latin letters of ``word`` carry accents, as in no English word."""
    return any("À" <= sign <= "ɏ" for sign in word)


def is_unspaced(text: str) -> bool:
    """Whether ``text`` holds a script written without spaces (Chinese, Japanese, Thai) or with few (Korean)."""
    return bool(_UNSPACED.search(text))


def stands_in(key: str, text: str) -> bool:
    """Whether ``key`` is in ``text`` as a word: katakana within a longer run is part of another one ("リス" of "クリスマス")."""
    if not re.fullmatch("[゠-ヿ]+", key):
        return key in text
    return bool(re.search(f"(?<![゠-ヿ]){key}(?![゠-ヿ])", text))


def phrase_key(phrase: str) -> str:
    """Return the key under which a phrase is stored and looked up: the stems of its words, joined by spaces.

    A phrase in an unspaced script is its own key, since it is found by looking for it inside the prompt.
    """
    plain = normalise(phrase)
    if is_unspaced(plain):
        return plain
    words = tokens(plain)
    kept = [word for word in words if word not in _FUNCTION_WORDS] or words
    return " ".join(stem(word) for word in kept)


def content_words(text: str) -> list[str]:
    """Return the words of normalised ``text`` that are no function words, in order, repeats kept."""
    words = tokens(text)
    return [word for word in words if word not in _FUNCTION_WORDS] or words


def is_dull(word: str) -> bool:
    """Whether ``word`` never names a thing to draw."""
    return word in _DULL or word in _FUNCTION_WORDS or (word.isascii() and len(word) < 3)


def looks_like(word: str, name: str) -> bool:
    """Whether ``word`` shares so much spelling with a word of ``name`` that a near embedding may be about the letters.

    A small embedder puts "rein" beside "train" and "casi" beside "briefcase"; such finds need more evidence.
    """
    letters = stem(word)
    return any(SequenceMatcher(None, letters, part).ratio() >= 0.4 for part in name.split("-"))


def is_abstract(word: str) -> bool:
    """Whether ``word`` names a state or a form of picture, or is a number, so that alone it asks for no thing."""
    return word in _ABSTRACT or word.isdigit()


def phrases(words: list[str], longest: int = 5) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, key) for each run of up to ``longest`` words, longer runs first."""
    stems = [stem(word) for word in words]
    for length in range(min(longest, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            yield start, start + length, " ".join(stems[start : start + length])


def runs(text: str) -> list[str]:
    """Return the content runs of unspaced scripts in ``text``: katakana, ideographs, Thai and Korean pieces."""
    return list(dict.fromkeys(_CONTENT_RUN.findall(text)))
