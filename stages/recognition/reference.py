"""Reference pictures: read within bounds, held to be one good face each, and described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from imajin_cli.contract.bounded import read_named
from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import BackendError, ImajinError, InputError, NoVerdictError
from imajin_cli.stages.recognition.template import Template, distances
from imajin_cli.stages.recognition.thresholds import MEASURED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from imajin_cli.stages.backends.faces import Face
    from imajin_cli.stages.backends.recognisers import Recogniser

MAX_BYTES = 64 << 20
MAX_PIXELS = 64_000_000
SPREAD = 1.2
"""How much further apart than the threshold two photographs of one person may lie: 0.6, dlib's own limit, over 0.5."""
Choice = int | Literal["only", "largest"]


class UnusableError(ValueError):
    """A reference that cannot serve: why, for a person. The asset is rejected with 14."""


@dataclass(frozen=True)
class Described:
    """What came of one reference: its face's vector, and JSON about its quality."""

    vector: NDArray[np.float32]
    told: dict[str, Any]


def read(path: str) -> bytes:
    """The bytes of a reference. Raises InputError for a file that cannot be read, UnusableError for one that is too large."""
    data = read_named(path, "the reference", MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise UnusableError(f"the reference {path}: larger than {MAX_BYTES >> 20} MiB")
    return data


def described(path: str, data: bytes, network: Recogniser, face: Choice, least_width: float) -> Described:
    """The one good face of a reference. Raises UnusableError where there is none, or more than one and none is named.

    Raises MissingError and BackendError where faces cannot be found or described.
    """
    from imajin_cli.stages.moderation.views import Views
    from imajin_cli.stages.recognition.quality import faults, quality

    image = _decoded(path, data)
    try:
        views = Views(image)
    except NoVerdictError as error:
        raise UnusableError(f"the reference {path}: {error.message}") from None
    if views.drawing.drawn:
        raise UnusableError(f"the reference {path}: it is drawn, and a face network learnt from photographs")
    seen = views.faces[0]
    number, chosen = _chosen(path, seen.faces, face)
    found = quality(seen.pixels, chosen, max(seen.pixels.shape[:2]) / max(image.size))
    wrong = faults(found, least_width)
    if wrong:
        raise UnusableError(f"the reference {path}: {'; '.join(wrong)}")
    vector = network.describe(seen.pixels, [chosen])[0]
    measured = {name: round(value, 4) for name, value in found._asdict().items()}
    return Described(vector, {"faces": len(seen.faces), "face": number, **measured})


def _decoded(path: str, data: bytes) -> Image:
    from imajin_cli.stages.imaging.decode import Limits, decode

    try:
        found = decode(data, Limits(max_pixels=MAX_PIXELS, max_bytes=MAX_BYTES))
    except InputError as error:
        raise UnusableError(f"the reference {path}: {error.message}") from None
    if found.frames > 1:
        raise UnusableError(f"the reference {path}: it has {found.frames} frames, and one picture is wanted")
    return found.image


def _chosen(path: str, faces: Sequence[Face], choice: Choice) -> tuple[int, Face]:
    """The face that is meant, and its number from left to right, from 1 on. Raises UnusableError."""
    if not faces:
        raise UnusableError(f"the reference {path}: no face was found in it")
    ordered = sorted(faces, key=lambda face: (face.box[0], face.box[1]))
    if choice == "largest":
        widest = max(ordered, key=lambda face: face.width)
        return ordered.index(widest) + 1, widest
    if choice == "only":
        if len(ordered) > 1:
            hint = "name one by --face NUMBER, from left to right, or --face largest"
            raise UnusableError(f"the reference {path}: there are {len(ordered)} faces in it; {hint}")
        return 1, ordered[0]
    if not 1 <= choice <= len(ordered):
        raise UnusableError(f"the reference {path}: there is no face {choice}, only {len(ordered)}")
    return choice, ordered[choice - 1]


def template(
    paths: Sequence[str], network: Recogniser, face: Choice, least_width: float
) -> tuple[Template, list[dict[str, Any]]]:
    """The template of all references, and what is told of each.

    Raises UnusableError for one that cannot serve, and where two lie further apart than one person's faces do; InputError
    for one that cannot be read; MissingError where dlib or a model is absent; BackendError for whatever else fails.
    """
    import numpy as np

    files = [(path, read(path)) for path in paths]
    try:
        found = [described(path, data, network, face, least_width) for path, data in files]
    except (ImajinError, UnusableError):
        raise
    except Exception as error:
        raise BackendError(f"the reference cannot be described: {type(error).__name__}: {str(error)[:200]}") from error
    made = Template(network.name, network.revision, np.stack([one.vector for one in found]))
    measured = MEASURED.get((network.name, network.revision))
    if measured is not None:
        _hold_together(paths, made.vectors, measured.distance * SPREAD)
    return made, [one.told for one in found]


def _hold_together(paths: Sequence[str], vectors: NDArray[np.float32], most: float) -> None:
    """Raise UnusableError where two references are more than ``most`` apart."""
    for at, path in enumerate(paths):
        for other in range(at):
            (distance,) = distances(Template("", "", vectors[other : other + 1]), vectors[at : at + 1])
            if distance > most:
                raise UnusableError(
                    f"the references {paths[other]} and {path} do not show one person: "
                    f"their distance is {distance:.2f}, over {most:g}"
                )


def digests(paths: Sequence[str]) -> list[str]:
    """The digest of each reference's bytes, for a key. Raises InputError for one that cannot be read."""
    return [_digest(path) for path in paths]


def _digest(path: str) -> str:
    try:
        return sha256(read(path))
    except UnusableError as error:
        return str(error)
