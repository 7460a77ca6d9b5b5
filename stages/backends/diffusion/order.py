"""One piece of work for a diffusion model, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imajin_cli.models.capabilities import Mode

if TYPE_CHECKING:
    from PIL.Image import Image

Dtype = Literal["fp32", "bf16", "fp16"]
Offload = Literal["none", "model", "group"]
Quant = Literal["int8", "nf4"]


@dataclass(frozen=True)
class Control:
    """A ControlNet or an IP-Adapter in ``folder``, the RGB map or picture that steers it, and how strongly, 0..2."""

    folder: Path
    image: Image
    scale: float


@dataclass(frozen=True)
class Weighted:
    """A file of adapter weights (safetensors), and how strongly it works."""

    path: Path
    scale: float


@dataclass(frozen=True)
class Word:
    """A word of the prompt that stands for vectors in a file (textual inversion, safetensors)."""

    path: Path
    word: str


@dataclass(frozen=True)
class Speed:
    """How a model is computed, beside its number format; each may be told alone.

    ``threads`` of the CPU; ``channels_last``: convolutions' layout, None as it is best; ``compiled``: the blocks that repeat,
    by torch's compiler; ``offload``: what does not work waits in main memory, whole parts ("model") or layers ("group");
    ``tiny_vae``: the folder of an AutoencoderTiny; ``quant``: the denoiser's weights in fewer
    bits (8-bit integers by torchao, 4-bit NormalFloat by bitsandbytes); ``gguf``: its weights from this file instead.
    """

    threads: int | None = None
    channels_last: bool | None = None
    compiled: bool = False
    offload: Offload = "none"
    tiny_vae: Path | None = None
    quant: Quant | None = None
    gguf: Path | None = None


@dataclass(frozen=True)
class Model:
    """A model in diffusers' format: its name for records and leases, its folder, its family, and how it is computed."""

    name: str
    folder: Path
    family: str
    dtype: Dtype
    device: str
    revision: str
    speed: Speed = Speed()


@dataclass(frozen=True)
class Order:
    """Pictures of ``width`` × ``height`` px from one prompt, one for each seed.

    ``image`` and ``mask`` are RGB and L of that size. ``fuse``: the LoRAs are added to the weights for good. What is None is
    left to the model's family. ``step_cache`` is how little the first block's output may change for the others to be left
    out of a step (First Block Cache); ``previews`` says every how many steps a picture is shown, 0 never.
    """

    model: Model
    mode: Mode
    prompt: str
    seeds: tuple[int, ...]
    width: int
    height: int
    steps: int
    guidance: float
    negative: str | None = None
    scheduler: str | None = None
    clip_skip: int | None = None
    strength: float = 0.6
    image: Image | None = None
    mask: Image | None = None
    controls: tuple[Control, ...] = ()
    loras: tuple[Weighted, ...] = ()
    fuse: bool = False
    words: tuple[Word, ...] = ()
    reference: Control | None = None
    deterministic: bool = False
    step_cache: float | None = None
    previews: int = 0
