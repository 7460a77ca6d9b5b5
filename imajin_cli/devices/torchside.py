"""ROCm and Apple GPUs, known through torch, and only where this process has imported torch already."""

from __future__ import annotations

import sys
from typing import Any

from imajin_cli.devices.device import Device, nonsense
from imajin_cli.devices.units import MIB


def torch_devices() -> list[Device]:
    """GPUs that torch knows and NVML does not. torch is never imported for it: that takes seconds."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return []
    try:
        if getattr(torch.version, "hip", None) and torch.cuda.is_available():
            found = [_rocm(torch, index) for index in range(torch.cuda.device_count())]
        elif getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
            found = [_apple(torch)]
        else:
            found = []
    except Exception:  # noqa: BLE001 (whatever a driver raises, there is no GPU to be had)
        return []
    return [device for device in found if nonsense(device.uuid, device.total_mib, device.free_mib) is None]


def _rocm(torch: Any, index: int) -> Device:
    properties = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    uuid = str(getattr(properties, "uuid", "") or f"{properties.name}-{index}".replace(" ", "-"))
    return Device(f"cuda:{index}", f"ROCM-{uuid}", str(properties.name)[:80], "rocm", total // MIB, free // MIB)


def _apple(torch: Any) -> Device:
    total = int(torch.mps.recommended_max_memory()) // MIB
    free = max(0, total - int(torch.mps.driver_allocated_memory()) // MIB)
    return Device("mps", "MPS-0", "Apple GPU", "mps", total, free)
