"""Which languages a short text may be in: by its script, its small words, and how many of its words each one knows."""

from __future__ import annotations

import re
from collections.abc import Mapping

from imajin_cli.stages.scene.knowledge.text import tokens

# The commonest words of little meaning, our own choice of a score or two for each.
_SMALL = {
    "en": "a an the of your my our you we i is are was were has have it this that these and or with at by from for to his "
    "her their its be been will would not they she he into beside near over under who there than but",
    "de": "der die das ein eine einen einem einer und oder mit auf unter dein deine ist sind im dem den wird von ich wir "
    "ihr uns hat haben für zum zur beim am noch nicht kein keine es sie er auch schon gerade zu bei nach aus",
    "es": "el la los las un una unos unas del y con para tu su es en sobre no ya de que se al por más muy bien está son mi "
    "pero hay sin desde lo le me nos han",
    "fr": "le la les des du de et avec votre vos est sont une un sur sous dans au aux ce cette ces il elle nous vous je tu "
    "ne pas plus bien que qui en mon ma son sa pour très par toujours sans être a",
    "it": "il lo la i gli le un una di del della dei e con per tuo su è in sono non che si da al nel più molto questo "
    "questa mio ho hai ha anche come senza",
    "pt": "o a os as um uma de do da dos das e com para teu seu é em no na não que se por mais muito está são meu minha ao "
    "já sem como foi bem",
    "nl": "de het een en of met op onder je jouw is zijn in van voor niet geen dat die er aan bij ik wij we ze hij zij naar "
    "te ook nog heeft hebben uit",
    "sv": "en ett och eller med på under din är i av för inte det den som jag vi ni de till från har om att när ingen",
    "da": "en et og eller med på under din er i af for ikke det den som jeg vi de til fra har om at når ingen",
    "no": "en et og eller med på under din er i av for ikke det den som jeg vi de til fra har om at når ingen",
    "pl": "i w z na do nie to się jest są że o po za od dla jak ale mój twój przez przy już bez",
    "cs": "a v z na do ne to se je jsou že o po za od pro jak ale můj tvůj při už bez",
    "tr": "ve bir bu da de için ile çok ne var yok gibi ama daha o ben sen değil mi en",
}
_WORDS = {language: frozenset(words.split()) for language, words in _SMALL.items()}
_SCRIPTS = (
    (re.compile("[぀-ヿ]"), frozenset({"ja"})),
    (re.compile("[가-힣]"), frozenset({"ko"})),
    (re.compile("[㐀-鿿]"), frozenset({"zh", "ja"})),
    (re.compile("[؀-ۿ]"), frozenset({"ar"})),
    (re.compile("[іїєґ]"), frozenset({"uk"})),
    (re.compile("[Ѐ-ӿ]"), frozenset({"ru", "uk"})),
)
_SMALL_WORD = 2
"""What a small word counts for against a word that a language's dictionary knows."""


def spoken_in(text: str, known: Mapping[str, int]) -> frozenset[str]:
    """Return the languages that normalised ``text`` is likeliest in; ``known`` counts the words that each one knows.

    One word that several languages share leaves them all; English alone is left where it is as likely as others.
    """
    for script, languages in _SCRIPTS:
        if script.search(text):
            return languages
    words = tokens(text)
    scores = {
        language: known.get(language, 0) + _SMALL_WORD * sum(word in small for word in words)
        for language, small in _WORDS.items()
    }
    best = max(scores.values())
    likely = frozenset(language for language, score in scores.items() if score == best)
    return frozenset({"en"}) if "en" in likely else likely


def is_small_word(word: str, languages: frozenset[str]) -> bool:
    """Whether ``word`` is one of little meaning in each of ``languages``: German "hat", French "bien"."""
    return bool(languages) and all(word in _WORDS.get(language, ()) for language in languages)
