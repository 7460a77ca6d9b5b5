"""Run every benchmark and write RESULTS.md: ``python -m benchmarks``; with names, only those (nothing is written)."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent

# module → what it shows, and the limits that the results are held against: name → (sign, limit).
BENCHMARKS: dict[str, tuple[str, dict[str, tuple[str, float]]]] = {
    "startup": ("Start-up: whole processes, taking turns.", {"imajin --help over import typer": ("<=", 1.5)}),
    "whole": (
        "A whole `imajin run` of one 1024 px size, without `moderate`, against the libraries alone (embed, rasterise, encode).",
        {
            "imajin run, PNG and WebP, seconds": ("<=", 1.5),
            "imajin run, PNG, WebP and AVIF, seconds": ("<=", 2.5),
            "imajin run with every gate, PNG and WebP, seconds": ("<=", 3.5),
        },
    ),
    "scenes": (
        "What `compose` makes on one core, in one process.",
        {"scenes as SVG, a second": (">=", 500), "scenes as 512 px pixels, a second": (">=", 20)},
    ),
    "contract": (
        "The contract against a plain loop of the same functions with the same file reads and writes, over 512 px PNGs.",
        {
            "transform, contract over plain loop": ("<=", 1.10),
            "gate, contract's own ms an image": ("<=", 0.5),
        },
    ),
    "leases": (
        "A lease taken and given back beside 50 live ones, against bare filelock (and reslock, where installed).",
        {
            "a lease: acquire and release, median ms": ("<=", 1.0),
            "a lease over bare filelock, 99th percentile": ("<=", 1.5),
        },
    ),
    "worker": (
        "The worker: whole processes, taking turns. The large model is 300 MB of random torch weights.",
        {
            "worst of them over (4 x pass + 20 ms)": ("<=", 1),
            "six stages piped over 100 pictures, worker, over one process": ("<=", 1.15),
            "without over with": (">=", 5),
        },
    ),
    "batch": (
        "`imajin batch` over jobs through compose and every gate: one core against two, taking turns.",
        {"two cores over one": (">=", 1.8)},
    ),
    "memory": ("Resident memory of each stage of a pipe of three over 1,000 pictures.", {}),
}


def results(name: str) -> str:
    """One benchmark's section, as Markdown."""
    text, limits = BENCHMARKS[name]
    lines = [
        f"## {name}",
        "",
        f"{text} Command: `python -m benchmarks.{name}`.",
        "",
        "| measured | value | wanted |",
        "| --- | --- | --- |",
    ]
    for label, value in _flat(importlib.import_module(f"benchmarks.{name}").measure()):
        wanted = ""
        if label in limits:
            sign, limit = limits[label]
            met = value <= limit if sign == "<=" else value >= limit
            wanted = f"{sign} {limit:g}: {'met' if met else '**missed**'}"
        lines.append(f"| {label} | {value:.3g} | {wanted} |")
    return "\n".join(lines) + "\n"


def _flat(found: dict) -> list[tuple[str, float]]:
    """Rows of a benchmark's results; a mapping of counts is a row each."""
    rows = []
    for label, value in found.items():
        counts = value.items() if isinstance(value, dict) else [(None, value)]
        rows += [
            (label if count is None else f"{label}, MiB after {count} pictures", number) for count, number in counts
        ]
    return rows


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


def main() -> None:
    """Run what was named, or everything."""
    wanted = sys.argv[1:]
    seen_on = machine()
    sections = []
    for name in wanted or BENCHMARKS:
        sections.append(results(name))
        print(sections[-1], flush=True)
    if not wanted:
        head = (
            "# What was measured\n\nOne command measures it all and writes this page: `python -m benchmarks`. "
            f"Variants take turns, and the least of the repeats counts.\n\nSeen on: {seen_on}.\n"
        )
        (HERE / "RESULTS.md").write_text("\n".join([head, *sections]))


main()
