"""The worker's section of the config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params
from imajin_cli.worker import limits


class WorkerParams(Params):
    """Whether commands use the worker, and what it may take."""

    use: Annotated[
        Literal["auto", "always", "never"],
        Field(description="Have commands done by the worker; $IMAJIN_WORKER, --worker and --no-worker win over this."),
    ] = "auto"
    idle_minutes: Annotated[
        float, Field(gt=0, le=1440, description="End the worker, and each of its processes, when idle for so long.")
    ] = limits.IDLE_SECONDS / 60
    at_once: Annotated[
        int | None, Field(ge=1, le=256, description="Most commands that compute at once; by default, one a core.")
    ] = None
    painting: Annotated[
        int,
        Field(ge=1, le=64, description="Most of them that paint with a model named by --model: as many as there are GPUs."),
    ] = 1
    processes: Annotated[
        int | None, Field(ge=1, le=512, description="Most model processes; by default, 16 and at least four a core.")
    ] = None
    memory_mib: Annotated[
        int | None,
        Field(
            ge=64, description="Beyond so many MiB, the longest idle are ended; by default, a quarter of the memory."
        ),
    ] = None
