"""Sidecars as files: where they stand, and their JSON, which is checked before anything of it is believed."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import SIDECAR_VERSION, Sidecar
from imajin_cli.run.reading import read_bytes

REQUEST_SUFFIX = ".request.json"
MAX_SIDECAR_BYTES = 32 << 20
# A number that may be larger than any float. Digests, which stand in quotes, do not look like one.
_HUGE = re.compile(rb"[eE]\+?[0-9]{3,}\s*[,\]}]")

Stamp = tuple[int, int, int, int]


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of the asset at ``path`` stands: beside it, or, for a request, the file itself."""
    return path if path.name.endswith(REQUEST_SUFFIX) else path.with_name(path.name + ".json")


def stamp_of(path: Path) -> Stamp | None:
    """What changes whenever the file at ``path`` is replaced: device, inode, size and time of change; None for no file.

    None also for a symbolic link: what it points to can change without it.
    """
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return None
    return None if stat.S_ISLNK(found.st_mode) else (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar at ``path``, None where there is no such file. Raises InputError where it is no sidecar of ours."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from None
    return parse_sidecar(read_bytes(path, MAX_SIDECAR_BYTES), str(path))


def parse_sidecar(data: bytes | str, name: str) -> Sidecar:
    """A sidecar from its JSON. Raises InputError for what is not JSON, not a sidecar, or from a newer version."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    _refuse_numbers(raw, name)
    try:
        sidecar = Sidecar.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise InputError(f"{name}: the sidecar is not JSON: {first['ctx']['error']}") from None
        # A newer sidecar may also look malformed to us; that it is newer is what the user needs to hear.
        _refuse_newer(_version_in(raw), name)
        where = ".".join(str(part) for part in first["loc"]) or "top"
        raise InputError(f"{name}: not a sidecar: {where}: {_said(first)}") from None
    _refuse_newer(sidecar.imajin, name)
    return sidecar


def _said(fault: Mapping[str, Any]) -> str:
    """What is wrong, for a person, whom a pattern tells nothing."""
    if fault["type"] == "string_pattern_mismatch" and fault["loc"][-1] == "file":
        return "must be a file name in the sidecar's own folder"
    message = str(fault["ctx"]["error"] if fault["type"] == "value_error" else fault["msg"])
    return message[:1].lower() + message[1:]


def dump_sidecar(sidecar: Sidecar) -> bytes:
    """A sidecar as the bytes of its file."""
    return sidecar.model_dump_json(indent=1).encode() + b"\n"


def _refuse_newer(version: int, name: str) -> None:
    if version > SIDECAR_VERSION:
        raise InputError(
            f"{name}: from a newer imajin (sidecar version {version}, this one reads up to {SIDECAR_VERSION})",
            hint="pip install --upgrade imajin",
        )


def _version_in(raw: bytes) -> int:
    """The version that malformed sidecar JSON names, 0 where it names none."""
    try:
        version = json.loads(raw)["imajin"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return 0
    return version if isinstance(version, int) else 0


def _refuse_numbers(raw: bytes, name: str) -> None:
    """Refuse NaN and infinities, which JSON has not: written again they would become null, and no digest can hold them.

    Most sidecars show no sign of them and are parsed once.
    """
    if b"NaN" not in raw and b"Infinity" not in raw and _HUGE.search(raw) is None:
        return

    def refuse(text: str) -> NoReturn:
        raise InputError(f"{name}: the sidecar is not JSON: {text[:20]} is no number that it can hold")

    def finite(text: str) -> float:
        value = float(text)
        return refuse(text) if value in (float("inf"), float("-inf")) else value

    try:
        json.loads(raw, parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError):
        # Whatever else is wrong with it, the model says better.
        return
