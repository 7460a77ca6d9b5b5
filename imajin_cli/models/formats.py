"""Is a file what its name says? Nothing here is a parser: enough is read to turn away a pickle under another name."""

from __future__ import annotations

import json
import os
from pathlib import Path

from imajin_cli.contract.errors import InputError

_HEAD = 4096
# A safetensors header is JSON; the format's own limit for it is 100 MB.
_SAFETENSORS_HEADER = 100_000_000
_MAGIC = {".h5": (0, b"\x89HDF\r\n\x1a\n"), ".tflite": (4, b"TFL3"), ".param": (0, b"7767517")}


def check_format(path: Path, name: str, *, pickled: bool = False) -> None:
    """Hold ``path`` to the format that ``name`` ends in; ``pickled``: a checkpoint that is to be converted. Raises InputError."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if pickled:
        if not looks_pickled(head):
            raise InputError(f"{name}: is no checkpoint that torch could read")
        return
    if looks_pickled(head):
        raise InputError(f"{name}: is a pickle, which may run code when it is read, so it is not kept")
    suffix = os.path.splitext(name)[1]
    if suffix == ".safetensors":
        _check_safetensors(path, name, head)
    elif suffix == ".onnx":
        # A ModelProto starts with its ir_version: field 1, a varint.
        _expect(head[:1] == b"\x08", name)
    elif suffix == ".json":
        _check_json(path, name)
    elif suffix in (".txt", ".jinja"):
        _expect(b"\0" not in head and (bool(head) or suffix == ".txt"), name)
    elif suffix in _MAGIC:
        offset, magic = _MAGIC[suffix]
        _expect(head[offset : offset + len(magic)] == magic, name)


def looks_pickled(head: bytes) -> bool:
    """Whether a file that starts with ``head`` is a pickle (protocols 2 to 5), or a zip, as torch saves since 1.6.

    Of a model's formats none is a zip, so every zip counts. A safetensors file begins with its header's length, which may be
    0x380; no pickle goes on with a zero byte, for that is no opcode.
    """
    protocol = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return (protocol and head[2:3] != b"\0") or head[:4] == b"PK\x03\x04"


def _expect(held: bool, name: str) -> None:
    if not held:
        raise InputError(f"{name}: the file is of another format than its name says")


def _check_safetensors(path: Path, name: str, head: bytes) -> None:
    length = int.from_bytes(head[:8], "little")
    _expect(len(head) > 8 and 2 <= length <= min(_SAFETENSORS_HEADER, path.stat().st_size - 8), name)
    with path.open("rb") as file:
        file.seek(8)
        _json(file.read(length), name)


def _check_json(path: Path, name: str) -> None:
    _expect(path.stat().st_size <= _SAFETENSORS_HEADER, name)
    _json(path.read_bytes(), name)


def _json(data: bytes, name: str) -> None:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: the file is of another format than its name says") from None
