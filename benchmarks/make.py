"""`make -j4` over a large torch model, with the worker and without: apart from worker.py, since imajin itself needs no torch."""

from __future__ import annotations

from benchmarks.worker import make as measure

if __name__ == "__main__":
    for label, value in measure().items():
        print(f"{label}: {value:.3f}")
