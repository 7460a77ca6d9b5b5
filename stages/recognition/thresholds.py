"""From which distance on two faces are two people's, measured for one revision of one model."""

from __future__ import annotations

from typing import NamedTuple

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.stages.calibration.limits import limit

STAGE, SCORE = "verify-identity", "face_distance"


class Measured(NamedTuple):
    """A distance, and what was seen at it: false accepts among pairs of different people, with a 95 % interval."""

    distance: float
    false_accepts: int
    pairs: int
    interval: tuple[float, float]


MEASURED = {
    # (model, revision): `benchmarks/gates_identity.py` over the sample photographs of packages: 28 faces, of whom it is
    # certain that they are different people for 217 pairs. At dlib's own 0.6 there were 4 (its author's figure is 99.38 %
    # right on Labeled Faces in the Wild); the 15 pairs of the one man who is there six times were at most 0.45 apart.
    ("face-embedding-dlib", "2bc3cb789af7"): Measured(0.5, 0, 217, (0.0, 0.0169)),
}


def threshold(model: str, revision: str, given: float | None, calibration: str | None = None) -> float:
    """The distance that is ``given``, else that of a calibration of one's own, else the measured one.

    Raises NoVerdictError where there is none: a threshold that was made for another model or revision says nothing.
    """
    if given is not None:
        return given
    if calibration is not None:
        return limit(calibration, stage=STAGE, score=SCORE, asset_class="photo", revision=f"{model} {revision}")
    found = MEASURED.get((model, revision))
    if found is None:
        raise NoVerdictError(
            f"no threshold was measured for the model {model}, revision {revision}", hint="give one: --distance, or --calibration"
        )
    return found.distance
