"""The sidecar of a file that somebody names, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.run.png import SIDECAR_KEY, read_texts
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.sidecars import parse_sidecar, read_sidecar, sidecar_path


def find_sidecar(path: Path) -> Sidecar:
    """The sidecar of ``path``: the file itself, the one beside it, or the one inside its PNG. Raises InputError."""
    if path.suffix == ".json":
        found = read_sidecar(path)
        if found is None:
            raise InputError(f"{path}: no such file")
        return found
    data = read_bytes(path)
    beside = read_sidecar(sidecar_path(path))
    if beside is not None:
        return beside
    texts = read_texts(data)
    if SIDECAR_KEY not in texts:
        raise InputError(f"{path}: has no sidecar", hint="a stage writes one: imajin quality FILE")
    return parse_sidecar(texts[SIDECAR_KEY], str(path))
