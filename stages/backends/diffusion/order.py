"""One piece of work for a diffusion model, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imajin_cli.models.capabilities import Mode

if TYPE_CHECKING:
    from PIL.Image import Image

Dtype = Literal["fp32", "bf16", "fp16"]


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
class Model:
    """A model in diffusers' format: its name for records and leases, its folder, its family, and how it is computed."""

    name: str
    folder: Path
    family: str
    dtype: Dtype
    device: str
    revision: str


@dataclass(frozen=True)
class Order:
    """Pictures of ``width`` × ``height`` px from one prompt, one for each seed.

    ``image`` and ``mask`` are RGB and L of that size. What is None is left to the model's family.
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
    reference: Control | None = None
    deterministic: bool = False
