"""The machine: processor and memory, GPUs, disks, the places that imajin writes to."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from imajin_cli.contract.errors import ImajinError
from imajin_cli.doctor.finding import Finding

_ROOM_MIB = 500
"""Less free space than this is worth a word: a batch of a thousand assets in three formats takes about as much."""


def system() -> Iterator[Finding]:
    """Python, the processor's cores and the memory that this process may use."""
    from imajin_cli.devices.host import cpu_device

    yield Finding("system", "python", "ok", f"{platform.python_version()} at {sys.executable}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("system", "cores", "ok", f"{cores} for this process")
    cpu = cpu_device()
    free = "" if cpu.free_mib is None else f", {cpu.free_mib:,} free"
    yield Finding("system", "memory", "ok", f"{cpu.total_mib:,} MiB for this process{free}")


def gpus() -> Iterator[Finding]:
    """GPUs, and what is wrong with one. None is fine: the embedded backends need none."""
    from imajin_cli.devices.probe import survey

    try:
        devices, notes = survey()
    except ImajinError as error:
        yield Finding("devices", "survey", "broken", error.line())
        return
    found = [device for device in devices if device.kind != "cpu"]
    for device in found:
        free = "" if device.free_mib is None else f", {device.free_mib:,} free"
        yield Finding("devices", device.id, "ok", f"{device.name}: {device.total_mib:,} MiB{free}")
    for note in notes:
        yield Finding("devices", "driver", "broken", note)
    if not found and not notes:
        yield Finding("devices", "gpu", "ok", "none seen; the embedded backends need none")


def places() -> Iterator[Finding]:
    """The folders that imajin writes to: this one, the ledger's, the cache's."""
    from imajin_cli.devices.places import ledger_root
    from imajin_cli.models.pins import models_folder

    yield _folder("this folder", Path.cwd(), "cd to a folder that you may write to")
    try:
        yield _folder("lease ledger", ledger_root(), "imajin gpu --help says where else it may be")
    except ImajinError as error:
        yield Finding("places", "lease ledger", "broken", error.line())
    models = models_folder()
    if models is None:
        yield Finding("places", "models", "broken", "there is no home folder to keep models in", "set $IMAJIN_MODELS")
    else:
        yield _folder("models", models, "set $IMAJIN_MODELS to a folder that you may write to")


def _folder(name: str, path: Path, helps: str) -> Finding:
    near = next(place for place in (path, *path.parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=near):
            pass
    except OSError as error:
        return Finding("places", name, "broken", f"{path}: cannot be written to: {error.strerror}", helps)
    free = shutil.disk_usage(near).free >> 20
    if free < _ROOM_MIB:
        return Finding("places", name, "could", f"{path}: only {free:,} MiB are free", "make room")
    return Finding("places", name, "ok", f"{path}: {free:,} MiB are free")
