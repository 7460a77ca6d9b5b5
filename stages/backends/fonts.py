"""Fonts that Python packages carry: where they lie, what each is for, and which package would get a missing one.

A package is located without being imported. Licences are those that the packages state (SIL Open Font License 1.1).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from imajin_cli.contract.errors import InputError, MissingError
from imajin_cli.contract.ingredient import Ingredient, digest_of
from imajin_cli.contract.sidecar import Credit
from imajin_cli.stages.backends.harfbuzz import HbFace, open_face

NOTO = "The Noto Project Authors"


@dataclass(frozen=True)
class FontFile:
    """A font on disk and who made it."""

    path: Path
    credit: Credit
    index: int = 0


@dataclass(frozen=True)
class Source:
    """A font inside a package: ``package`` is what pip installs, ``module`` the folder, ``file`` the path in it."""

    package: str
    module: str
    file: str
    name: str
    by: str = NOTO
    index: int = 0

    def find(self) -> FontFile | None:
        """The font, where the package is installed and holds it."""
        folder = package_folder(self.module)
        path = folder / self.file if folder else None
        if path is None or not path.is_file():
            return None
        credit = Credit(name=self.name, licence="OFL-1.1", source=f"pypi:{self.package}", by=self.by)
        return FontFile(path, credit, self.index)


def _fontpkg(slug: str, file: str, name: str, by: str = NOTO) -> Source:
    return Source(f"fontpkg-{slug}", f"fontpkg_{slug.replace('-', '_')}", f"files/{file}", name, by)


def _noto(name: str) -> Source:
    file = f"NotoSans{name.replace(' ', '')}[wght].ttf"
    return Source("manimgx-fonts", "manimgx_fonts", file, f"Noto Sans {name}")


def _fontpkg_noto(name: str) -> Source:
    return _fontpkg(f"noto-sans-{name.lower()}", f"NotoSans{name}[wdth,wght].ttf", f"Noto Sans {name}")


def _pack(pack: str, slug: str, file: str, name: str) -> Source:
    return Source(f"justmytype-intl-{pack}", f"justmytype_intl_{pack}", f"fonts/ofl/{slug}/{file}", name)


def _cjk(code: str, index: int) -> tuple[Source, ...]:
    own = _pack("cjk", f"notosans{code.lower()}", f"NotoSans{code}[wght].ttf", f"Noto Sans {code}")
    file = "NotoSansCJK-VF.otf.ttc"
    return own, Source("manimgx-fonts-cjk", "manimgx_fonts_cjk", file, "Noto Sans CJK", NOTO, index)


INTER = _fontpkg("inter", "Inter[opsz,wght].ttf", "Inter", "The Inter Project Authors")
NOTO_SANS = _fontpkg("noto-sans", "NotoSans[wdth,wght].ttf", "Noto Sans")
EMOJI = Source("manimgx-fonts", "manimgx_fonts", "NotoEmoji[wght].ttf", "Noto Emoji")
# Tried for every script, in this order, after the script's own.
GENERAL = (INTER, NOTO_SANS)

# Script (ISO 15924) → where its font is had, the one to recommend first. Han is settled by language: see ``han``.
SCRIPT_SOURCES: dict[str, tuple[Source, ...]] = {
    "Arab": (
        _fontpkg_noto("Arabic"),
        _pack("rtl", "notosansarabic", "NotoSansArabic[wdth,wght].ttf", "Noto Sans Arabic"),
        _noto("Arabic"),
    ),
    "Armn": (_noto("Armenian"),),
    "Beng": (_noto("Bengali"),),
    "Deva": (_fontpkg_noto("Devanagari"), _noto("Devanagari")),
    "Ethi": (_noto("Ethiopic"),),
    "Geor": (_noto("Georgian"),),
    "Gujr": (_noto("Gujarati"),),
    "Guru": (_noto("Gurmukhi"),),
    "Hebr": (_noto("Hebrew"), _pack("rtl", "notosanshebrew", "NotoSansHebrew[wdth,wght].ttf", "Noto Sans Hebrew")),
    "Khmr": (_fontpkg_noto("Khmer"), _noto("Khmer")),
    "Knda": (_noto("Kannada"),),
    "Laoo": (_noto("Lao"),),
    "Mlym": (_noto("Malayalam"),),
    "Mymr": (_noto("Myanmar"),),
    "Orya": (_noto("Oriya"),),
    "Sinh": (_noto("Sinhala"),),
    "Taml": (_fontpkg_noto("Tamil"), _noto("Tamil")),
    "Telu": (_fontpkg_noto("Telugu"), _noto("Telugu")),
    "Thai": (_fontpkg_noto("Thai"), _noto("Thai")),
    "Zsye": (EMOJI,),
    "Zsym": (_noto("Symbols"), EMOJI),
    "Hira": _cjk("JP", 0),
    "Kana": _cjk("JP", 0),
    "Hang": _cjk("KR", 1),
    "Bopo": _cjk("TC", 3),
}
_HAN = {"ja": _cjk("JP", 0), "ko": _cjk("KR", 1), "zh-hant": _cjk("TC", 3), "zh": _cjk("SC", 2)}
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def han(language: str) -> tuple[Source, ...]:
    """Where the ideographs for ``language`` (a BCP 47 tag) are had: simplified Chinese unless it says another."""
    tag = language.lower()
    if tag.startswith("zh") and any(part in tag for part in ("hant", "-tw", "-hk", "-mo")):
        return _HAN["zh-hant"]
    return _HAN.get(tag.split("-", 1)[0], _HAN["zh"])


@lru_cache(maxsize=256)
def package_folder(module: str) -> Path | None:
    """The folder of an installed top-level package, found without importing it."""
    spec = find_spec(module)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def font_named(name: str) -> FontFile:
    """The font that a person named: a file (.ttf, .otf, .ttc), or a family of which a ``fontpkg-…`` package exists.

    Raises InputError for a name that is neither, MissingError (with the pip command) for a family not installed.
    """
    if name.lower().endswith((".ttf", ".otf", ".ttc")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"there is no font file {name}")
        return FontFile(path, Credit(name=path.name, licence="unknown", source="file"))
    slug = name.strip().lower().replace(" ", "-")
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise InputError(f"{name!r} is neither a font file (.ttf, .otf, .ttc) nor a family's name")
    folder = package_folder(f"fontpkg_{slug.replace('-', '_')}")
    if folder is None:
        hint = f"if it is a family that fontpkg has: pip install fontpkg-{slug}"
        raise MissingError(f"the font {name} is not installed", hint=hint)
    return _from_metadata(folder, slug)


def _from_metadata(folder: Path, slug: str) -> FontFile:
    """The upright face that a fontpkg package lists: the variable one, else the one nearest to regular."""
    try:
        data = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        upright = [file for file in data["files"] if file["style"] == "normal"]
        best = min(upright, key=lambda file: (not file["variable"], abs((file["weight"] or 400) - 400), file["path"]))
        credit = Credit(name=data["family"], licence=data["license"], source=f"pypi:fontpkg-{slug}", by=None)
        return FontFile(folder / best["path"], credit)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingError(
            f"the package fontpkg-{slug} is damaged", hint=f"pip install --force-reinstall fontpkg-{slug}"
        ) from error


def fonts_for(scripts: Iterable[str], font: str, language: str) -> list[Ingredient]:
    """The fonts that may set text of ``scripts``, as a lock knows them: the one that is named, and those of each script."""
    if font.lower().endswith((".ttf", ".otf", ".ttc")):
        found = [Ingredient("font", font, path=font)]
    else:
        try:
            named = font_named(font).path
        except MissingError:
            named = None
        found = [Ingredient("font", font.lower(), "absent" if named is None else digest_of(named))]
    for script in sorted({*scripts} - {"Latn", "Zyyy", "Zinh"}):
        sources = han(language) if script == "Hani" else SCRIPT_SOURCES.get(script, GENERAL)
        installed = next((one for source in sources if (one := source.find()) is not None), None)
        name = sources[0].name if installed is None else installed.credit.name
        found.append(Ingredient("font", name, "absent" if installed is None else digest_of(installed.path)))
    return list(dict.fromkeys(found))


class Library:
    """The faces for one role of text ("headline" at weight 700): finds the first that covers a cluster.

    ``first`` is a font that goes before all others. ``credits`` are those of every font handed out so far.
    """

    def __init__(self, *, language: str, axes: dict[str, float], first: FontFile | None = None) -> None:
        self.language = language
        self._axes = tuple(sorted(axes.items()))
        self._first = first
        self.credits: dict[str, Credit] = {}

    def face(self, cluster: str, script: str) -> HbFace:
        """The face that ``cluster`` (a base with its marks) of ``script`` is set in.

        Raises MissingError where no installed font covers it whole: nothing is ever drawn as boxes.
        """
        needed = [c for c in cluster if not ignorable(c)]
        for font in self._candidates(script):
            face = open_face(font.path, font.index, self._axes, font.credit.name)
            if all(face.covers(c) for c in needed):
                self.credits.setdefault(face.key, font.credit)
                return face
        raise missing(cluster, script, self._sources(script))

    def base(self) -> HbFace:
        """The face that plain Latin is set in: it gives the text its measures."""
        return self.face("H", "Latn")

    def _sources(self, script: str) -> tuple[Source, ...]:
        own = han(self.language) if script == "Hani" else SCRIPT_SOURCES.get(script, ())
        if script in ("Hira", "Kana", "Bopo", "Hang") or own:
            return own
        return GENERAL

    def _candidates(self, script: str) -> list[FontFile]:
        sources = (*self._sources(script), *GENERAL)
        fonts = [self._first] if self._first and script != "Zsye" else []
        return fonts + [font for font in (source.find() for source in dict.fromkeys(sources)) if font]


def ignorable(char: str) -> bool:
    """Whether a character needs no glyph of its own: joiners, selectors, direction marks, soft hyphens, spaces."""
    code = ord(char)
    if 0xFE00 <= code <= 0xFE0F or 0xE0020 <= code <= 0xE007F or 0xE0100 <= code <= 0xE01EF:
        return True
    return char in "\u00ad\u034f" or unicodedata.category(char) in ("Cf", "Zl", "Zp", "Zs", "Cc")


def missing(cluster: str, script: str, sources: tuple[Source, ...]) -> MissingError:
    """The error for text that no installed font can set, with the command that gets one if any is known."""
    code = " ".join(f"U+{ord(c):04X}" for c in cluster[:4])
    what = _name(script, cluster)
    absent = next((source for source in sources if source.find() is None), None)
    if absent is None or any(source.find() for source in sources if script not in ("Latn", "Zyyy")):
        return MissingError(
            f"no font is known that sets {what} ({code}); name a font file that does", hint="--font FILE.ttf"
        )
    return MissingError(f"no installed font sets {what} ({code})", hint=f"pip install {absent.package}")


def _name(script: str, cluster: str) -> str:
    if script in ("Zsye", "Zsym"):
        return "emoji" if script == "Zsye" else "this symbol"
    try:
        return unicodedata.name(cluster[0]).split()[0].replace("CJK", "Han").capitalize()
    except ValueError:
        return "this character"
