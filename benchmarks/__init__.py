"""Benchmarks: ratios measured in one run. ``python -m benchmarks`` runs them all and rewrites RESULTS.md."""

import os

# Each command that is measured is a process of its own, but where the worker is what is measured.
os.environ.setdefault("IMAJIN_WORKER", "off")
# What is measured is what an installed imajin does, whose modules were compiled once: by pip, or by its first start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
