"""Fair timing on shared machines: variants take turns, and the least of the repeats counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def interleaved(
    variants: Mapping[str, Callable[[], object]], repeats: int, before: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """Seconds of each variant: the minimum over ``repeats`` rounds in which all take turns, after one round unmeasured.

    ``before`` is called ahead of each, outside the measurement.
    """
    best = dict.fromkeys(variants, float("inf"))
    for round_number in range(repeats + 1):
        for name, work in variants.items():
            before()
            started = time.perf_counter()
            work()
            seconds = time.perf_counter() - started
            if round_number:
                best[name] = min(best[name], seconds)
    return best
