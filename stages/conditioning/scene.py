"""A composed scene's layers as control maps: what each pixel is, how near it is, where it faces. Exact outlines, no network.

Depth follows the order in which a scene is painted: the ground rises towards the viewer, shapes bulge out of their outline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Layer → how near it is, 0..1; a bulge comes on top. Layers of a vector that are not listed stand where the subject does.
_NEAR: Mapping[str, float] = {
    "background": 0.0, "backdrop": 0.18, "ground": 0.3, "companions": 0.48, "subject": 0.62, "badge": 0.74, "marks": 0.5,
    "text": 0.8,
}  # fmt: skip
_BULGE, _GROUND_RISE = 0.22, 0.45
# Layers that are flat, whatever their outline.
_FLAT = ("background", "backdrop", "ground", "text")
# Layer → ADE20K class of what it holds where no drawing of it has a class of its own.
_CLASS: Mapping[str, str] = {
    "background": "wall", "backdrop": "sky", "ground": "floor", "badge": "signboard", "marks": "light",
    "text": "signboard",
}  # fmt: skip
_THING = "plaything"
# ADE20K class → words in the names of drawings that are of it; a drawing that none of them names is a thing.
_NAMES: Mapping[str, str] = {
    "person": "person astronaut doctor scientist chef detective gardener pirate knight wizard superhero worker carrier peeps "
    "notionists adventurer micah lorelei",
    "animal": "bear bee bird cat dog chameleon dinosaur elephant fox hedgehog octopus owl penguin sloth snail squirrel turtle "
    "unicorn whale yeti fish",
    "plant": "plant seedling cactus leaf", "tree": "tree palm", "flower": "flower",
    "house": "house castle museum school storefront", "tower": "lighthouse tower turbine antenna", "door": "door doorstep",
    "computer": "laptop computer", "monitor": "desktop monitor", "screen": "browser terminal tablet video",
    "book": "book books newspaper notebook", "clock": "clock alarm stopwatch",
    "box": "box boxes parcel package chest inbox mailbox toolbox", "bag": "bag suitcase wallet", "sofa": "sofa",
    "armchair": "armchair", "chair": "chair", "bed": "bed", "desk": "desk", "table": "table", "lamp": "lamp",
    "mountain": "mountain volcano", "sky": "cloud sun moon", "bridge": "bridge", "car": "car", "bus": "bus",
    "truck": "truck", "bicycle": "bicycle", "boat": "boat sailboat", "airplane": "airplane plane",
    "food": "cake cookie pizza popcorn soup lunch pumpkin", "ball": "ball globe balloons", "vase": "vase",
    "bottle": "bottle", "flag": "flag", "washer": "washing", "signboard": "sign signpost board",
    "painting": "frame image", "sculpture": "trophy medal statue",
}  # fmt: skip
_WORDS = {word: name for name, words in _NAMES.items() for word in words.split()}


class Layer(NamedTuple):
    """One layer: its name and its opacity (height, width), 0..1."""

    name: str
    alpha: NDArray[np.float32]


def layers(vector: Vector, size: tuple[int, int]) -> list[Layer]:
    """The layers of ``vector`` drawn at ``size`` pixels, in painting order. Raises InputError where it has none."""
    import numpy as np

    from imajin_cli.stages.backends.resvg import render

    found = []
    for name in vector.layers:
        if name == "watermark":
            continue
        alpha = np.asarray(render(vector.layers[name], *size).getchannel("A"), np.float32) / np.float32(255)
        found.append(Layer(name, alpha))
    if not found:
        raise InputError("the vector names no layers", hint="scenes of `imajin generate` do")
    return found


def depth(found: list[Layer]) -> NDArray[np.float32]:
    """How near each pixel is, 0..1, (height, width)."""
    import numpy as np

    near = np.zeros(found[0].alpha.shape, np.float32)
    for layer in found:
        seen = layer.alpha >= 0.5
        if seen.any():
            near[seen] = _surface(layer, seen)[seen]
    return near


def _surface(layer: Layer, seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How near a layer's own surface is, (height, width), wherever it is to be seen."""
    import numpy as np

    from imajin_cli.stages.backends.opencv import distances
    from imajin_cli.stages.imaging.control.relief import swollen

    base = np.full(seen.shape, _NEAR.get(layer.name, _NEAR["subject"]), np.float32)
    if layer.name == "ground":
        rows = np.flatnonzero(seen.any(axis=1))
        rise = np.clip((np.arange(len(seen)) - rows[0]) / max(1, len(seen) - rows[0]), 0, 1)
        base += np.float32(_GROUND_RISE) * rise[:, None].astype(np.float32)
        return base
    if layer.name in _FLAT:
        return base
    return base + np.float32(_BULGE) * swollen(distances(seen), 0.12 * min(seen.shape))


def classes(vector: Vector, found: list[Layer]) -> tuple[NDArray[np.uint8], list[str]]:
    """Which class each pixel is, as an index (height, width), and the classes' names, the ground's first.

    What lies in the box of a drawing that has a name is of that name's class; the rest goes by its layer.
    """
    import numpy as np

    names = ["wall"]
    labels = np.zeros(found[0].alpha.shape, np.uint8)
    for layer in found:
        seen = layer.alpha >= 0.5
        labels[seen] = _index(names, _CLASS.get(layer.name, _THING))
        for box, name in _drawings(vector.scene, layer.name, labels.shape):
            inside = np.zeros_like(seen)
            inside[box[1] : box[3], box[0] : box[2]] = True
            labels[seen & inside] = _index(names, name)
    return labels, names


def _index(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


_ROLES = {"subject": ("subject", "numeral"), "companions": ("companion",)}


def _drawings(scene: Mapping[str, Any], layer: str, shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    """Box (left, top, right, bottom) in pixels and class of each named drawing of a layer. The scene's JSON may be anything."""
    parts, size = scene.get("parts"), scene.get("size")
    if not isinstance(parts, list) or not isinstance(size, list) or len(size) != 2 or not all(map(_is_length, size)):
        return
    across, down = shape[1] / size[0], shape[0] / size[1]
    for part in parts[:500]:
        if not isinstance(part, Mapping) or part.get("role") not in _ROLES.get(layer, ()):
            continue
        box = part.get("box")
        if (
            not isinstance(box, list)
            or len(box) != 4
            or not all(isinstance(v, int | float) and abs(v) < 1e5 for v in box)
        ):
            continue
        x, y, wide, high = box
        edges = (x * across, y * down, (x + wide) * across, (y + high) * down)
        yield tuple(max(0, round(edge)) for edge in edges), class_of(str(part.get("name", ""))[:200])


def _is_length(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < 1e5


def class_of(name: str) -> str:
    """The ADE20K class of a drawing called ``name`` ("robot-lost"): the first of its words that is known, else a thing."""
    return next((_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _WORDS), _THING)
