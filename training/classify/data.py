"""Labelled requests to learn from: the templates filled from the slots, and the lines of known situations.

The same seed gives the same requests. Every template is on one side of the split alone, `fit` or `held`, so that what is
held out tells how wordings that were never seen are read.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

HERE = Path(__file__).parent
KNOWLEDGE = HERE.parents[1] / "stages" / "scene" / "knowledge" / "situations.yaml"
LANGUAGES = ("en", "de", "fr", "es", "ja", "ar")
UNSAID = "unsaid"
HELD = 6
"""One template in so many is held out."""
EACH, MORE = 6, 2
"""Requests made of a template, and of one in a block that is headed ``more``."""

# Which request a known situation's own lines are.
SITUATIONS = {
    "error-page": "bad-request unauthorized forbidden page-not-found method-not-allowed request-timeout conflict gone "
    "rate-limited server-error bad-gateway service-unavailable gateway-timeout maintenance offline slow-connection "
    "database-error link-expired unsupported-browser power-cut",
    "loading-state": "loading processing please-wait waiting-room",
    "empty-state": "empty-inbox empty-cart empty-list no-results no-notifications no-messages no-comments no-favourites "
    "no-files no-team no-events no-data trash-empty nobody-here",
    "success-state": "success payment-done order-placed account-created email-sent invitation-sent all-caught-up thank-you "
    "tests-passed",
    "picture": "cosy-day renewable-energy cooking groceries commute morning bedtime pets plant-care christmas birthday "
    "running back-to-school travel weather music teamwork creative health finance",
}


@dataclass(frozen=True)
class Request:
    """One request and what it is.

    ``lettering`` says whether its quoted words are to stand in the picture, ``operation`` what an edit does, ``site`` whether
    icons are those of a site or an app itself.
    """

    text: str
    language: str
    kind: str
    style: str = UNSAID
    theme: str = UNSAID
    maturity: str = "general"
    lettering: str = "no"
    operation: str = UNSAID
    split: str = "fit"
    site: str = UNSAID


def blocks(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """(heading's words, lines) of each block of a file of ours."""
    heading: list[str] = []
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"\[([^\]]+)\]", line)
        if found:
            if heading:
                yield heading, lines
            heading, lines = found[1].split(), []
        elif line and not line.startswith("#"):
            lines.append(line)
    yield heading, lines


def requests(seed: int = 0) -> list[Request]:
    """All labelled requests, in a fixed order."""
    slots = _slots()
    made = [*_templates(slots, random.Random(seed)), *_situations(slots, random.Random(seed + 1))]
    return list({request.text: request for request in made}.values())


def sites(seed: int = 2) -> list[Request]:
    """Requests for icons, labelled by whether they are a site's or an app's own, in a fixed order."""
    slots, chance = _slots(), random.Random(seed)
    made = []
    for (language, label), lines in blocks(HERE / "sites.txt"):
        for template in lines:
            split = "held" if zlib.crc32(template.encode()) % HELD == 0 else "fit"
            site = "site" if label == "site" else UNSAID
            for _ in range(EACH):
                text = _filled(template, language, slots, chance, mature=False)
                request = Request(text, language, "icon", split=split, site=site)
                made += [request, _dressed(request, slots, chance)]
    return list({request.text: request for request in made}.values())


def _slots() -> dict[tuple[str, ...], list[str]]:
    return {
        tuple(head): [value.strip() for line in lines for value in line.split("|")]
        for head, lines in blocks(HERE / "slots.txt")
    }


def _templates(slots: dict[tuple[str, ...], list[str]], chance: random.Random) -> Iterator[Request]:
    for (language, kind, *more), lines in blocks(HERE / "templates.txt"):
        fewer = more == ["more"]
        more = [] if fewer else more
        for template in lines:
            split = "held" if zlib.crc32(template.encode()) % HELD == 0 else "fit"
            fixed = "{" not in template
            for turn in range(MORE if fewer else EACH):
                mature = chance.random() < 0.07 and ("{thing}" in template or "{scene}" in template)
                text = _filled(template, language, slots, chance, mature)
                lettering = "yes" if "{word}" in template and kind != "icon" else "no"
                request = Request(
                    text,
                    language,
                    kind,
                    theme=more[1] if len(more) > 1 else UNSAID,
                    maturity="mature" if mature else "general",
                    lettering=lettering,
                    operation=more[0] if more else UNSAID,
                    split=split,
                )
                yield request if turn == 0 and fixed else _dressed(request, slots, chance)


def _filled(
    template: str, language: str, slots: dict[tuple[str, ...], list[str]], chance: random.Random, mature: bool
) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if mature and name in ("thing", "scene"):
            return chance.choice(slots[language, "mature"])
        return chance.choice(slots["*" if name == "file" else language, name])

    return re.sub(r"\{(\w+)\}", value, template)


def _dressed(request: Request, slots: dict[tuple[str, ...], list[str]], chance: random.Random) -> Request:
    """The request with a style's and a theme's phrase, each where the dice say so."""
    said = {}
    for what, share, names in (
        ("style", 0.5, ("flat", "line", "3d", "anime", "photorealistic")),
        ("theme", 0.3, ("dark", "dark", "light")),
    ):
        if chance.random() < share and getattr(request, what) == UNSAID:
            name = chance.choice(names)
            phrase = chance.choice(slots[request.language, what, name])
            comma = "、" if request.language == "ja" else "، " if request.language == "ar" else ", "
            joined = (
                f"{request.text}{comma}{phrase}",
                f"{phrase}{comma}{request.text}",
                f"{request.text} {phrase}",
                f"{phrase}: {request.text}",
            )
            said[what] = name
            request = replace(request, text=chance.choice(joined))
    return replace(request, **said)


def _situations(slots: dict[tuple[str, ...], list[str]], chance: random.Random) -> Iterator[Request]:
    known = yaml.safe_load(KNOWLEDGE.read_text(encoding="utf-8"))
    for kind, names in SITUATIONS.items():
        for name in names.split():
            situation = known[name]
            lines = [("en", str(line)) for line in situation["says"]]
            lines += [
                (lang, str(line))
                for lang, said in situation.get("local", {}).items()
                if lang in LANGUAGES
                for line in said
            ]
            for language, line in lines:
                yield Request(line, language, kind)
                yield _dressed(Request(line, language, kind), slots, chance)


def evaluation(path: Path) -> list[Request]:
    """The labelled requests of a table: language, kind, style, theme, maturity, words to set, request."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            language, kind, style, theme, maturity, words, text = line.split("\t")
            found.append(Request(text, language, kind, style, theme, maturity, "yes" if words else "no", words))
    return found
