"""How long stages take on this machine: what sidecars of published pictures say, kept beside the intermediate pictures.

Kept are the last seconds of each stage, apart for each backend and size class, a factor of two in pixels; the median of them
is what a next one is expected to take. Where nothing was measured yet, the seconds of one core of the machine that
docs/sizing.md tells of stand in, and it is said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from imajin_cli.contract.errors import ImajinError
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic
from imajin_cli.run.reading import read_bytes

FILE = Path(".imajin/costs.json")
VERSION = 1
KEPT = 32
MOST_KEYS = 512
_MOST_BYTES = 4 << 20
# Seconds of one core for a picture of 512 px, and until a process is ready; docs/sizing.md, `python -m benchmarks.fleet`.
SHIPPED = {
    "validate": 0.0015, "generate": 0.019, "moderate": 1.535, "semantic": 0.113, "aesthetic": 0.091, "quality": 0.064,
    "output": 0.127,
}  # fmt: skip
SHIPPED_START = 10.8
START = "start"


def key_of(stage: str, backend: str, pixels: int) -> str:
    """What the cost of a stage depends on."""
    return f"{stage} {backend or '-'} {round(math.log2(max(pixels, 1)))}"


@dataclass
class Costs:
    """Seconds by key, the newest last."""

    known: dict[str, list[float]] = field(default_factory=dict)
    new: dict[str, list[float]] = field(default_factory=dict)
    # The key of each measurement, once for each time that it was made.
    keys: list[str] = field(default_factory=list)

    def add(self, key: str, seconds: float) -> None:
        """One more measurement."""
        if math.isfinite(seconds) and seconds >= 0:
            self.new.setdefault(key, []).append(round(seconds, 4))
            self.keys.append(key)

    def add_sidecar(self, sidecar: Mapping[str, Any]) -> None:
        """What the records of a published picture say. Anything else in it is passed over."""
        image, records = sidecar.get("image"), sidecar.get("stages")
        pixels = _pixels(image)
        for record in records if isinstance(records, list) else ():
            with suppress(KeyError, TypeError, ValueError, AttributeError):
                backend = str(record.get("backend") or "")[:64]
                self.add(key_of(str(record["stage"])[:64], backend, pixels), float(record["seconds"]))

    def expected(self, stage: str, backend: str | None, pixels: int) -> tuple[float, bool]:
        """Seconds that ``stage`` takes for one picture, by any ``backend`` where it is None; whether they were measured here.

        Of another size class, the nearest one counts, in proportion to the pixels.
        """
        sizes: dict[int, list[float]] = {}
        for key, found in self.known.items():
            name, _, rest = key.partition(" ")
            by, _, size = rest.rpartition(" ")
            if name == stage and backend in (None, by):
                sizes.setdefault(int(size), []).extend(found)
        wanted = round(math.log2(max(pixels, 1)))
        if sizes:
            near = min(sizes, key=lambda size: abs(size - wanted))
            return median(sizes[near]) * 2.0 ** (wanted - near), True
        return SHIPPED.get(stage, 0.0) * max(0.25, pixels / 512**2), False

    def usual(self) -> float:
        """Seconds that all work measured now would have taken, had nothing been done for the first time."""
        return sum(median(self.new[key]) for key in self.keys)

    def start(self) -> tuple[float, bool]:
        """Seconds that a batch takes beside its usual work: starting, loading models; whether they were measured here."""
        found = self.known.get(START)
        return (median(found), True) if found else (SHIPPED_START, False)


def _pixels(image: Any) -> int:
    try:
        return max(1, min(int(image["width"]) * int(image["height"]), 1 << 34))
    except (KeyError, TypeError, ValueError):
        return 512 * 512


def read_costs() -> Costs:
    """What was measured in this working folder; nothing where there is no file, or one that is none of ours."""
    try:
        found: Any = json.loads(read_bytes(FILE, _MOST_BYTES))
        if found["imajin"] != VERSION:
            return Costs()
        known = {str(key): _seconds(values) for key, values in list(found["seconds"].items())[-MOST_KEYS:]}
    except (ImajinError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Costs()
    return Costs({key: values for key, values in known.items() if values and _is_key(key)})


def _is_key(key: str) -> bool:
    return key == START or (len(key) < 200 and key.rpartition(" ")[2].lstrip("-").isdigit() and key.count(" ") >= 2)


def _seconds(values: Iterable[Any]) -> list[float]:
    found = [float(value) for value in list(values)[-KEPT:]]
    return [value for value in found if math.isfinite(value) and value >= 0]


def keep_costs(costs: Costs) -> None:
    """Add what is new to the file. What cannot be kept costs the next forecast its accuracy alone."""
    if not costs.new:
        return
    with suppress(ImajinError, OSError):
        make_folder(FILE.parent)
        with folder_lock(FILE.parent):
            known = read_costs().known
            for key, values in costs.new.items():
                known[key] = [*known.pop(key, []), *values][-KEPT:]
            kept = dict(list(known.items())[-MOST_KEYS:])
            write_atomic(FILE, json.dumps({"imajin": VERSION, "seconds": kept}, indent=0).encode() + b"\n")
    costs.new.clear()
    costs.keys.clear()
