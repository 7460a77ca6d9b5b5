"""What happened to a device's leases: a bounded log of JSON lines, for people. Nothing is decided by it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from imajin_cli.devices.files import Place, Refused, create, open_known, open_ours, read_all
from imajin_cli.devices.holder import as_json, time_of_day

LOG, OLDER = "log.jsonl", "log.1.jsonl"
MOST_LOG = 48 << 10
# Who may not put a full log aside adds so much at most.
_SLACK = 8 << 10


def write(place: Place, event: str, *, turn_over: bool = False, **fields: Any) -> None:
    """Add one line; a log that cannot be written keeps nobody from a lease.

    ``turn_over`` (with the device's lock held) puts a full log aside first; the one put aside before goes.
    """
    text = as_json({"time": time_of_day(), "event": event, **fields})
    try:
        if _append(place, text.encode() + b"\n", MOST_LOG if turn_over else MOST_LOG + _SLACK):
            return
        if turn_over:
            os.replace(place.at(LOG), place.at(OLDER))
            _append(place, text.encode() + b"\n", MOST_LOG)
    except (OSError, Refused):
        return


def _append(place: Place, data: bytes, most: int) -> bool:
    """Add to the log, where it is not full."""
    descriptor, found = _open(place)
    try:
        if found.st_size >= most:
            return False
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
    return True


def _open(place: Place) -> tuple[int, os.stat_result]:
    try:
        return open_known(place, LOG, append=True)
    except FileNotFoundError:
        os.close(create(place, LOG))
        return open_known(place, LOG, append=True)


def entries(place: Place) -> Iterator[dict[str, Any]]:
    """Every line that is there, oldest first; what is no JSON object is passed over."""
    for name in (OLDER, LOG):
        try:
            descriptor = open_ours(place, name, write=False)
        except (OSError, Refused):
            continue
        try:
            data = read_all(descriptor)
        except OSError:
            continue
        finally:
            os.close(descriptor)
        for line in data.splitlines():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value
