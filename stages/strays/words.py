"""Which of the text in a picture is a mark that nobody asked for, and which was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.policy.fold import fold
from imajin_cli.stages.policy.personal import links

# Names that stock libraries and galleries lay over their previews: facts, gathered from their public sites.
STOCK = (
    "shutterstock", "gettyimages", "istock", "istockphoto", "adobestock", "alamy", "dreamstime", "depositphotos", "123rf",
    "bigstock", "canstockphoto", "freepik", "vecteezy", "pngtree", "vectorstock", "fotolia", "pond5", "eyeem", "500px",
    "deviantart", "artstation", "lovepik", "envato", "unsplash", "pexels", "pixabay", "stocksy", "featurepics",
    "colourbox", "masterfile", "agefotostock", "agefoto", "superstock", "rawpixel", "pixtastock", "clipartof",
    "watermark", "stockphoto", "stockimage", "stockvector", "patreon",
)  # fmt: skip
GENERIC = (
    "preview",
    "sample",
    "proof",
    "draft",
    "demo",
    "comp",
    "evaluation",
    "unlicensed",
    "trial",
    "copy",
    "confidential",
)
"""Words that mark a preview, and that an interface may say as well: they count where the text is laid over the picture."""
_RIGHTS = re.compile(r"©|®|\(c\)\s*\S|copyright|allrights?reserved|royaltyfree|\bphoto(?:graph)? by\b", re.IGNORECASE)
_HANDLE = re.compile(r"(?:^|\s)@[A-Za-z][\w.]{2,}")
_QUOTED = re.compile("[\"“„«]([^\"”“»]{1,200})[\"”»]|(?<!\\w)['‘]([^'’]{1,200})['’](?!\\w)")
_LIKE = 0.8
"""Ratio of matching letters (Ratcliff and Obershelp) from which a garbled word is one of the list; 5 letters and more."""
_NEAR = 0.72
"""The same for text that was asked for, which a model paints with mistakes: wanted text is never taken off lightly."""

_MOSTLY = 0.6


def squeezed(text: str) -> str:
    """``text`` folded, its letters and digits alone."""
    return "".join(sign for sign in fold(text) if sign.isalnum())


@dataclass(frozen=True)
class Wanted:
    """Text that was asked for: whole ``phrases`` and single ``words``, squeezed."""

    phrases: tuple[str, ...]
    words: frozenset[str]

    def has(self, text: str) -> bool:
        """Whether ``text`` is something that was asked for, or part of it, or all its words are the request's."""
        own = squeezed(text)
        if not own:
            return True
        if any(_same(own, phrase) for phrase in self.phrases):
            return True
        parts = [word for word in map(squeezed, re.split(r"[\s\-_/,.;:!?]+", text)) if word]
        return bool(parts) and all(any(_near(part, word) for word in self.words) for part in parts)


def wanted(request: Request | None, keep: Iterable[str]) -> Wanted:
    """What ``request`` asks to be written, and the texts to ``keep``: words in quotes, headline, caption, every word of it."""
    phrases, words = [squeezed(text) for text in keep], set[str]()
    if request is not None:
        said = [text for text in (request.headline, request.caption) if text]
        said += [one or other for one, other in _QUOTED.findall(request.prompt[:4000])]
        phrases += [squeezed(text) for text in said]
        for text in (request.prompt[:4000], *said):
            words |= {squeezed(word) for word in re.split(r"[\s\-_/,.;:!?\"'“”„«»‘’()]+", text)}
    return Wanted(tuple(p for p in phrases if p), frozenset(w for w in words if w))


def _same(own: str, phrase: str) -> bool:
    if len(own) >= 2 and own in phrase:
        return True
    # What was asked for with a little more round it, not a mark that holds a word of it.
    return (phrase in own and len(phrase) >= _MOSTLY * len(own)) or _ratio(own, phrase) >= _NEAR


def _near(own: str, word: str) -> bool:
    return own == word or (len(own) >= 4 and _ratio(own, word) >= _NEAR)


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _NEAR else 0.0


def stock_word(text: str, own: Iterable[str] = ()) -> str | None:
    """The stock mark that ``text`` holds, whole, split over words or garbled; None for none. ``own`` are more of them."""
    body = squeezed(text)
    parts = [part for part in map(squeezed, text.split()) if len(part) >= 5]
    for name in (*STOCK, *(squeezed(word) for word in own)):
        if len(name) >= 3 and (name in body or any(_garbled(name, part) for part in (body, *parts))):
            return name
    return None


def generic_word(text: str) -> str | None:
    """The word of a preview that is all that ``text`` says, None for others."""
    rest = [part for part in map(squeezed, text.split()) if part]
    body = "".join(rest)
    # Text laid over a picture is read without its spaces.
    for word in GENERIC:
        body = body.replace(word, "")
    if not body:
        return next((word for word in GENERIC if word in "".join(rest)), None)
    return next((word for word in GENERIC if len(word) >= 5 and _garbled(word, "".join(rest), least=5)), None)


def rights(text: str) -> bool:
    """Whether ``text`` claims rights or names an author: ©, "all rights reserved", @name, a web address."""
    return bool(_RIGHTS.search(text) or _RIGHTS.search(squeezed(text)) or _HANDLE.search(text) or links(text))


def piece_of(text: str, name: str) -> bool:
    """Whether ``text`` is a piece of ``name`` as a border or another drawing leaves one, perhaps misread."""
    body = squeezed(text)
    if len(body) < 2 or body in name:
        return len(body) >= 2
    matcher = SequenceMatcher(None, body, name, autojunk=False)
    return matcher.find_longest_match().size >= max(3, 0.6 * len(body))


def _garbled(name: str, part: str, least: int = 6) -> bool:
    if len(name) < least or len(part) < 5 or not 0.7 <= len(part) / len(name) <= 1.5:
        return False
    return SequenceMatcher(None, name, part, autojunk=False).ratio() >= _LIKE
