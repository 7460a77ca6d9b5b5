"""How many scenes `compose` makes in a second on one core: as SVG, and as 512 px pixels."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

PROMPTS = ("page not found", "payment failed", "an empty inbox", "no internet connection", "a rocket to the moon")
SEEDS = 40


def measure() -> dict[str, float]:
    """Scenes a second, caches warm, the least of three rounds; prompts are matched once, as in a run of candidates."""
    from imajin_cli.stages.generate import Generate, GenerateParams

    from imajin_cli.contract.sidecar import Request

    stage = Generate(GenerateParams())
    jobs = [
        job
        for prompt in PROMPTS
        for job in stage.plan(Request(prompt=prompt, size=["512x512"], count=SEEDS))
    ]  # fmt: skip
    for job in jobs:
        stage.make(job).picture.vector.svg  # noqa: B018 (the text may be built when it is asked for)
    vector = min(_seconds(lambda job: stage.make(job).picture.vector.svg, jobs) for _ in range(3))
    few = jobs[::5]
    pixels = min(_seconds(lambda job: stage.make(job).picture.image.load(), few) for _ in range(2))
    return {
        "scenes as SVG, a second": len(jobs) / vector,
        "scenes as 512 px pixels, a second": len(few) / pixels,
    }


def _seconds(work, jobs) -> float:
    started = time.perf_counter()
    for job in jobs:
        work(job)
    return time.perf_counter() - started


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.1f}")
