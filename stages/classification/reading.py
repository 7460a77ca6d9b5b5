"""What of a request is read rather than judged: quoted words, names of files, web addresses, sizes.

What is judged afterwards sees the same word in place of each of them, so that no file's name and no quotation sways it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_CHARS = 2000
MOST_REFERENCES = 16
PICTURES = "png|jpe?g|webp|avif|gif|svg|bmp|tiff?|ico"
_FILE = re.compile(
    rf"(?<![\w/.~-])((?:~|\.{{1,2}})?/?(?:[\w.+-]+/)*[\w+-][\w.+-]*\.(?:{PICTURES}))(?![\w-])", re.IGNORECASE | re.ASCII
)
_NAMED = re.compile(rf"[^\x00-\x1f]{{1,250}}\.(?:{PICTURES})", re.IGNORECASE)
_URL = re.compile(r"\bhttps?://[^\s<>\"'“”„«»「」]{1,1900}", re.IGNORECASE)
_QUOTED = re.compile(
    '"([^"]{1,200})"|“([^”“]{1,200})”|„([^“”„]{1,200})[“”]|«\\s?([^»]{1,200}?)\\s?»|「([^」]{1,200})」|『([^』]{1,200})』'
)
# "that says Hello", without quotation marks, to the end of the clause.
_SAYING = re.compile(
    r"(?:\b(?:that|which) (?:says|reads)|\bsaying|\bwith the (?:text|words?|title|headline)"
    r"|\bmit (?:dem text|den worten|der aufschrift)|\bavec (?:le texte|les mots|le titre)|\bqui dit"
    r"|\bcon (?:el texto|las palabras|el título)|\bque (?:diga|ponga))\s*:?\s+"
    r"([^\s,.;:!?][^,.;:\n]{0,118})",
    re.IGNORECASE,
)
_SIZE = re.compile(r"(?<![\w.])([1-9]\d{1,3})\s?[x×]\s?([1-9]\d{1,3})(?![\w.]*\w)")
_FILE_WORD, _QUOTED_WORD = "photo.png", '"text"'


@dataclass(frozen=True)
class Reading:
    """What was read: ``plain`` is the request with quotations and names of files replaced by a word each.

    ``told`` is the request without the words that are only to be set into the picture and without names of files.
    """

    plain: str
    told: str
    quoted: tuple[str, ...]
    said: str
    files: tuple[str, ...]
    urls: tuple[str, ...]
    sizes: tuple[str, ...]


def read(request: str) -> Reading:
    """Read ``request``, of which the first `MOST_CHARS` count."""
    text = " ".join(request[:MOST_CHARS].split())
    urls = tuple(dict.fromkeys(url.rstrip(".,;:!?)") for url in _URL.findall(text)))[:MOST_REFERENCES]
    bare = _URL.sub(_FILE_WORD, text)
    unquoted = _QUOTED.sub(_quoted_word, bare)
    files = tuple(dict.fromkeys(name for name in _FILE.findall(_QUOTED.sub(" ", _URL.sub(" ", text)))))
    # A file may be named in quotation marks; it is no wording then.
    quotations = ["".join(groups).strip() for groups in _QUOTED.findall(bare)]
    named = tuple(quote for quote in quotations if _NAMED.fullmatch(quote))
    quoted = tuple(dict.fromkeys(quote for quote in quotations if quote and quote not in named))
    said = _SAYING.search(unquoted)
    plain = _FILE.sub(_FILE_WORD, unquoted)
    told = _FILE.sub(" ", _QUOTED.sub(" ", _URL.sub(" ", text)))
    return Reading(
        plain,
        " ".join(told.split()),
        quoted,
        said[1].strip() if said and _QUOTED_WORD not in said[0] else "",
        tuple(dict.fromkeys((*files, *named)))[:MOST_REFERENCES],
        urls,
        tuple(dict.fromkeys(f"{width}x{height}" for width, height in _SIZE.findall(text)))[:8],
    )


def _quoted_word(match: re.Match[str]) -> str:
    """What stands for a quotation: a file may be named in quotation marks."""
    return _FILE_WORD if _NAMED.fullmatch("".join(group or "" for group in match.groups()).strip()) else _QUOTED_WORD
