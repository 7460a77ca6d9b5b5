"""Transformers as plain functions over a checkpoint's own tensors, for the scorers that the catalogue brings.

Depth and width are those of the tensors; only the number of heads cannot be read from them. torch is imported with the first
picture. Pre-norm towers are those of Dosovitskiy et al. 2020 (arXiv:2010.11929) and Radford et al. 2021 (arXiv:2103.00020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pil
from PIL.Image import Image

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends.threads import settle

MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP learnt from, as OpenAI published them; BLIP and its descendants use the same."""


def torch_of() -> Any:
    """The module torch, on one thread. Raises MissingError."""
    settle(1)
    try:
        import torch
    except ImportError as error:
        raise MissingError(f"{error.name} is not installed", hint="pip install 'imajin[diffusion]'") from None
    return torch


class Weights:
    """A safetensors file's tensors in single precision, by name. What is missing or of another shape is a BackendError."""

    def __init__(self, path: Path, model: str, start: str = "") -> None:
        torch_of()
        try:
            from safetensors import SafetensorError
            from safetensors.torch import load_file
        except ImportError as error:
            raise MissingError(f"{error.name} is not installed", hint="pip install 'imajin[diffusion]'") from None
        self.model = model
        try:
            found = load_file(path)
        except (OSError, SafetensorError) as error:
            raise BackendError(f"{model}: its weights cannot be read: {str(error)[:200]}") from None
        self.tensors = {name: value.float() for name, value in found.items() if name.startswith(start)}

    def __getitem__(self, name: str) -> Any:
        try:
            return self.tensors[name]
        except KeyError:
            raise BackendError(f"{self.model}: its weights lack {name}, so they are of another model") from None

    def depth(self, blocks: str) -> int:
        """How many blocks there are: numbers that follow ``blocks`` in names, from 0 without a gap."""
        found = {int(name[len(blocks) :].partition(".")[0]) for name in self.tensors if name.startswith(blocks)}
        if not found or found != set(range(len(found))):
            raise BackendError(f"{self.model}: its weights have no blocks {blocks}0, so they are of another model")
        return len(found)

    def linear(self, x: Any, name: str) -> Any:
        """``x`` through the layer ``name``."""
        return torch_of().nn.functional.linear(x, self[name + ".weight"], self[name + ".bias"])

    def norm(self, x: Any, name: str, eps: float) -> Any:
        """``x`` through the layer norm ``name``."""
        weight = self[name + ".weight"]
        return torch_of().nn.functional.layer_norm(x, weight.shape, weight, self[name + ".bias"], eps)


def guarded(model: str, work: Callable[[], Any]) -> float:
    """``work()`` as one finite number, without gradients. Raises BackendError, also where shapes do not fit together."""
    torch = torch_of()
    try:
        with torch.inference_mode():
            found = work().reshape(-1)
    except RuntimeError as error:
        raise BackendError(f"{model}: its weights do not fit together: {str(error).splitlines()[0][:200]}") from None
    if found.shape != (1,) or not bool(torch.isfinite(found).all()):
        raise BackendError(f"{model}: it gave a result that is no number")
    return float(found[0])


def attend(query: Any, key: Any, value: Any, heads: int, mask: Any = None) -> Any:
    """Attention of (1, n, width) to (1, m, width); ``mask`` is added to the weights, of shape (n, m) or (1, m)."""
    torch = torch_of()

    def split(x: Any) -> Any:
        return x.reshape(1, x.shape[1], heads, -1).transpose(1, 2)

    out = torch.nn.functional.scaled_dot_product_attention(split(query), split(key), split(value), attn_mask=mask)
    return out.transpose(1, 2).reshape(1, query.shape[1], -1)


@dataclass(frozen=True)
class Layout:
    """How a family of checkpoints names the parts of a pre-norm block, and what its blocks do.

    ``joined`` is the name of a projection that holds query, key and value in one; else ``apart`` names the three.
    """

    norm1: str
    norm2: str
    out: str
    up: str
    down: str
    joined: str = ""
    apart: Sequence[str] = ()
    eps: float = 1e-5
    quick: bool = False


