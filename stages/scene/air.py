"""What may hang in the air and what stands: only what floats by itself is drawn above the ground."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from imajin_cli.stages.scene import pack
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.part import Part

# Sheets that a wind may carry.
LIGHT_THINGS = frozenset({"document", "document-missing", "envelope", "paper-plane", "map", "newspaper", "receipt"})
# Kinds that look lost in the air, which an icon of the same thing does as well.
ROOTED = frozenset({"place", "nature", "animal", "mascot", "person", "vehicle", "food"})
ROOTED_ICONS = frozenset(
    {
        "charging",
        "gas",
        "lamp",
        "couch",
        "bed",
        "desk",
        "chair",
        "ladder",
        "bench",
        "park",
        "farm",
        "factory",
        "buildings",
    }
)
# Drawings without a ground line that lean or lie on it all the same.
HANDY = frozenset(
    {
        "brain-ai-chip",
        "chat-bubbles",
        "chat-robot",
        "dumbbell",
        "fishing-rod",
        "handshake",
        "heart",
        "heart-pulse",
        "magic-wand",
        "palette-brush",
        "pie-chart",
        "plug-disconnected",
        "progress-ring",
        "star",
        "stethoscope",
        "umbrella",
        "wrench-and-screwdriver",
    }
)
LIGHTS = frozenset({"house-solar", "sun-cloud", "moon-night", "bed"})
SUNNY = frozenset({"sun-cloud", "house-solar"})
_SKY_WORDS = frozenset({"sun", "moon", "cloud", "rainbow"})
# Things that a drawing holds or is made of, by their families: none of them stands beside it once more.
SHOWS = {
    "armchair-book": ("book", "armchair"),
    "astronaut-flag": ("flag",),
    "bird-envelope": ("envelope",),
    "desk-away": ("coffee", "potted-plant", "desktop-monitor"),
    "doctor": ("stethoscope",),
    "gardener": ("watering-can",),
    "knight": ("shield",),
    "mail-carrier": ("envelope",),
    "robot-empty-box": ("box",),
    "robot-guard": ("shield",),
    "robot-lost": ("map",),
    "detective": ("search-glass",),
    "robot-searching": ("search-glass",),
}


@lru_cache(maxsize=1)
def _rooted_families() -> frozenset[str]:
    own = pack.own_parts().get("subjects", {}).values()
    return frozenset(family_of(part.name) for part in own if part.ground is not None and part.kind in ROOTED)


def _words(part: Part) -> set[str]:
    return set(part.name.removeprefix("phosphor:").split("-"))


def stands(part: Part) -> bool:
    """Whether a thing needs something under it: it has a ground line, or is an icon of a thing that has roots or feet."""
    if part.kind == "icon":
        bare = part.name.removeprefix("phosphor:")
        return family_of(bare) in _rooted_families() or bare.split("-")[0] in ROOTED_ICONS
    return part.ground is not None and part.name not in LIGHT_THINGS


def flies(part: Part) -> bool:
    """Whether a thing belongs into the sky, so that it looks odd on the ground: a moon, a cloud, a balloon."""
    if part.kind == "icon":
        return bool(_words(part) & _SKY_WORDS)
    return part.ground is None and part.name not in HANDY and part.kind not in ("person", "shape")


def is_bare(part: Part, told: Sequence[Part]) -> bool:
    """Whether a thing is a bare sign that the prompt does not name: in a sky it means nothing, clouds are better there."""
    return part.kind == "icon" and not flies(part) and part not in told


def is_light(part: Part) -> bool:
    """Whether a drawing has a sun or a moon in it: a scene has but one."""
    return part.name in LIGHTS or (part.kind == "icon" and bool(_words(part) & {"sun", "moon"}))


def shown_in(part: Part) -> frozenset[str]:
    """Families of what a drawing shows besides itself."""
    return frozenset(SHOWS.get(part.name, ()))
