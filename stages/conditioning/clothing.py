"""What people of a pose wear, by body part, as classes of a segmentation map drawn round the pose's bones.

`--clothing torso=red jacket`: the part says where, the words say how far down it goes and, in LIP's palette, which class it
is. Colours and materials are for the prompt: a map has places, not colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from imajin_cli.contract.errors import UsageError

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.control.labels import Colour

PARTS = ("head", "torso", "legs", "feet", "hands", "body")
MAX_WORDS = 100


class Garment(NamedTuple):
    """What is worn: LIP's class, how much of the arms and of the legs it covers (0..1), and whether its legs hang as one."""

    kind: str
    arms: float = 0.0
    legs: float = 0.0
    skirt: bool = False


# The part's garment where its words name none of those below.
_PLAIN: Mapping[str, Garment] = MappingProxyType(
    {
        "head": Garment("hat"),
        "torso": Garment("upper clothes", arms=1.0),
        "legs": Garment("trousers", legs=1.0),
        "feet": Garment("shoe"),
        "hands": Garment("glove"),
        "body": Garment("dress", arms=0.0, legs=0.55, skirt=True),
    }
)
# Part → word → garment; of several words of a text the last one counts, as in "denim jacket dress".
_KNOWN: Mapping[str, Mapping[str, Garment]] = MappingProxyType(
    {
        "torso": {
            **dict.fromkeys(("t-shirt", "tshirt", "tee", "polo"), Garment("upper clothes", arms=0.45)),
            **dict.fromkeys(("vest", "tank", "sleeveless", "waistcoat", "top"), Garment("upper clothes")),
            **dict.fromkeys(("jacket", "blazer", "hoodie", "cardigan"), Garment("coat", arms=1.0, legs=0.08)),
            "coat": Garment("coat", arms=1.0, legs=0.4, skirt=True),
        },
        "legs": {
            **dict.fromkeys(("shorts",), Garment("trousers", legs=0.42)),
            **dict.fromkeys(("skirt", "kilt"), Garment("skirt", legs=0.5, skirt=True)),
        },
        "feet": {
            **dict.fromkeys(("boots", "boot", "wellingtons"), Garment("shoe", legs=0.22)),
            **dict.fromkeys(("socks", "stockings"), Garment("socks", legs=0.22)),
        },
        "body": {
            **dict.fromkeys(
                ("jumpsuit", "overalls", "suit", "pyjamas", "spacesuit"), Garment("jumpsuit", arms=1, legs=1)
            ),
            **dict.fromkeys(("coat", "robe", "gown", "cloak"), Garment("coat", arms=1.0, legs=0.8, skirt=True)),
        },
    }
)


def worn(texts: Sequence[str]) -> dict[str, tuple[str, Garment]]:
    """Part → (words, garment) of each "PART=WORDS". Raises UsageError."""
    found: dict[str, tuple[str, Garment]] = {}
    for text in texts:
        part, equals, words = (piece.strip() for piece in text.partition("="))
        if part not in PARTS or not equals or not words or len(words) > MAX_WORDS:
            raise UsageError(f"--clothing {text[:60]}: write PART=WORDS", hint=f"PART is one of {', '.join(PARTS)}")
        known = _KNOWN.get(part, {})
        named = [known[word] for word in words.lower().replace(",", " ").split() if word in known]
        found[part] = (words, named[-1] if named else _PLAIN[part])
    if "body" in found and ("torso" in found or "legs" in found):
        raise UsageError("--clothing: body is torso and legs in one", hint="give body, or torso and legs")
    return found


class Palette(NamedTuple):
    """The colours of ground, skin and garments in one scheme."""

    ground: Colour
    skin: Mapping[str, Colour]
    garments: Mapping[str, Colour]


def palette_of(name: str) -> Palette:
    """ADE20K knows people and apparel; LIP knows each part and kind of garment."""
    from imajin_cli.stages.imaging.control.labels import ADE20K, LIP

    if name == "ade20k":
        parts = ("face", "left arm", "right arm", "left leg", "right leg")
        kinds = ("hat", "upper clothes", "coat", "dress", "jumpsuit", "skirt", "trousers", "glove", "socks")
        apparel = dict.fromkeys([*kinds, "left shoe", "right shoe"], ADE20K["apparel"])
        return Palette(ADE20K["wall"], dict.fromkeys(parts, ADE20K["person"]), apparel)
    return Palette(LIP["background"], LIP, LIP)
