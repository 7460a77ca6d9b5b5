"""What was measured, as JSON, and the page that is made of it: ``python -m benchmarks`` writes both."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.json"
PAGE = HERE / "RESULTS.md"
HEAD = """# What was measured

Written by `python -m benchmarks`, which runs everything, or by `python -m benchmarks --keep NAME…`, from what stands in
RESULTS.json. Variants take turns, so that ratios are of one run, and the least of the repeats counts.
"""


def machine() -> str:
    """What the numbers were seen on, and how busy it was."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    load = os.getloadavg()[0]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE
    ).stdout.strip()
    return (
        f"{time.strftime('%Y-%m-%d')}, commit {commit}, Python {platform.python_version()}, {model}, {os.cpu_count()} cores, "
        f"load {load:.1f} when it began"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def flat(found: Mapping[Any, Any]) -> Iterator[tuple[str, float | None]]:
    """Rows of a benchmark's results: nested names are joined, a number of pictures is said so, NaN is None."""
    for label, value in found.items():
        if isinstance(value, Mapping):
            for inner, number in flat(value):
                told = f"{label}, MiB after {inner} pictures" if inner.isdigit() else f"{label}, {inner}"
                yield told, number
        elif isinstance(value, int | float):
            yield str(label), None if math.isnan(value) else float(value)


def keep(name: str, rows: Mapping[str, float | None], seen_on: str) -> None:
    """Put a benchmark's rows into RESULTS.json, in place of its earlier ones."""
    known = read()
    known[name] = {"seen_on": seen_on, "rows": dict(rows)}
    RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read() -> dict[str, Any]:
    """All that was measured, by benchmark."""
    return dict(json.loads(RESULTS.read_text(encoding="utf-8"))) if RESULTS.exists() else {}


def section(name: str, text: str, limits: Mapping[str, tuple[str, float]], kept: Mapping[str, Any]) -> str:
    """One benchmark as Markdown: what was measured, beside what was wanted."""
    lines = [f"## {name}", "", f"{text} Command: `python -m benchmarks.{name}`. Seen on: {kept['seen_on']}.", ""]
    lines += ["| measured | value | wanted |", "| --- | --- | --- |"]
    for label, value in kept["rows"].items():
        wanted = ""
        if label in limits and value is not None:
            sign, limit = limits[label]
            met = value <= limit if sign == "<=" else value >= limit
            wanted = f"{sign} {limit:g}: {'met' if met else '**missed**'}"
        lines.append(f"| {label} | {'none' if value is None else format(value, '.3g')} | {wanted} |")
    return "\n".join(lines) + "\n"


def page(benchmarks: Mapping[str, tuple[str, Mapping[str, tuple[str, float]]]]) -> str:
    """The whole page, of what RESULTS.json holds."""
    known = read()
    return "\n".join([HEAD, *(section(name, *benchmarks[name], known[name]) for name in benchmarks if name in known)])