def blocks(weights: Weights, start: str, x: Any, heads: int, layout: Layout, mask: Any = None) -> Any:
    """``x`` (1, n, width) through every block whose names begin with ``start``."""
    torch = torch_of()
    for at in range(weights.depth(start)):
        here = f"{start}{at}."
        normed = weights.norm(x, here + layout.norm1, layout.eps)
        if layout.apart:
            query, key, value = (weights.linear(normed, here + name) for name in layout.apart)
        else:
            query, key, value = _joined(weights, normed, here + layout.joined)
        x = x + weights.linear(attend(query, key, value, heads, mask), here + layout.out)
        hidden = weights.linear(weights.norm(x, here + layout.norm2, layout.eps), here + layout.up)
        hidden = hidden * torch.sigmoid(1.702 * hidden) if layout.quick else torch.nn.functional.gelu(hidden)
        x = x + weights.linear(hidden, here + layout.down)
    return x


def _joined(weights: Weights, x: Any, name: str) -> Any:
    # torch's own attention names its one projection in_proj_weight, others qkv.weight.
    dot = "_" if name.endswith("in_proj") else "."
    weight, bias = weights[f"{name}{dot}weight"], weights[f"{name}{dot}bias"]
    return torch_of().nn.functional.linear(x, weight, bias).chunk(3, dim=-1)


def patches(weights: Weights, pixels: Any, name: str, bias: str | None = None) -> Any:
    """(1, 3, side, side) as a row of embedded patches (1, n, width): a convolution whose stride is its size."""
    weight = weights[name]
    found = torch_of().nn.functional.conv2d(pixels, weight, weights[bias] if bias else None, stride=weight.shape[-1])
    return found.flatten(2).transpose(1, 2)


def cropped(image: Image, side: int) -> Any:
    """The middle of a picture whose shorter side is brought to ``side``: (1, 3, side, side), normalised as CLIP's are."""
    width, height = image.size
    short = min(width, height)
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    small = image.convert("RGB") if short == side else image.convert("RGB").resize(size, Pil.Resampling.BICUBIC)
    left, top = round((small.width - side) / 2), round((small.height - side) / 2)
    return _normal(torch_of().from_numpy(_planes(small.crop((left, top, left + side, top + side)))))


def padded(image: Image, side: int) -> Any:
    """The whole picture, its longer side brought to ``side``, on black: (1, 3, side, side), normalised as CLIP's are."""
    torch = torch_of()
    pixels = torch.from_numpy(_planes(image.convert("RGB")))
    scale = side / max(image.size)
    size = (max(1, round(image.height * scale)), max(1, round(image.width * scale)))
    if scale != 1:
        pixels = torch.nn.functional.interpolate(pixels, size, mode="bicubic", antialias=True)
    down, across = side - size[0], side - size[1]
    edges = (across // 2, across - across // 2, down // 2, down - down // 2)
    return _normal(torch.nn.functional.pad(pixels, edges))


def _planes(image: Image) -> Any:
    return np.ascontiguousarray(np.asarray(image, np.float32).transpose(2, 0, 1)[None] / np.float32(255))


def _normal(pixels: Any) -> Any:
    torch = torch_of()
    return (pixels - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(SPREAD).view(1, 3, 1, 1)


def side_of(weights: Weights, positions: str, patch: str) -> int:
    """Pixels of a side of the pictures that a tower takes, out of its positions (…, n + 1, width) and its patches' size."""
    count = weights[positions].shape[-2] - 1
    across = round(float(np.sqrt(count)))
    if across < 1 or across * across != count:
        raise BackendError(f"{weights.model}: its positions make no square")
    return across * int(weights[patch].shape[-1])


def head(weights: Weights, x: Any, names: Sequence[str]) -> Any:
    """``x`` through linear layers one after another, nothing between them."""
    for name in names:
        x = weights.linear(x, name)
    return x


def files_of(names: Mapping[str, str]) -> dict[str, Path]:
    """The paths of files by the models that they are of. Raises NoVerdictError with the command that gets one."""
    from imajin_cli.models.store import path_of

    return {model: path_of(model, file, for_gate=True) for model, file in names.items()}
