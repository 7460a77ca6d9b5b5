"""What a device is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["cuda", "rocm", "mps", "cpu", "simulated"]
# Nothing has more; a driver that says so talks nonsense.
MOST_MIB = 1 << 26
_UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class Device:
    """One device as this process sees it.

    ``id`` is its name here ("cuda:0", "cpu"), ``uuid`` the same for everybody. ``free_mib`` is what its driver, or the
    system, says is unused at this moment; None where that cannot be known.
    """

    id: str
    uuid: str
    name: str
    kind: Kind
    total_mib: int
    free_mib: int | None

    @property
    def folder_name(self) -> str:
        """The name of its folder in the ledger."""
        return _folder_name(self.uuid)


@lru_cache(maxsize=64)
def _folder_name(uuid: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", uuid)


def nonsense(uuid: object, total_mib: int, free_mib: int | None) -> str | None:
    """Why what a driver says of a device cannot be true; None where it can."""
    if not isinstance(uuid, str) or _UUID.fullmatch(uuid) is None:
        return f"its name is {str(uuid)[:40]!r}"
    if not 0 < total_mib <= MOST_MIB:
        return f"its memory is {total_mib} MiB"
    if free_mib is not None and not 0 <= free_mib <= total_mib:
        return f"{free_mib} MiB of {total_mib} are free"
    return None
