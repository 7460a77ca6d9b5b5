"""Run every benchmark, write RESULTS.json and the page made of it: ``python -m benchmarks``.

With names, only those, and nothing is written without ``--keep``. The gates' verdicts have tables of their own (GATES.md).
"""

from __future__ import annotations

import argparse
import importlib

from benchmarks.results import PAGE, flat, keep, machine, page, section

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
        "The worker: whole processes, taking turns.",
        {
            "worst of them over (4 x pass + 20 ms)": ("<=", 1),
            "six stages piped over 100 pictures, worker, over one process": ("<=", 1.15),
        },
    ),
    "make": (
        "`make -j4` over assets and a torch model of 300 MB of random weights, with the worker and without "
        "($TORCH_PYTHON: an interpreter that has torch).",
        {"without over with": (">=", 5)},
    ),
    "batch": (
        "`imajin batch` over jobs through compose and every gate: one core against two, taking turns.",
        {"two cores over one": (">=", 1.8)},
    ),
    "check": (
        "`imajin batch --check` of an asset repository in which nothing is stale: whole processes, taking turns.",
        {"--check of 1,000 assets, seconds": ("<=", 2.0)},
    ),
    "classify": (
        "`imajin classify` over requests in six languages that nothing was learnt from.",
        {
            "kind, English, % right": (">=", 95),
            "kind, least of the other languages, % right": (">=", 88),
        },
    ),
    "auto": (
        "`imajin auto` over a hundred varied requests and forbidden ones, each a process of its own; and its pictures held "
        "against the prompts of others.",
        {
            "requests published, %": (">=", 95),
            "forbidden requests refused (10 or 11), %": (">=", 100),
            "pictures rejected by another's prompt, %": (">=", 90),
            "whole process with the worker, median seconds": ("<=", 1.5),
            "whole process without it, median seconds": ("<=", 3.5),
        },
    ),
    "fleet": (
        "The fleet's simulator against real batches, here and on a Ray cluster of two nodes: simulated over real time.",
        {},
    ),
    "gates_speed": (
        "`verify-identity`, `moderate`, `semantic` and `aesthetic` over a 512 px picture, by the clock, against the "
        "libraries' own APIs.",
        {
            "no text, ours, cold s": ("<=", 2.0),
            "no text, ours, warm s": ("<=", 0.6),
            "text, ours, warm s": ("<=", 1.2),
            "no text, ours, MiB": ("<=", 700),
        },
    ),
    "diffusion": (
        "The diffusers backend against a plain diffusers script, on random weights of Stable Diffusion 1.5's classes, "
        "256 px, 4 steps, on the CPU ($TORCH_PYTHON: an interpreter that has torch and diffusers).",
        {
            "fp32, ours over plain": ("<=", 1.03),
            "bf16, ours over plain": ("<=", 1.03),
            "plain fp32 over ours bf16": (">=", 1.5),
            "peak memory fp32, ours over plain": ("<=", 1.0),
            "peak memory bf16, ours over plain": ("<=", 1.0),
            "a process of its own over the warm worker": (">=", 5),
        },
    ),
    "memory": ("Resident memory of each stage of a pipe of three over 1,000 pictures.", {}),
}


# What a benchmark is asked with, where its own default is for another purpose.
ARGUMENTS: dict[str, dict[str, int]] = {"gates_speed": {"rounds": 3}, "batch": {"count": 500}}


def measured(name: str) -> dict[str, float | None]:
    """One benchmark's rows."""
    found = importlib.import_module(f"benchmarks.{name}").measure(**ARGUMENTS.get(name, {}))
    return dict(flat(found))


def main() -> None:
    """Run what was named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)} [all]")
    parser.add_argument("--keep", action="store_true", help="also keep what the named ones gave")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page anew")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}")
    for name in () if given.page else given.names or BENCHMARKS:
        seen_on = machine()
        rows = measured(name)
        print(section(name, *BENCHMARKS[name], {"seen_on": seen_on, "rows": rows}), flush=True)
        if given.keep or not given.names:
            keep(name, rows, seen_on)
    if given.page or given.keep or not given.names:
        PAGE.write_text(page(BENCHMARKS), encoding="utf-8")


if __name__ == "__main__":
    main()
