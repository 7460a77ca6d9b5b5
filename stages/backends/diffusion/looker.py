"""What Qwen-Image-Edit reads a prompt and a picture by, where transformers' own class cannot be made.

transformers' Qwen2VLProcessor wants a processor of videos too, which needs torchvision; there is no video here. This one does
the rest: the picture becomes patches, and the prompt has a place for each of them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError

FOLDER = "processor"
_PLACE = "<|image_pad|>"


def parts(folder: Path) -> dict[str, Any]:
    """The pipeline's ``processor``, made of the model's folder; nothing where transformers can make its own.

    Raises InputError for a folder that holds none.
    """
    if importlib.util.find_spec("torchvision") is not None:
        return {}
    return {FOLDER: _processor(folder / FOLDER)}


def _processor(folder: Path) -> Any:
    from transformers import BatchFeature, Qwen2Tokenizer, Qwen2VLImageProcessor, Qwen2VLProcessor

    class Looker(Qwen2VLProcessor):  # type: ignore[misc,unused-ignore]
        """Pictures and prompts for Qwen2-VL, without videos."""

        def __init__(self, image_processor: Any, tokenizer: Any) -> None:
            # The base class would ask for its video processor.
            self.image_processor = image_processor
            self.tokenizer = tokenizer

        def __call__(self, text: list[str], images: Any = None, **_: Any) -> Any:
            """Token numbers and mask (n, tokens), patches and their grid; each picture's place is as long as its patches."""
            shown = self.image_processor(images=images, return_tensors="pt")
            most = self.image_processor.merge_size**2
            lengths = iter([int(grid.prod()) // most for grid in shown["image_grid_thw"]])
            filled = []
            for one in text:
                pieces = one.split(_PLACE)
                whole = pieces[0]
                for piece in pieces[1:]:
                    whole += _PLACE * next(lengths) + piece
                filled.append(whole)
            tokens = self.tokenizer(filled, padding=True, return_tensors="pt")
            return BatchFeature({**tokens, **shown})

    try:
        return Looker(
            Qwen2VLImageProcessor.from_pretrained(str(folder), local_files_only=True),
            Qwen2Tokenizer.from_pretrained(str(folder), local_files_only=True),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"{folder}: no processor for pictures and prompts: {said}") from error
