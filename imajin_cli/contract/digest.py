"""Digests: of pixels, of files, and canonical ones of JSON documents."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from imajin_cli.contract.errors import InputError

# Where, when and on what the work was done does not change what was done; neither does the place of a file or
# where a value came from. The canonical digest leaves these keys out wherever they stand.
VOLATILE = frozenset({"seconds", "device", "host", "time", "origin", "file", "file_sha256"})


def sha256(data: bytes | memoryview) -> str:
    """Hex sha256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def pixel_digest(mode: str, size: tuple[int, int], data: bytes) -> str:
    """Hex sha256 of decoded pixels: Pillow ``mode``, ``size`` (width, height) in pixels, raw ``data`` row by row."""
    digest = hashlib.sha256(f"{mode} {size[0]}x{size[1]}\n".encode())
    digest.update(data)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """``value`` as compact JSON with sorted keys: equal documents give equal bytes.

    Raises InputError for a number that JSON cannot hold.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise InputError(f"not JSON: {error}") from None


def json_digest(value: Any) -> str:
    """Hex sha256 of ``value`` as canonical JSON."""
    return sha256(canonical_json(value))


def without_volatile(value: Any) -> Any:
    """``value`` (parsed JSON) with every volatile key removed, at any depth."""
    if isinstance(value, dict):
        return {k: without_volatile(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return [without_volatile(v) for v in value]
    return value
