"""Known pictures: the PDQ hash of the picture, in all eight turns, against local lists."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.sidecar import Score
from imajin_cli.stages.moderation.hashlists import ListError, load
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.pdq import Pdq
    from imajin_cli.stages.moderation.hashindex import HashIndex
    from imajin_cli.stages.moderation.views import Views

LAYER = "hashes"
LEAST_QUALITY = 50
"""Below it a hash stands for too many pictures (PDQ's authors discard such hashes)."""


def judge(views: Views, lists: Sequence[str], most: int, *, drawn_here: bool) -> Finding:
    """Look the picture up in ``lists``; hashes that differ in at most ``most`` bits are the same picture.

    ``drawn_here``: the picture comes from `compose` or an SVG, where a low quality is usual: accepted then, and said. For
    any other, a low quality means a blank or broken picture, and there is no verdict. Raises NoVerdictError for that and
    for a list that cannot be read.
    """
    from imajin_cli.stages.imaging.pdq import TURNS, pdq_turned

    found = {name: pdq_turned(image) for name, image in views.grounds.items()}
    first = next(iter(found.values()))
    # The checker's own squares are detail enough for a high quality, whatever little there is in the picture.
    quality = max(hashed.quality for name, hashed in found.items() if name != "checker")
    finding = Finding(LAYER, notes={"pdq": first.hex(), "quality": quality})
    finding.scores.append(Score(name="hash_quality", value=quality))
    if not lists:
        finding.state = "not configured"
        finding.notes["lists"] = "none configured: nothing was looked up"
        return finding
    indexes = {name: _index(name) for name in lists}
    finding.notes["lists"] = {name: len(index) for name, index in indexes.items()}
    nearest = _nearest(indexes, found, most)
    if nearest is None and quality < LEAST_QUALITY:
        if not drawn_here:
            raise NoVerdictError(f"the picture's PDQ quality is {quality}, under {LEAST_QUALITY}: it is blank or broken")
        finding.notes["low_quality"] = "no verdict of this layer: accepted, since flat drawn pictures are like that"
        return finding
    finding.scores.append(
        Score(name="hash_distance", value=None if nearest is None else nearest[0], threshold=most + 1, op=">=",
              passed=nearest is None, unit="bits")
    )  # fmt: skip
    if nearest is not None:
        distance, name, row, turn, ground = nearest
        finding.flags[Flag.KNOWN_BAD_HASH] = f"{distance} bits from entry {row + 1} of {name}"
        finding.notes["match"] = {"list": name, "entry": row + 1, "turn": TURNS[turn], "ground": ground}
    return finding


def _nearest(
    indexes: dict[str, HashIndex], found: dict[str, Pdq], most: int
) -> tuple[int, str, int, int, str] | None:
    """(bits, list, row, turn, ground) of the nearest entry of any list."""
    best: tuple[int, str, int, int, str] | None = None
    for name, index in indexes.items():
        for ground, hashed in found.items():
            if hashed.quality < LEAST_QUALITY:
                continue
            for turn, query in enumerate(hashed.hashes):
                match = index.nearest(query, most)
                if match is not None and (best is None or match.distance < best[0]):
                    best = (match.distance, name, match.row, turn, ground)
    return best


def _index(name: str) -> HashIndex:
    try:
        listed = load(name)
    except ListError as error:
        raise NoVerdictError(f"the hash list {error}", hint="repair it, or take it out of moderate.hash_lists") from error
    return _indexed(name, listed.sha256)


@lru_cache(maxsize=16)
def _indexed(name: str, digest: str) -> HashIndex:
    from imajin_cli.stages.moderation.hashindex import HashIndex

    del digest
    return HashIndex(load(name).hashes)
