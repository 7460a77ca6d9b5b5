"""Which number format a device is best asked to compute in, and what of a model must wait outside its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from imajin_cli.stages.backends.diffusion.load import libraries
from imajin_cli.stages.backends.diffusion.order import Dtype, Offload


def dtype_on(device: str, wanted: Literal["auto", "fp32", "bf16", "fp16"]) -> Dtype:
    """``wanted``, or for auto: bf16 where ``device`` computes it natively, else fp16 on a GPU and fp32 on a CPU."""
    if wanted != "auto":
        return wanted
    if device == "cpu":
        return "bf16" if _cpu_has_bf16() else "fp32"
    torch, _ = libraries()
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "fp16"


def offload_on(device: str, wanted: Literal["auto", "none", "model", "group"], need_mib: int) -> Offload:
    """``wanted``, or for auto: as little as a GPU's memory makes necessary for a model that takes ``need_mib`` there whole."""
    if wanted != "auto":
        return wanted
    if not device.startswith("cuda"):
        return "none"
    torch, _ = libraries()
    return offload_within(need_mib, int(torch.cuda.mem_get_info(device)[1]) >> 20)


def offload_within(need_mib: int, there_mib: int) -> Offload:
    """What must wait in main memory where ``there_mib`` are for ``need_mib``: nothing, whole parts, or layers.

    The largest part of the families here is about seven tenths of the whole (FLUX.1: 11.9 of 16.9 thousand million).
    """
    if need_mib <= 0.95 * there_mib:
        return "none"
    return "model" if 0.75 * need_mib <= there_mib else "group"


def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
