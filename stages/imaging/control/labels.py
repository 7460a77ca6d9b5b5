"""Segmentation maps: a class for each pixel, painted in the colours that ControlNets and parsers of people were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

ADE20K: Mapping[str, Colour] = MappingProxyType(
    {
        "wall": (120, 120, 120), "building": (180, 120, 120), "sky": (6, 230, 230), "floor": (80, 50, 50),
        "tree": (4, 200, 3), "bed": (204, 5, 255), "windowpane": (230, 230, 230), "grass": (4, 250, 7),
        "cabinet": (224, 5, 255), "person": (150, 5, 61), "earth": (120, 120, 70), "door": (8, 255, 51),
        "table": (255, 6, 82), "mountain": (143, 255, 140), "plant": (204, 255, 4), "chair": (204, 70, 3),
        "car": (0, 102, 200), "water": (61, 230, 250), "painting": (255, 6, 51), "sofa": (11, 102, 255),
        "shelf": (255, 7, 71), "house": (255, 9, 224), "sea": (9, 7, 230), "mirror": (220, 220, 220),
        "rug": (255, 9, 92), "armchair": (8, 255, 214), "desk": (10, 255, 71), "rock": (255, 41, 10),
        "lamp": (224, 255, 8), "cushion": (255, 194, 7), "box": (0, 255, 20), "signboard": (255, 5, 153),
        "chest of drawers": (6, 51, 255), "bridge": (255, 82, 0), "flower": (255, 0, 0), "book": (255, 163, 0),
        "computer": (0, 255, 173), "boat": (173, 255, 0), "bus": (255, 0, 245), "truck": (255, 0, 20),
        "tower": (255, 184, 184), "airplane": (0, 255, 82), "apparel": (0, 112, 255), "bottle": (0, 255, 10),
        "poster": (143, 255, 0), "ship": (255, 235, 0), "washer": (184, 0, 255), "plaything": (255, 0, 31),
        "bag": (70, 184, 160), "ball": (255, 0, 163), "food": (255, 204, 0), "animal": (255, 0, 122),
        "bicycle": (255, 245, 0), "screen": (0, 204, 255), "sculpture": (255, 255, 0), "vase": (0, 255, 204),
        "monitor": (0, 92, 255), "light": (255, 173, 0), "glass": (25, 194, 194), "clock": (102, 255, 0), "flag": (92, 0, 255),
    }
)  # fmt: skip
"""Some of ADE20K's 150 classes (Zhou et al. 2017), in the colours that MMSegmentation (Apache-2.0) gives them, which the

segmentation ControlNets of Stable Diffusion 1.5 and SDXL were trained on.
"""


def _voc(index: int) -> Colour:
    """Colour ``index`` of PASCAL VOC's colour map: the bits of the index dealt out to the channels, highest bit first."""
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red, green, blue = (level | ((index >> bit & 1) << shift) for level, bit in ((red, 0), (green, 1), (blue, 2)))
        index >>= 3
    return red, green, blue


_LIP_NAMES = (
    "background", "hat", "hair", "glove", "sunglasses", "upper clothes", "dress", "coat", "socks", "trousers", "jumpsuit",
    "scarf", "skirt", "face", "left arm", "right arm", "left leg", "right leg", "left shoe", "right shoe",
)  # fmt: skip
LIP: Mapping[str, Colour] = MappingProxyType({name: _voc(index) for index, name in enumerate(_LIP_NAMES)})
"""The 20 classes of Look into Person (Gong et al. 2017) in PASCAL VOC's colour map, as parsers of people paint them."""


def painted(labels: NDArray[np.uint8], colours: list[Colour]) -> NDArray[np.uint8]:
    """``labels`` (height, width), each an index of ``colours``, as RGB (height, width, 3)."""
    return np.array(colours, np.uint8)[labels]
