"""What a diffusion model takes of a device, computed: from its parameters, the number format, and how large pictures are.

Weights are parameters × bytes a number. Beside them the decoder's last block at full resolution takes most, three tensors of
256 channels for each picture (the autoencoders of all families here have such a block; attention over the latents takes
less with SDPA). It is a bound to reserve by, not a measurement: measured peaks take its place once there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BYTES: Mapping[str, int] = MappingProxyType({"fp32": 4, "bf16": 2, "fp16": 2})
"""Bytes of a number by format."""

_MIB = 1 << 20
_VALUES_A_PIXEL = 3 * 256


def weights_mib(parameters: int, dtype: str) -> int:
    """MiB of ``parameters`` (in millions)."""
    return round(parameters * 1_000_000 * BYTES[dtype] / _MIB)


def working_mib(width: int, height: int, dtype: str, batch: int = 1) -> int:
    """MiB beside the weights for ``batch`` pictures of ``width`` × ``height`` px at once."""
    return round(_VALUES_A_PIXEL * BYTES[dtype] * width * height * batch / _MIB)


def by_format(parameters: int, sides: tuple[int, ...]) -> dict[str, dict[str, int]]:
    """Number format → size ("1024x1024") → MiB for one picture of it."""
    return {
        dtype: {f"{side}x{side}": weights_mib(parameters, dtype) + working_mib(side, side, dtype) for side in sides}
        for dtype in BYTES
    }
