"""Who holds a lease or waits for one, as it is written into the file: for people, and never believed."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

SIZE = 512


class Holder(NamedTuple):
    """Who it is: a label, the process id and user there, the machine's or container's name, and since when (UTC)."""

    label: str
    pid: int
    user: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"{self.label or 'a program'} (pid {self.pid} on {self.host or 'this machine'})"


def this_process(label: str) -> Holder:
    """What this process says of itself."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Holder(_clean(label, 60), os.getpid(), user, _host(), time_of_day())


def time_of_day() -> str:
    """The time in UTC, as it is written down; nothing is decided by it."""
    return _written_time(int(time.time()))


@lru_cache(maxsize=1)
def _written_time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@cache
def _host() -> str:
    return _clean(platform.node(), 40)


def as_json(fields: Mapping[str, str | int]) -> str:
    """Words and numbers as one JSON object, in a fraction of the time that a general encoder takes to begin."""
    return (
        "{"
        + ", ".join(
            f"{_quoted(key)}: {_quoted(value) if isinstance(value, str) else int(value)}"
            for key, value in fields.items()
        )
        + "}"
    )


def written(holder: Holder, **fields: Any) -> bytes:
    """One JSON object, always of the same length, so that the next writer leaves nothing of the last."""
    text = as_json({**fields, **holder._asdict()}).encode()
    if len(text) >= SIZE:
        # A label in a script of long escapes.
        text = as_json({**fields, **holder._replace(label="", host="")._asdict()}).encode()
    return text.ljust(SIZE - 1) + b"\n"


def read(data: bytes) -> tuple[Holder, dict[str, Any]]:
    """The holder and the other fields; whatever is wrong with the bytes, something that can be shown."""
    try:
        found = json.loads(data[:SIZE])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Holder("unknown", 0, 0, "", ""), {}
    holder = Holder(
        _clean(found.get("label"), 60),
        _whole(found.get("pid")),
        _whole(found.get("user")),
        _clean(found.get("host"), 40),
        _clean(found.get("since"), 20),
    )
    return holder, {key: value for key, value in found.items() if key not in Holder._fields}


def _clean(value: object, most: int) -> str:
    return "".join(c if c.isprintable() else "?" for c in value[:most]) if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 40 else 0
