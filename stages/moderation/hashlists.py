"""Lists of PDQ hashes as the tools that share them write them: ThreatExchange CSV and JSON, and plain text.

- plain text: a hash a line, 64 hexadecimal digits; after "#", and after a space or comma behind the hash, anything;
- CSV with a heading that names the hash's column (`COLUMNS`), its type's (rows of other types are passed over) and its
  quality's (rows below 50 are passed over, since such a hash stands for too many pictures);
- JSON or JSON lines: strings, or objects with those names as keys, in lists or under "data" at any depth.

Whatever else stands in a list makes it unreadable: a list that is only half understood protects only half.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_BYTES = 1 << 30
LEAST_QUALITY = 50
COLUMNS = ("hash", "pdq", "pdq_hash", "indicator", "signal_str", "signal", "value", "hash_value")
TYPES = ("type", "signal_type", "indicator_type", "hash_type")
QUALITIES = ("quality", "pdq_quality", "hash_quality")
_DEPTH = 8
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_LINE = re.compile(r"([0-9a-fA-F]{64})(?:[\s,;].*)?")


class ListError(ValueError):
    """A list that cannot be read, and why."""


@dataclass(frozen=True)
class HashList:
    """``hashes``: uint64 of shape (n, 4), most significant word first; ``skipped``: entries that are no usable PDQ hash."""

    hashes: NDArray[np.uint64]
    skipped: int
    sha256: str


def load(path: str) -> HashList:
    """Read a list, once for each state of the file. Raises ListError for one that is absent, empty, too large or no list."""
    try:
        place = Path(path).expanduser().absolute()
        state = place.stat()
    except (OSError, RuntimeError) as error:
        raise ListError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return _load(path, place, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _load(path: str, place: Path, changed: int, size: int) -> HashList:
    del changed
    if size > MAX_BYTES:
        raise ListError(f"{path}: has {size} bytes, at most {MAX_BYTES} are read")
    try:
        data = place.read_bytes()
    except OSError as error:
        raise ListError(f"{path}: cannot be read: {error.strerror}") from error
    hashes, skipped = parse(data, path)
    return HashList(hashes, skipped, hashlib.sha256(data).hexdigest())


def parse(data: bytes, name: str = "the list") -> tuple[NDArray[np.uint64], int]:
    """The hashes in a list's bytes, uint64 of shape (n, 4), and how many entries were passed over. Raises ListError."""
    quick = _uniform(data)
    if quick is not None:
        return quick, 0
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListError(f"{name}: not text in UTF-8") from error
    try:
        found = list(_entries(text))
    except (ValueError, RecursionError, csv.Error) as error:
        raise ListError(f"{name}: {error}") from error
    kept = [entry for entry in found if entry is not None]
    if not kept:
        raise ListError(f"{name}: holds no PDQ hash")
    return _words(bytes.fromhex("".join(kept))), len(found) - len(kept)


def _words(data: bytes) -> NDArray[np.uint64]:
    import numpy as np

    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 4)


def _uniform(data: bytes) -> NDArray[np.uint64] | None:
    """A list of nothing but hashes, a line each: read at once, since large lists are like that. None for any other."""
    if len(data) < 65 or len(data) % 65 or data[64:65] != b"\n":
        return None
    import numpy as np

    rows = np.frombuffer(data, np.uint8).reshape(-1, 65)
    if (rows[:, 64] != ord("\n")).any():
        return None
    values = np.full(256, 255, np.uint8)
    for at, digit in enumerate("0123456789abcdef"):
        values[ord(digit)] = values[ord(digit.upper())] = at
    digits = values[rows[:, :64]]
    if digits.max() > 15:
        return None
    return _words((digits[:, ::2] << 4 | digits[:, 1::2]).tobytes())


def _entries(text: str) -> Iterator[str | None]:
    """Each entry's hash, None for one that is passed over. Raises ValueError."""
    start = text.lstrip()[:1]
    if start in ("[", "{"):
        yield from _json(text)
        return
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    names = [name.strip().strip('"').lower() for name in first.split(",")]
    if not _LINE.fullmatch(first.strip()) and any(name in COLUMNS for name in names):
        yield from _csv(text)
    else:
        yield from _plain(text)


def _plain(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} does not begin with a PDQ hash")
        yield match[1]


def _csv(text: str) -> Iterator[str | None]:
    lines = (line for line in io.StringIO(text) if not line.startswith("#"))
    for number, row in enumerate(csv.DictReader(lines, restkey="more"), 2):
        plain = {str(key).strip().lower(): value for key, value in row.items() if isinstance(value, str)}
        if plain:
            yield _entry(plain, f"row {number}")


def _json(text: str) -> Iterator[str | None]:
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in text.splitlines() if line.strip()]
    for document in documents:
        yield from _walk(document, 0)


def _walk(value: Any, depth: int) -> Iterator[str | None]:
    if depth > _DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, depth + 1)
    elif isinstance(value, dict) and any(str(key).lower() in COLUMNS for key in value):
        yield _entry({str(key).lower(): str(item) for key, item in value.items()}, "an object")
    elif isinstance(value, dict) and "data" in value:
        yield from _walk(value["data"], depth + 1)
    elif isinstance(value, str) and _HASH.fullmatch(value.strip()):
        yield value.strip()
    else:
        raise ValueError(f"{json.dumps(value)[:60]} is no entry of a list of hashes")


def _entry(row: dict[str, str], where: str) -> str | None:
    """The hash of one row; None for a hash of another type or of too low a quality. Raises ValueError for no hash."""
    kind = next((row[name] for name in TYPES if row.get(name)), "pdq")
    if "pdq" not in kind.lower():
        return None
    text = next((row[name].strip() for name in COLUMNS if row.get(name)), "")
    if not _HASH.fullmatch(text):
        raise ValueError(f"{where} holds no PDQ hash: {text[:70]!r}")
    quality = next((row[name] for name in QUALITIES if row.get(name)), "100")
    return text if float(quality) >= LEAST_QUALITY else None
