"""What happened to a device's leases: a bounded log of JSON lines, for people. Nothing is decided by it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from imajin_cli.devices.files import Place, Refused, create, open_ours, read_all
from imajin_cli.devices.holder import time_of_day

LOG, OLDER = "log.jsonl", "log.1.jsonl"
MOST_LOG = 48 << 10


def write(place: Place, event: str, *, turn_over: bool = False, **fields: Any) -> None:
    """Add one line; a log that cannot be written keeps nobody from a lease.

    ``turn_over`` (with the device's lock held) puts a full log aside first; the one put aside before goes.
    """
    text = json.dumps({"time": time_of_day(), "event": event, **fields})
    try:
        descriptor = _open(place)
        try:
            size = os.fstat(descriptor).st_size
            if size >= MOST_LOG and turn_over:
                os.replace(place.at(LOG), place.at(OLDER))
                os.close(descriptor)
                descriptor = _open(place)
            elif size >= MOST_LOG + 8192:
                return
            os.lseek(descriptor, 0, os.SEEK_END)
            os.write(descriptor, text.encode() + b"\n")
        finally:
            os.close(descriptor)
    except (OSError, Refused):
        return


def _open(place: Place) -> int:
    try:
        return open_ours(place, LOG, append=True)
    except FileNotFoundError:
        descriptor = create(place, LOG)
        os.close(descriptor)
        return open_ours(place, LOG, append=True)


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
