"""Files that a job brings along: pictures, masks and maps, decoded within bounds and brought to the size that is painted."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imajin_cli.contract.errors import InputError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

_CHUNK = 1 << 20
_MAX_FILE = 256 << 20
_MAX_FILES = 512


class Named(NamedTuple):
    """What a param names: a model or file, a map where there is one, and a scale."""

    what: str
    map: str | None
    scale: float


def named(text: str, *, with_map: bool) -> Named:
    """Take MODEL=MAP@SCALE or FILE@SCALE apart. Raises UsageError."""
    body, at, number = text.rpartition("@")
    scale, rest = 1.0, text
    if at:
        try:
            scale, rest = float(number), body
        except ValueError:
            scale, rest = 1.0, text
    if not 0 <= scale <= 2:
        raise UsageError(f"{text}: a scale is 0 to 2")
    what, equals, place = rest.partition("=")
    if with_map and (not equals or not what or not place):
        raise UsageError(f"{text}: write MODEL=MAP or MODEL=MAP@SCALE")
    return Named(what, place, scale) if with_map else Named(rest, None, scale)


def picture(path: str, size: tuple[int, int], *, mask: bool = False) -> Image:
    """The picture at ``path`` as RGB (a mask as L) of ``size``, what does not fit its ratio cut off evenly.

    Raises InputError for a file that cannot be read.
    """
    from PIL import Image as Pil
    from PIL import ImageOps

    image = _decoded(path)
    if image.mode in ("LA", "RGBA") and not mask:
        ground = Pil.new("RGBA", image.size, (255, 255, 255, 255))
        ground.alpha_composite(image.convert("RGBA"))
        image = ground
    image = image.convert("L" if mask else "RGB")
    return ImageOps.fit(image, size, Pil.Resampling.LANCZOS)


def size_of(path: str) -> tuple[int, int]:
    """Width and height of the picture at ``path`` in pixels."""
    return _decoded(path).size


def _decoded(path: str) -> Image:
    from imajin_cli.stages.imaging.decode import decode

    data = _bytes(path)
    try:
        return decode(data).image
    except InputError as error:
        raise InputError(f"{path}: {error.message}") from error


def _bytes(path: str) -> bytes:
    at = Path(path).expanduser()
    try:
        if not at.is_file():
            raise InputError(f"{path}: there is no such file")
        with at.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > _MAX_FILE:
        raise InputError(f"{path}: larger than {_MAX_FILE >> 20} MiB")
    return data


def digest(path: Path) -> str:
    """Twelve hex digits over a file, or over the names and contents of all files of a folder. Raises InputError."""
    at = path.expanduser()
    try:
        files = sorted(item for item in at.rglob("*") if item.is_file()) if at.is_dir() else [at]
        if not files or len(files) > _MAX_FILES:
            raise InputError(f"{path}: {len(files)} files, where a model has 1 to {_MAX_FILES}")
        lines = []
        for item in files:
            state = item.stat()
            name = item.relative_to(at) if at.is_dir() else item.name
            lines.append(f"{name}\0{_sha256(str(item), state.st_size, state.st_mtime_ns, state.st_ino)}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


@lru_cache(maxsize=1024)
def _sha256(path: str, size: int, mtime: int, inode: int) -> str:
    """Digest of a file's contents, once for each state of it in this process."""
    del size, mtime, inode
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(_CHUNK):
            found.update(data)
    return found.hexdigest()
