"""Diffusion models of the model catalogue: where their files lie together, and the settings that suit them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from imajin_cli.contract.errors import InputError


class Listed(NamedTuple):
    """What the catalogue says of a model."""

    task: str
    revision: str
    licence: str
    steps: int | None
    guidance: float | None
    scheduler: str | None
    side: int | None
    parameters: int | None
    experimental: str = ""


def listed(name: str) -> Listed:
    """The catalogue's entry of ``name``. Raises UsageError with the nearest name there is."""
    from imajin_cli.models.store import entry_of

    entry = entry_of(name)
    own = entry.diffusion
    if own is None:
        return Listed(entry.task, entry.revision, entry.licence, None, None, None, None, None)
    settings = (own.steps, own.guidance, own.scheduler, own.side, own.parameters, own.experimental)
    return Listed(entry.task, entry.revision, entry.licence, *settings)


def folder_of(name: str) -> Path:
    """The folder in which the model's files lie under their own names, each digest checked.

    Raises MissingError where one is not on this machine, InputError where they do not lie together.
    """
    from imajin_cli.models.store import paths_of

    folders = set()
    for file, path in paths_of(name).items():
        depth = file.count("/") + 1
        if tuple(path.parts[-depth:]) != tuple(file.split("/")):
            raise InputError(f"the file {file} of the model {name} does not lie under its own name: {path}")
        folders.add(path.parents[depth - 1])
    if len(folders) != 1:
        raise InputError(f"the files of the model {name} do not lie together")
    return folders.pop()
