"""Networks that tell a foreground from its background: ISNet, U²-Net and BiRefNet as ONNX, and MediaPipe's selfie model.

They are run directly, with the preprocessing that rembg (MIT) publishes for each: rembg's own import compiles numba code
for a part of it that is not used here, which costs seconds, and a file is fetched and checked by the model catalogue alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from imajin_cli.contract.errors import BackendError, UsageError
from imajin_cli.stages.backends import litert
from imajin_cli.stages.backends.onnx import network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

PERSON = "selfie-matte"
_PERSON_SIDE = 256
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))


class Recipe(NamedTuple):
    """How a network wants its picture: the side in pixels, each channel's mean and deviation, whether it is divided by its

    own brightest level first; and whether a sigmoid is still to be taken of what it says.
    """

    side: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    brightest: bool = True
    sigmoid: bool = False


_ISNET = Recipe(1024, *_HALF)
_U2NET = Recipe(320, *_IMAGENET)
_BIREFNET = Recipe(1024, *_IMAGENET, sigmoid=True)
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        # IMG.LY's export of ISNet takes levels less 128 over 256, without looking at the brightest.
        "isnet-small": Recipe(1024, (128 / 255,) * 3, (256 / 255,) * 3, brightest=False),
        "isnet-medium": Recipe(1024, (128 / 255,) * 3, (256 / 255,) * 3, brightest=False),
        "isnet-general-use": _ISNET,
        "isnet-anime": Recipe(1024, _IMAGENET[0], (1.0, 1.0, 1.0)),
        "u2net": _U2NET,
        "u2netp": _U2NET,
        "u2net-human-seg": _U2NET,
        "silueta": _U2NET,
        "birefnet-general": _BIREFNET,
        "birefnet-general-lite": _BIREFNET,
        "birefnet-portrait": _BIREFNET,
    }
)
"""Names in the model catalogue (ours or a user's) → how each network is used."""
Name = Literal[
    "isnet-small", "isnet-medium", "isnet-general-use", "isnet-anime", "u2net", "u2netp", "u2net-human-seg", "silueta",
    "birefnet-general", "birefnet-general-lite", "birefnet-portrait",
]  # fmt: skip


def there(name: str) -> bool:
    """Whether the model ``name`` is in a catalogue and on this machine; nothing is hashed."""
    from imajin_cli.models.store import state

    try:
        return not state(name).endswith(" absent")
    except UsageError:
        return False


def state_of(name: str) -> str:
    """What a result depends on: the model's name and revision, or that it is in no catalogue or not on this machine."""
    from imajin_cli.models.store import state

    try:
        return state(name)
    except UsageError:
        return f"{name} unknown"


def licence_of(name: str) -> tuple[str, str]:
    """The model's revision and licence, as the catalogue says them. Raises UsageError for a name that it has not."""
    from imajin_cli.models.store import entry_of

    entry = entry_of(name)
    return entry.revision, entry.licence


def matte(name: str, image: Image) -> NDArray[np.float32]:
    """How likely each part of the RGB ``image`` is foreground, 0..1, (side, side): the picture stretched to the network's.

    Raises MissingError where onnxruntime or the model is absent, UsageError for a name that is in no catalogue,
    BackendError for a result that makes no sense.
    """
    import numpy as np

    recipe = RECIPES[name]
    found = network(name).run(prepared(recipe, image))
    plane = found.reshape(-1, *found.shape[-2:])[0] if found.ndim >= 2 else found
    if plane.ndim != 2 or min(plane.shape) < 8:
        raise BackendError(f"{name} gave a result of shape {found.shape}")
    if not np.isfinite(plane).all():
        raise BackendError(f"{name} gave a result that is no number")
    values = plane.astype(np.float32)
    if recipe.sigmoid:
        values = 1 / (1 + np.exp(-np.clip(values, -60, 60)))
    return np.clip(values, 0, 1).astype(np.float32)


def prepared(recipe: Recipe, image: Image) -> NDArray[np.float32]:
    """The RGB ``image`` as a batch of one, (1, 3, side, side)."""
    import numpy as np
    from PIL import Image as Pil

    small = image.resize((recipe.side, recipe.side), Pil.Resampling.LANCZOS)
    levels = np.asarray(small, np.float32)
    levels = levels / max(float(levels.max()) if recipe.brightest else 255.0, 1e-6)
    batch = (levels - np.array(recipe.mean, np.float32)) / np.array(recipe.deviation, np.float32)
    return np.ascontiguousarray(batch.transpose(2, 0, 1)[None], np.float32)


def person(image: Image) -> NDArray[np.float32]:
    """How likely each part of the RGB ``image`` is a person, 0..1, (256, 256).

    Raises MissingError where ai-edge-litert or the model is absent, BackendError for a result that makes no sense.
    """
    import numpy as np
    from PIL import Image as Pil

    small = image.resize((_PERSON_SIDE, _PERSON_SIDE), Pil.Resampling.BILINEAR)
    batch = np.asarray(small, np.float32)[None] / np.float32(255)
    (found,) = litert.run(PERSON, batch, extra="background")
    if found.size != _PERSON_SIDE**2:
        raise BackendError(f"{PERSON} gave a result that is no matte")
    return np.clip(found.reshape(_PERSON_SIDE, _PERSON_SIDE), 0, 1)
