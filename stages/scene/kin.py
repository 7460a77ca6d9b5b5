"""Neighbours: what may stand beside a thing that a prompt names alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imajin_cli.stages.scene.part import Part

_SPACE = "planet-ring star moon-night satellite-dish astronaut telescope"
_KIN: Mapping[str, str] = MappingProxyType(
    {
        "spaceship": _SPACE,
        "rocket": _SPACE,
        "ufo": _SPACE,
        "alien": _SPACE,
        "planet": _SPACE,
        "star": _SPACE,
        "telescope": _SPACE,
        "astronaut": "planet-ring star ufo-beam moon-night",
        "safe": "coins-stack key shield-check padlock",
        "castle": "tree crown shield-check cloud",
        "train": "signpost stopwatch passport-suitcase map",
        "sofa": "potted-plant book-open cat-sleeping coffee-cup phosphor:lamp",
        "robot": "gear-pair light-bulb paper-plane chat-bubbles",
        "whale": "sailboat lighthouse cloud island-palm",
        "octopus": "sailboat lighthouse treasure-chest",
        "penguin": "snowman-cold cloud paper-plane",
        "animal": "tree potted-plant sun-cloud seedling cloud",
        "mascot": "paper-plane cloud star potted-plant",
        "place": "tree sun-cloud signpost cloud",
        "vehicle": "signpost tree cloud map",
        "food": "coffee-cup chef empty-plate",
        "nature": "tree watering-can sun-cloud cloud",
    }
)


def kin_of(subject: Part) -> tuple[str, ...]:
    """Names of fitting companions: by the first word of the subject's name, else by its kind; empty where none are known."""
    first = subject.name.removeprefix("phosphor:").split("-")[0]
    return tuple(_KIN.get(first, _KIN.get(subject.kind, "")).split())
