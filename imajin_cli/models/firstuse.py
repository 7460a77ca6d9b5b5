"""The first pull of a model whose digests nobody could list: what comes is hashed, checked for its format, and pinned."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import MissingError, UsageError
from imajin_cli.models.entry import Entry, FirstUseFile, Folder, Https, Hub, Source, pinned
from imajin_cli.models.fetch import drop, fetch, hub_url, probe
from imajin_cli.models.formats import check_format
from imajin_cli.models.pins import applied, models_folder, write
from imajin_cli.models.progress import amount, bar
from imajin_cli.models.sources import SourceError, folder_path
from imajin_cli.models.store import command_for, digest, folder_of

if TYPE_CHECKING:
    from imajin_cli.models.pull import Talk

_FOLDER = "first-pull"


@dataclass(frozen=True)
class _Brought:
    """What one source gave: each file's path, and the source in words, with the commit it told."""

    paths: dict[str, Path]
    whence: str


def pinned_by_pull(entry: Entry, talk: Talk, barred: str | None) -> Entry:
    """``entry`` with its files, pinned now or by another process meanwhile; files that were fetched lie in their place.

    Raises MissingError where no source gave every file, or ``barred`` forbids the network; InputError for a file that is
    not of the format that its name says; OutputError where the model folder cannot be written.
    """
    from imajin_cli.models.pull import accept, locked
    from imajin_cli.run.atomic import make_folder

    base = models_folder()
    if base is None:
        raise UsageError("there is no home folder to keep models in", hint="set IMAJIN_MODELS to a folder")
    folder = base / entry.name / _FOLDER
    make_folder(folder)
    with locked(folder, entry, talk):
        known = applied(entry)
        if not known.open:
            return known
        talk.say(_announcement(entry))
        brought = _brought(entry, folder, talk, barred)
        found = {}
        for file in entry.first_use:
            path = brought.paths[file.name]
            check_format(path, file.name, pickled=file.convert)
            found[file.name] = (path.stat().st_size, digest(path))
        write(entry, found, brought.whence)
        talk.say(f"{entry.name}: pinned to what came from {brought.whence}")
        known = applied(entry)
        for held in known.files:
            path = brought.paths[held.name]
            if path.parent == folder:
                place = folder_of(known)
                assert place is not None
                make_folder(place)
                accept(known, held, path, place, talk)
                drop(path)
        return known


def _announcement(entry: Entry) -> str:
    most = amount(sum(file.at_most for file in entry.first_use))
    whence = ", else ".join(pinned(source) for source in entry.sources)
    return (
        f"{entry.name}: at most {most} in {len(entry.first_use)} files, {entry.licence}, commercial use {entry.commercial}, "
        f"from {whence}. No digest of it is listed: what comes now is trusted, pinned, and held to from then on"
    )


def _brought(entry: Entry, folder: Path, talk: Talk, barred: str | None) -> _Brought:
    troubles = []
    for source in entry.sources:
        try:
            if isinstance(source, Folder):
                return _Brought(_lying(entry, source), pinned(source))
            if barred is not None:
                raise SourceError(f"{barred} forbids the network")
            return _fetched(entry, source, folder, talk)
        except SourceError as error:
            troubles.append(f"{pinned(source)}: {error}")
            talk.say(f"{entry.name}: {troubles[-1]}")
    raise MissingError(f"the model {entry.name} could not be had: {'; '.join(troubles)}", hint=command_for(entry))


def _lying(entry: Entry, source: Folder) -> dict[str, Path]:
    """The files in a folder of this machine, used where they lie."""
    found = {file.name: folder_path(entry, source) / source.inside(file)[0] for file in entry.first_use}
    for file in entry.first_use:
        path = found[file.name]
        if not path.is_file():
            raise SourceError(f"{path} is not there")
        if path.stat().st_size > file.at_most:
            raise SourceError(f"{path} has more than {file.at_most} bytes")
    return found


def _fetched(entry: Entry, source: Source, folder: Path, talk: Talk) -> _Brought:
    """The files of a hub or a site, each to a .part file. Of a hub all are of the commit that the first one is of."""
    if not isinstance(source, Hub | Https):
        raise SourceError("a first use takes hub, https and folder alone")
    token = os.environ.get("HF_TOKEN") if isinstance(source, Hub) else None
    paths, commit = {}, None
    for file in entry.first_use:
        url = _url(source, file, commit)
        size, told = probe(url, token=token)
        if size > file.at_most:
            raise SourceError(f"{file.name} has {size} bytes, and {file.at_most} are the most")
        if commit is None and told is not None:
            commit, url = told, _url(source, file, told)
        part = folder / f".{file.name.replace('/', '-')}.part"
        with bar(f"{entry.name} {file.name}", size, quiet=talk.quiet) as at:
            fetch(url, part, size, at, token=token)
        paths[file.name] = part
    told_commit = f" at {commit}" if commit is not None and isinstance(source, Hub) else ""
    return _Brought(
        paths, f"hub {source.repo}{told_commit}" if isinstance(source, Hub) and told_commit else pinned(source)
    )


def _url(source: Hub | Https, file: FirstUseFile, commit: str | None) -> str:
    inside = source.inside(file)[0]
    if isinstance(source, Https):
        return f"{source.url.rstrip('/')}/{inside}"
    return hub_url(source.repo, commit or source.revision, inside)
