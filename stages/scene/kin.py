"""Neighbours: what may stand beside a thing that a prompt names alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imajin_cli.stages.scene.part import Part

_MEAL = "soup-bowl coffee-cup grocery-bag cookie lunch-box"
_HEALTH = "medical-kit stethoscope thermometer heart-pulse clipboard-checklist"
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
        "train": "stopwatch signpost passport-suitcase traffic-light",
        "sofa": "potted-plant book-open cat-sleeping coffee-cup phosphor:lamp",
        "robot": "gear-pair light-bulb paper-plane chat-bubbles",
        "house": "tree sun-cloud bicycle mailbox",
        "wind": "tree sun-cloud house-solar cloud",
        "mail": "mailbox package-box envelope house",
        "doorstep": "mailbox house potted-plant envelope",
        "knight": "castle crown shield-check tree",
        "bus": "signpost traffic-light tree cloud",
        "bed": "moon-night alarm-clock book-open star",
        "alarm": "coffee-cup sun-cloud bed newspaper",
        "washing": "clipboard-checklist house potted-plant phosphor:t-shirt",
        "school": "library-books globe graduation-cap bus",
        "window": "armchair-book umbrella rain-cloud coffee-cup",
        "armchair": "window-rain potted-plant cat-sleeping coffee-cup",
        "doctor": _HEALTH,
        "thermometer": _HEALTH,
        "stethoscope": _HEALTH,
        "gardener": "watering-can seedling potted-plant tree",
        "battery": "phone laptop light-bulb plug-disconnected",
        "soup": _MEAL,
        "lunch": _MEAL,
        "cooking": _MEAL,
        "chef": _MEAL,
        "beach": "sun-cloud sailboat passport-suitcase island-palm",
        "christmas": "gift snowman-cold bell star",
        "pumpkin": "ghost moon-night tree star",
        "running": "stopwatch medal heart-pulse tree",
        "moving": "house key potted-plant delivery-truck",
        "faucet": "toolbox wrench-and-screwdriver ladder house",
        "whale": "sailboat lighthouse cloud island-palm",
        "octopus": "sailboat lighthouse treasure-chest",
        "penguin": "snowman-cold cloud paper-plane",
        "animal": "tree potted-plant sun-cloud seedling cloud",
        "mascot": "paper-plane cloud star potted-plant",
        "place": "tree sun-cloud signpost cloud",
        "vehicle": "signpost tree cloud traffic-light",
        "food": "coffee-cup chef grocery-bag",
        "nature": "tree watering-can sun-cloud cloud",
    }
)


def kin_of(subject: Part) -> tuple[str, ...]:
    """Names of fitting companions: by the first word of the subject's name, else by its kind; empty where none are known."""
    first = subject.name.removeprefix("phosphor:").split("-")[0]
    return tuple(_KIN.get(first, _KIN.get(subject.kind, "")).split())
