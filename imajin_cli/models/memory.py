"""What a diffusion model takes of a device, computed: from its parameters, the number format, and how large pictures are.

Weights are parameters × bytes a number. Beside them the decoder's last block at full resolution takes most, three tensors of
256 channels for each picture (the autoencoders of all families here have such a block; attention over the latents takes
less with SDPA). It is a bound to reserve by, not a measurement: measured peaks take its place once there are some.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

BYTES: Mapping[str, int] = MappingProxyType({"fp32": 4, "bf16": 2, "fp16": 2})
"""Bytes of a number by format."""

_MIB = 1 << 20
_VALUES_A_PIXEL = 3 * 256
# A safetensors header is JSON; the format's own limit for it is 100 MB, and the largest model's has not a hundredth.
_MOST_HEADER = 16 << 20
# Copies in another precision or of another moment lie beside the weights, and are not loaded.
_VARIANTS = (".fp16", ".bf16", ".non_ema", ".ema")

LIBRARIES_MIB = 450
"""What torch and diffusers take of main memory themselves: a process that painted with imajin-mini had grown by 423 MiB."""


def weights_mib(parameters: float, dtype: str) -> int:
    """MiB of ``parameters`` (in millions)."""
    return round(parameters * 1_000_000 * BYTES[dtype] / _MIB)


def working_mib(width: int, height: int, dtype: str, batch: int = 1) -> int:
    """MiB beside the weights for ``batch`` pictures of ``width`` × ``height`` px at once."""
    return round(_VALUES_A_PIXEL * BYTES[dtype] * width * height * batch / _MIB)


def parameters_in(folder: Path) -> float:
    """How many numbers, in millions, the safetensors files of ``folder`` hold by their headers, whatever their format is.

    Variants beside the weights do not count. A file that is none counts by its bytes as if they were fp16: whoever loads it
    says what is wrong with it.
    """
    files = [path for path in folder.rglob("*.safetensors") if not any(mark in path.name for mark in _VARIANTS)]
    return sum(_numbers(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files) / 1_000_000


@lru_cache(maxsize=256)
def _numbers(path: str, size: int, _mtime: int) -> int:
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        data = file.read(length) if 2 <= length <= min(_MOST_HEADER, size - 8) else b""
    try:
        header: dict[str, Any] = json.loads(data)
        found = sum(math.prod(told["shape"]) for name, told in header.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return size // 2
    # Less than a bit each is not possible, whatever a header says.
    return found if isinstance(found, int) and 0 <= found <= size * 8 else size // 2


def by_format(parameters: int, sides: tuple[int, ...]) -> dict[str, dict[str, int]]:
    """Number format → size ("1024x1024") → MiB for one picture of it."""
    return {
        dtype: {f"{side}x{side}": weights_mib(parameters, dtype) + working_mib(side, side, dtype) for side in sides}
        for dtype in BYTES
    }
