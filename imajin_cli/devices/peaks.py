"""How much each kind of work really used: what was measured corrects the next reservation.

One file a kind of device, since the same work needs another amount on another; bounded, and written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from imajin_cli.devices.files import MOST_BYTES, Refused, create, open_ours, read_all

if TYPE_CHECKING:
    from imajin_cli.devices.device import Device
    from imajin_cli.devices.ledger import Ledger

# A reservation is the largest of the last peaks and this much: allocators do not use quite the same twice.
MARGIN = 1.06
KEPT = 8
MOST_KEYS = 256
_MOST_TEXT = 80


class PeakKey(NamedTuple):
    """What memory depends on: model with revision, number format, picture size ("1024x1024"), pictures at once."""

    model: str
    dtype: str = ""
    size: str = ""
    batch: int = 1

    def text(self) -> str:
        """The key as the file has it."""
        return f"{self.model[:_MOST_TEXT]} {self.dtype[:20]} {self.size[:20]} {self.batch}"


def learned(ledger: Ledger, keys: Iterable[PeakKey]) -> dict[PeakKey, int]:
    """MiB to reserve for each of ``keys`` that was measured before."""
    wanted = list(keys)
    known = _read(ledger) if wanted else {}
    return {key: math.ceil(max(known[key.text()]) * MARGIN) for key in wanted if key.text() in known}


def report(ledger: Ledger, found: Mapping[PeakKey, int]) -> None:
    """Add measured peaks in MiB. What cannot be written is said, and no failure of the work that was measured."""
    from imajin_cli.devices.ledger import soon

    good = {key: mib for key, mib in found.items() if mib > 0}
    if not good:
        return
    try:
        with ledger.session(soon(5)):
            known = _read(ledger)
            for key, mib in good.items():
                last = [*known.pop(key.text(), []), mib][-KEPT:]
                known[key.text()] = last
            _write(ledger, _bounded(known))
    except Exception as error:  # noqa: BLE001 (a measurement that is lost costs the next reservation its accuracy alone)
        ledger.note(f"a measured peak could not be kept: {error}")


def name_for(device: Device) -> str:
    """The file for devices of this kind."""
    model = "" if device.kind == "cpu" else re.sub(r"[^a-z0-9]+", "-", device.name.lower()).strip("-")
    return f"peaks-{device.kind}{'-' + model if model else ''}.json"


def _read(ledger: Ledger) -> dict[str, list[int]]:
    name = name_for(ledger.device)
    try:
        descriptor = open_ours(ledger.above, name, write=False)
    except FileNotFoundError:
        return {}
    except (OSError, Refused) as error:
        ledger.note(f"{ledger.above.at(name)} is ignored: it {error}")
        return {}
    try:
        found: Any = json.loads(read_all(descriptor))
    except (OSError, ValueError, RecursionError):
        found = None
    finally:
        os.close(descriptor)
    if not isinstance(found, dict):
        ledger.note(f"{ledger.above.at(name)} is ignored: it holds no measured peaks")
        return {}
    return {key: good for key, value in list(found.items())[-MOST_KEYS:] if (good := _peaks(value))}


def _peaks(value: Any) -> list[int]:
    if not isinstance(value, list):
        return []
    return [mib for mib in value[-KEPT:] if type(mib) is int and 0 < mib < 1 << 26]


def _bounded(known: dict[str, list[int]]) -> bytes:
    """The file's text, without the keys that were not reported for longest where it would be too much."""
    while True:
        data = json.dumps(known, indent=0).encode()
        if len(known) <= MOST_KEYS and len(data) <= MOST_BYTES:
            return data
        known.pop(next(iter(known)))


def _write(ledger: Ledger, data: bytes) -> None:
    temporary = f".peaks-{os.urandom(8).hex()}.tmp"
    descriptor = create(ledger.above, temporary)
    try:
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(f"only a part of {len(data)} bytes could be written")
        finally:
            os.close(descriptor)
        os.replace(ledger.above.at(temporary), ledger.above.at(name_for(ledger.device)))
    except BaseException:
        os.unlink(ledger.above.at(temporary))
        raise
