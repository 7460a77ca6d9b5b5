"""Which GPUs CUDA_VISIBLE_DEVICES leaves (CUDA C++ Programming Guide, "CUDA Environment Variables")."""

from __future__ import annotations

from collections.abc import Sequence


def visible(uuids: Sequence[Sequence[str]], setting: str | None) -> list[str]:
    """The UUIDs that a CUDA program sees, in its order.

    ``uuids`` holds each GPU's own UUID, or where it is split those of its MIG instances. An entry of ``setting`` is a
    number, or a UUID or the beginning of one; the first that fits nothing ends the list, as CUDA does it. A number that names
    a split GPU means its first instance. One named twice makes CUDA see none. None (unset) leaves all.
    """
    if setting is None:
        return [uuid for group in uuids for uuid in group]
    seen: list[str] = []
    for entry in (part.strip() for part in setting.split(",")):
        found = _named(uuids, entry)
        if found is None:
            break
        if found in seen:
            return []
        seen.append(found)
    return seen


def _named(uuids: Sequence[Sequence[str]], entry: str) -> str | None:
    if entry.isascii() and entry.isdigit():
        index = int(entry) if len(entry) < 6 else len(uuids)
        return uuids[index][0] if index < len(uuids) and uuids[index] else None
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    fitting = [uuid for group in uuids for uuid in group if uuid.startswith(entry)]
    return fitting[0] if len(fitting) == 1 else None
