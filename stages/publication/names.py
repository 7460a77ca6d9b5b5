"""Names of published files: from a template, safe on every system, at most 200 bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from imajin_cli.contract.digest import sha256

FIELDS = ("name", "preset", "seed", "index", "ratio", "id", "theme")
# Fields that tell one candidate of a group from another.
TELLING = frozenset({"seed", "index", "id"})
MAX_BYTES = 200
_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
# Names that Windows keeps for devices, whatever their ending.
_RESERVED = frozenset(
    [
        "con",
        "prn",
        "aux",
        "nul",
        "conin$",
        "conout$",
        *(f"{port}{i}" for port in ("com", "lpt") for i in "0123456789¹²³"),
    ]
)


def fields_of(template: str) -> list[str]:
    """The fields that ``template`` names, in order. Raises ValueError for an unknown one or a lone brace."""
    found: list[str] = _FIELD.findall(template)
    unknown = [field for field in found if field not in FIELDS]
    if unknown:
        raise ValueError(
            f"{{{unknown[0][:40]}}} is no field of a name; there are {', '.join(f'{{{f}}}' for f in FIELDS)}"
        )
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        raise ValueError("a name has a brace without its partner")
    return found


def filled(template: str, values: Mapping[str, str]) -> str:
    """``template`` with its fields replaced, once: what a value holds is never looked at again."""
    return _FIELD.sub(lambda match: values.get(match[1], ""), template)


def safe_name(stem: str, ending: str) -> str:
    """``stem`` + ``ending`` as one file name without separators, control characters or names that Windows keeps.

    A stem that is too long is cut, with eight digits of its digest in place of what went.
    """
    plain = unicodedata.normalize("NFC", stem.encode("utf-8", "replace").decode())
    plain = _UNSAFE.sub("-", plain).strip(" .-") or "asset"
    if plain.split(".")[0].rstrip().lower() in _RESERVED:
        plain = f"_{plain}"
    room = MAX_BYTES - len(ending.encode())
    if len(plain.encode()) > room:
        mark = "-" + sha256(plain.encode())[:8]
        plain = plain.encode()[: room - len(mark)].decode("utf-8", "ignore").rstrip(" .-") + mark
    return plain + ending


def ratio_word(ratio: str) -> str:
    """An aspect ratio as a part of a name: "16:9" → "16x9"."""
    return ratio.replace(":", "x")


def scale_word(scale: float) -> str:
    """The part of a name that tells a density: "@2x"; nothing for 1."""
    return "" if scale == 1 else f"@{scale:g}x"
