"""Maps that somebody brings along, and what can be known of a map's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from imajin_cli.contract.bounded import read_named
from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.maps import INIT, KINDS
from imajin_cli.contract.sidecar import Sidecar

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 256 << 20
_MAX_SIDECAR = 32 << 20
GREY = frozenset({"canny", "softedge", "lineart", "scribble", "depth"})
"""Kinds whose maps have no colour."""
# A pixel is coloured where its channels are further apart than JPEG makes them; so many of them, and so is the map.
_SPREAD, _SHARE = 40, 0.02


def read(path: str, what: str) -> bytes:
    """The bytes of a file that was named. Raises InputError."""
    data = read_named(path, what, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise InputError(f"{what} {path}: larger than {MAX_BYTES >> 20} MiB")
    return data


def decoded(path: str, data: bytes) -> Image:
    """The picture in ``data``, RGB on white, or L. Raises InputError naming ``path``."""
    from PIL import Image as Pil

    from imajin_cli.stages.imaging.decode import decode

    try:
        image = decode(data).image
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from error
    if image.mode in ("LA", "RGBA"):
        ground = Pil.new("RGBA", image.size, (255, 255, 255, 255))
        ground.alpha_composite(image.convert("RGBA"))
        image = ground.convert("RGB")
    return image


def parted(text: str) -> tuple[str, str]:
    """(kind, file) of "KIND=FILE". Raises UsageError."""
    kind, _, path = text.partition("=")
    if kind not in (*KINDS, INIT) or not path:
        raise UsageError(f"--map {text[:60]}: write KIND=FILE", hint=f"KIND is one of {', '.join((*KINDS, INIT))}")
    return kind, path


def told_kind(path: str, data: bytes) -> str | None:
    """The kind that the sidecar beside ``path`` tells of, where it is of the very file ``data``; else None."""
    try:
        text = read_named(f"{path}.json", "sidecar", _MAX_SIDECAR)
        sidecar = Sidecar.model_validate_json(text) if len(text) <= _MAX_SIDECAR else None
    except (InputError, ValidationError):
        return None
    if sidecar is None or sidecar.image is None or sidecar.image.file_sha256 != sha256(data):
        return None
    kinds = [record.notes.get("map") for record in sidecar.stages]
    return next((kind for kind in reversed(kinds) if kind in KINDS), None)


def is_coloured(image: Image) -> bool:
    """Whether ``image`` shows colours, and is no grey picture that some program saved as RGB."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    import numpy as np

    small = np.asarray(image.convert("RGB").reduce(max(1, max(image.size) // 256)), np.int16)
    return bool((small.max(axis=2) - small.min(axis=2) > _SPREAD).mean() > _SHARE)


def check(wanted: str, path: str, told: str | None, image: Image) -> None:
    """Raise UsageError where the picture at ``path`` is known to be no map of the kind ``wanted``."""
    if told is not None and told != wanted:
        raise UsageError(f"{path} is a {told} map, and a {wanted} map is wanted")
    if told is None and wanted in GREY and is_coloured(image):
        raise UsageError(
            f"{path} has colours, and a {wanted} map has none", hint=f"imajin condition FILE --kind {wanted}"
        )
