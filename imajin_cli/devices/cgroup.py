"""What a container may use: memory and cores by control groups, versions 1 and 2, also side by side.

File formats: Linux kernel documentation, admin-guide/cgroup-v1/memory.rst and admin-guide/cgroup-v2.rst; proc(5) for
/proc/self/cgroup and /proc/self/mountinfo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

# Version 1 writes "no limit" as the largest whole number of pages; nothing has that much memory.
_NO_LIMIT = 1 << 60
_MOST = 1 << 20


class MemoryLimit(NamedTuple):
    """The tightest limit: bytes allowed, bytes used (file cache that can be dropped not counted), the group's identity."""

    limit: int
    used: int
    identity: str


def memory_limit(root: Path = Path("/")) -> MemoryLimit | None:
    """The tightest memory limit on this process, of its group and all groups above it; None where there is none.

    ``root`` is where /proc and /sys are looked for.
    """
    found = [limit for group, version in _groups(root, "memory") if (limit := _memory_of(group, version)) is not None]
    return min(found, key=lambda item: item.limit, default=None)


def cores(root: Path = Path("/")) -> float:
    """Cores that this process may use: affinity, and the tightest quota of its groups."""
    allowed = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for group, version in _groups(root, "cpu"):
        if version == 2:
            quota, _, period = (read(group / "cpu.max") or "max").partition(" ")
        else:
            quota = read(group / "cpu.cfs_quota_us") or "-1"
            period = read(group / "cpu.cfs_period_us") or "100000"
        share, whole = _number(quota), _number(period)
        if share is not None and share > 0 and whole:
            allowed = min(allowed, share / whole)
    return allowed


def read(path: Path) -> str | None:
    """A small system file's text, stripped; None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_MOST).decode("utf-8", "replace").strip()
    except OSError:
        return None


def _groups(root: Path, controller: str) -> tuple[tuple[Path, int], ...]:
    """(folder, version) of each group that limits this process by ``controller``, from its own one upwards."""
    return _resolved(root, controller, read(root / "proc/self/cgroup") or "")


@lru_cache(maxsize=16)
def _resolved(root: Path, controller: str, groups: str) -> tuple[tuple[Path, int], ...]:
    """Kept, since a process hardly ever changes its group, and reading all mounts takes longer than all the rest."""
    mounts = list(_mounts(root))
    found: list[tuple[Path, int]] = []
    for line in groups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        version = 1 if controllers else 2
        if version == 1 and controller not in controllers.split(","):
            continue
        for mount in mounts:
            if mount.version == version and (version == 2 or controller in mount.options):
                found += [(folder, version) for folder in _upwards(root, mount, path)]
    return tuple(found)


class _Mount(NamedTuple):
    version: int
    inside: str
    at: str
    options: frozenset[str]


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in (read(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) >= 5 and len(kinds) >= 3 and kinds[0] in ("cgroup", "cgroup2"):
            yield _Mount(2 if kinds[0] == "cgroup2" else 1, fields[3], fields[4], frozenset(kinds[2].split(",")))


def _upwards(root: Path, mount: _Mount, path: str) -> Iterator[Path]:
    """The group's folder and those above it, as far as they are mounted here.

    A container often sees its own group alone, mounted as the whole tree, while /proc tells the path outside.
    """
    inside = mount.inside.rstrip("/")
    below = path[len(inside) :] if path == inside or path.startswith(inside + "/") else "/"
    top = root / mount.at.lstrip("/")
    parts = [part for part in below.split("/") if part and part != ".."]
    for depth in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:depth])


def _memory_of(group: Path, version: int) -> MemoryLimit | None:
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    limit = _number(read(group / names[0]))
    if limit is None or not 0 < limit < _NO_LIMIT:
        return None
    used = _number(read(group / names[1])) or 0
    cache = next(
        (_number(line.partition(" ")[2]) for line in (read(group / "memory.stat") or "").splitlines()
         if line.startswith(names[2] + " ")), None
    )  # fmt: skip
    return MemoryLimit(limit, max(0, used - (cache or 0)), _identity(group))


def _identity(group: Path) -> str:
    """The folder's inode number, which is the same whatever the name it is seen under."""
    try:
        return str(os.stat(group).st_ino)
    except OSError:
        return str(group)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
