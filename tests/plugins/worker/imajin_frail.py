"""A stage that breaks as native code does, and one with a large model: what the worker has to live with."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import time
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from imajin_cli.contract.backend import Backend, Item, Settings, ask
from imajin_cli.contract.errors import BackendError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.need import Need, is_loaded, loaded
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.devices import lease


@functools.cache
def weights() -> list[int]:
    """A model that is slow to load: it counts how often that was done in this process."""
    LOADED.append(os.getpid())
    return LOADED


LOADED: list[int] = []
HELD: list[lease.Lease] = []


class FrailParams(Params):
    lease: Annotated[int, Field(ge=0, description="MiB of the CPU's memory to hold a lease of, for good.")] = 0
    end: Annotated[str, Field(description="How it ends: segv, kill; or as a file says, for one picture or all.")] = ""


class Frail(Stage[FrailParams]):
    """Note what process this is, or end it, as a broken native library does."""

    name = "frail"
    kind = Kind.GATE
    rejects_with = Exit.QUALITY
    Params = FrailParams

    def apply(self, asset: Asset) -> Outcome:
        how = self.params.end
        if os.path.isfile(how):
            with open(how, encoding="ascii") as file:
                how, _, which = file.read().partition(" ")
            if asset.name.startswith(which):
                os.unlink(self.params.end)
            else:
                how = ""
        if self.params.lease:
            HELD.append(lease.acquire("cpu", self.params.lease, wait=0, label="frail"))
        if how == "segv":
            ctypes.string_at(0)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        notes = {
            "pid": os.getpid(),
            "loads": len(weights()),
            "cwd": os.getcwd(),
            "word": os.environ.get("FRAIL_WORD", ""),
        }
        return Outcome("passed", notes=notes)


class LeasedParams(Params):
    model: Annotated[str, Field(description="Name of a model that takes no time to load.")] = "m"
    mib: Annotated[int, Field(ge=0, description="MiB that it needs of any GPU, else the CPU.")] = 0


class Leased(Stage[LeasedParams]):
    """Pass a picture through a model that needs a lease."""

    name = "leased"
    kind = Kind.GATE
    rejects_with = Exit.QUALITY
    Params = LeasedParams

    def needs(self) -> Sequence[Need]:
        return [Need(self.params.model, self.params.mib, device="auto")] if self.params.mib else []

    def apply(self, asset: Asset) -> Outcome:
        if not is_loaded(self.params.model):
            loaded(self.params.model, lambda: None)
        return Outcome("passed")


class Slow(Backend):
    """Takes its time for a batch, however many are in it; a picture may be its end."""

    most = 8

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.loads = 0

    def need(self) -> Need:
        return slow_need(self.settings["mib"])

    def batch(self, items: Sequence[Item]) -> list[Item]:
        self.loads = self.loads or len(weights())
        time.sleep(self.settings["seconds"])
        for item in items:
            if item["name"].startswith("poison"):
                os.kill(os.getpid(), signal.SIGKILL)
            if item["name"].startswith("wrong"):
                raise BackendError("that one is wrong")
        return [
            {"mean": sum(item["pixels"]) / len(item["pixels"]), "together": len(items), "pid": os.getpid()}
            for item in items
        ]

    def close(self) -> None:
        self.loads = 0


def slow_need(mib: int) -> Need:
    return Need("slow", mib, device="auto", shared=True)


class SharedParams(Params):
    seconds: Annotated[float, Field(ge=0, description="Seconds that a batch takes.")] = 0
    mib: Annotated[int, Field(ge=1, description="MiB that the model needs.")] = 100


class Shared(Stage[SharedParams]):
    """Ask a model that all commands share."""

    name = "shared"
    kind = Kind.GATE
    rejects_with = Exit.QUALITY
    Params = SharedParams

    def needs(self) -> Sequence[Need]:
        return [slow_need(self.params.mib)]

    def apply(self, asset: Asset) -> Outcome:
        assert asset.picture is not None
        item = {"name": asset.name, "pixels": asset.picture.image.convert("L").tobytes()}
        settings = {"seconds": self.params.seconds, "mib": self.params.mib}
        (found,) = ask("imajin_frail:Slow", settings, [item])
        return Outcome("passed", notes=found)
