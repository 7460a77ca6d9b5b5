"""Which model a name stands for: an entry of the catalogue, or a folder; with its licence, revision and settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.need import device_of
from imajin_cli.stages.backends.diffusion.catalogue import Listed, folder_of, listed
from imajin_cli.stages.diffusion.inputs import digest

if TYPE_CHECKING:
    from imajin_cli.stages.backends.diffusion.order import Model


@dataclass(frozen=True)
class Known:
    """A model that can be loaded: its name for records, its folder, revision and licence, and settings that suit it.

    ``side`` in pixels is what it was trained on, ``parameters`` are in millions; ``experimental`` says how far a model is that
    is not good enough yet.
    """

    name: str
    folder: Path
    revision: str
    licence: str | None
    steps: int | None = None
    guidance: float | None = None
    scheduler: str | None = None
    side: int | None = None
    parameters: int | None = None
    experimental: str = ""


def is_path(name: str) -> bool:
    """Whether ``name`` is a folder or file rather than a name in the catalogue."""
    return "/" in name or "\\" in name or name.startswith((".", "~")) or Path(name).is_dir()


def known(name: str) -> Known:
    """The model that ``name`` stands for.

    Raises InputError for a folder that is none, UsageError for a name that is in no catalogue, MissingError for a model that
    is not on this machine.
    """
    if is_path(name):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise InputError(f"{name}: there is no such folder")
        return Known(folder.resolve().name, folder.resolve(), digest(folder), None)
    entry: Listed = listed(name)
    if entry.task not in ("diffusion", "controlnet", "ip-adapter", "autoencoder"):
        raise UsageError(f"{name} is a model for {entry.task}, not for diffusion")
    settings = (entry.steps, entry.guidance, entry.scheduler, entry.side, entry.parameters, entry.experimental)
    return Known(name, folder_of(name), entry.revision, entry.licence, *settings)


def is_weights(name: str) -> bool:
    """Whether ``name`` is a file of weights rather than a name in the catalogue."""
    return is_path(name) or name.endswith(".safetensors")


def lora_file(name: str) -> Path:
    """The weights that ``name`` stands for: a file, or a LoRA of the catalogue.

    Raises InputError for a file that is not there, UsageError for a name of another task, MissingError as `known` does.
    """
    if is_weights(name):
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"{name}: there is no such LoRA")
        return path.resolve()
    entry = listed(name)
    if entry.task != "lora":
        raise UsageError(f"{name} is a model for {entry.task}, not a LoRA")
    return next(folder_of(name).glob("*.safetensors"))


def loadable(found: Known, dtype: Literal["auto", "fp32", "bf16", "fp16"]) -> Model:
    """``found`` as the backend loads it: on the device that it has its lease on, in ``dtype`` ("auto": what suits that)."""
    from imajin_cli.stages.backends.diffusion.device import dtype_on
    from imajin_cli.stages.backends.diffusion.load import family_of
    from imajin_cli.stages.backends.diffusion.order import Model

    device = device_of(found.name)
    return Model(found.name, found.folder, family_of(found.folder), dtype_on(device, dtype), device, found.revision)


def revision(name: str) -> str:
    """What a result depends on: of a folder its contents, of a catalogue's model its revision and whether it is there."""
    if is_path(name):
        folder = Path(name).expanduser()
        return digest(folder) if folder.exists() else "absent"
    from imajin_cli.stages.backends.mattes import state_of

    return state_of(name)
