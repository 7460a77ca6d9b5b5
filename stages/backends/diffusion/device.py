"""Which number format a device is best asked to compute in, and what of a model must wait outside its memory."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Literal

from imajin_cli.stages.backends.diffusion.load import libraries
from imajin_cli.stages.backends.diffusion.order import Dtype, Offload


def dtype_on(device: str, wanted: Literal["auto", "fp32", "bf16", "fp16"]) -> Dtype:
    """``wanted``, or for auto: bf16 where it is faster than fp32 on ``device``, else fp16 on a GPU and fp32 on a CPU."""
    if wanted != "auto":
        return wanted
    if device == "cpu":
        return "bf16" if bf16_pays(_cpu_flags()) else "fp32"
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


def bf16_pays(flags: Container[str]) -> bool:
    """Whether a CPU with these feature ``flags`` (Linux's names) multiplies matrices faster in bf16 than in fp32.

    AMX is made for it. AVX-512's own instruction for bf16 alone is not enough: on the Xeon that was measured oneDNN's
    native kernels for it took 1.7 to 1.85 times as long as its fp32 ones (`benchmarks/diffusion.py`, operators). Other
    CPUs were not measured, so they too are asked for fp32.
    """
    return "amx_bf16" in flags and "amx_tile" in flags


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))
