"""SigLIP 2 (Tschannen et al. 2025, arXiv:2502.14786): how well texts fit a picture, by sigmoid scores, in many languages.

The weights come by the model catalogue, which pins them on their first pull, and are read from safetensors alone; torch and
transformers are imported with the first picture. Only checkpoints of one fixed size are read: those without NaFlex.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from imajin_cli.contract.backend import Backend, Item, Settings, ask
from imajin_cli.contract.errors import BackendError, MissingError, NoVerdictError, UsageError
from imajin_cli.contract.need import Need
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.backends.threads import settle

if TYPE_CHECKING:
    from PIL.Image import Image

Name = Literal["siglip2-base", "siglip2-large", "siglip2-so400m"]
NAMES: tuple[Name, ...] = ("siglip2-base", "siglip2-large", "siglip2-so400m")
TOKENS = 64
"""Texts are padded to this length, as in training: a shorter padding gives other scores (the model's own documentation)."""


def folder_of(name: Name) -> Path:
    """Where the files of a model lie together. Raises NoVerdictError where it is not on this machine, or not as it was pinned."""
    from imajin_cli.models.store import paths_of

    try:
        paths = paths_of(name, for_gate=True)
    except UsageError as error:
        # Pins that are damaged, or a models.yaml that is wrong.
        raise NoVerdictError(f"the model {name}: {error.message}", hint=error.hint) from error
    folders = {path.parent for path in paths.values()}
    if len(folders) != 1 or "config.json" not in paths:
        raise NoVerdictError(f"the files of the model {name} do not lie together, or its config.json is not among them")
    return folders.pop()


class About(NamedTuple):
    """What the catalogue says of a model: its revision, "unpinned" before its first pull, and its licence."""

    revision: str
    licence: str


def about(name: str) -> About:
    """What the catalogue says of a model. Raises UsageError."""
    from imajin_cli.models.store import entry_of

    entry = entry_of(name)
    return About(entry.revision, entry.licence)


class SigLip2:
    """One model, loaded on first use. The same picture and texts give the same probabilities."""

    def __init__(self, name: Name, folder: Path | None = None) -> None:
        self.name = name
        self._folder = folder
        self._loaded: tuple[Any, Any, Any] | None = None

    def load(self) -> tuple[Any, Any, Any]:
        """torch, the model and its tokenizer. Raises MissingError without torch, BackendError for files that are no SigLIP 2."""
        if self._loaded is None:
            folder = self._folder or folder_of(self.name)
            settle(1)
            try:
                import torch
                from transformers import AutoConfig, AutoTokenizer, SiglipModel
            except ImportError as error:
                raise MissingError(
                    f"{self.name}: {error.name} is not installed", hint="pip install imajin[diffusion]"
                ) from error
            try:
                kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
                if kind != "siglip":
                    raise BackendError(
                        f"{self.name}: a model of kind {kind}, and only those of one fixed size are read"
                    )
                model = SiglipModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
                tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            except (OSError, ValueError, KeyError) as error:
                raise BackendError(f"{self.name}: it cannot be read: {str(error)[:200]}") from error
            self._loaded = torch, model.eval(), tokenizer
        return self._loaded

    def close(self) -> None:
        """Let go of the model; the next picture loads it again."""
        self._loaded = None

    def probabilities(self, image: Image, texts: Sequence[str]) -> list[float]:
        """For each text the probability, 0..1, that it and the RGB picture belong together: sigmoid(scale · cosine + bias).

        Raises BackendError for a result that is no probability.
        """
        torch, model, tokenizer = self.load()
        told = tokenizer(
            [text.lower() for text in texts],
            padding="max_length",
            truncation=True,
            max_length=TOKENS,
            return_tensors="pt",
        )
        with torch.inference_mode():
            pixels = torch.from_numpy(_pixels(image, model.config.vision_config.image_size))
            logits = model(input_ids=told["input_ids"], pixel_values=pixels).logits_per_image[0]
        found = [float(value) for value in torch.sigmoid(logits.float())]
        if len(found) != len(texts) or not all(math.isfinite(value) for value in found):
            raise BackendError(f"{self.name} gave a result that is no probability")
        return found


def _pixels(image: Image, side: int) -> Any:
    """The picture stretched to (1, 3, side, side), in -1..1, as the model's own preprocessing does it."""
    import numpy as np
    from PIL import Image as Pil

    small = image.convert("RGB").resize((side, side), Pil.Resampling.BILINEAR)
    array = np.asarray(small, np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(array.transpose(2, 0, 1)[None])


class Hosted(Backend):
    """The model as all commands of the worker share it: gigabytes that are loaded once.

    Its pictures are looked at one by one: in a batch the last digits would depend on what is beside them.
    """

    most = 1

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._model = SigLip2(next(name for name in NAMES if name == settings["name"]))

    def need(self) -> Need:
        """The model's own."""
        return on_cpu([self._model.name])[0]

    def batch(self, items: Sequence[Item]) -> list[Item]:
        """The probabilities of each item's texts for its picture. Raises as `SigLip2.probabilities` and `load` do."""
        from PIL import Image as Pil

        pictures = [Pil.frombytes("RGB", tuple(item["size"]), item["pixels"]) for item in items]
        return [
            {"found": self._model.probabilities(picture, item["texts"])}
            for picture, item in zip(pictures, items, strict=True)
        ]

    def close(self) -> None:
        """Let go of the model."""
        self._model.close()


class Asked:
    """A model that is asked wherever it is loaded."""

    def __init__(self, name: Name) -> None:
        self.name = name

    def probabilities(self, image: Image, texts: Sequence[str]) -> list[float]:
        """As `SigLip2.probabilities`; MissingError and NoVerdictError where it cannot be loaded."""
        picture = image.convert("RGB")
        item = {"size": list(picture.size), "pixels": picture.tobytes(), "texts": list(texts)}
        (result,) = ask(f"{__name__}:Hosted", {"name": self.name}, [item])
        found: list[float] = result["found"]
        return found


def shared(name: Name) -> Asked:
    """The one model of this name for all commands."""
    return Asked(name)
