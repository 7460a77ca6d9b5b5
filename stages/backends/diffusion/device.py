"""Which number format a device is best asked to compute in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from imajin_cli.stages.backends.diffusion.load import libraries
from imajin_cli.stages.backends.diffusion.order import Dtype


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


def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
