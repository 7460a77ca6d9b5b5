"""Which drawn things a prompt calls for, by the knowledge that the composer draws by: several, each with a share.

Of a prompt's meaning (``knowledge/match.py``: situations, named things, a dictionary of nineteen languages) all is taken that
it may stand for, not what the composer would choose of it; the picture and its record are not looked at. So a prompt that
this knowledge takes for something else is judged by that something else, as it is drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.scene.knowledge.bank import Bank
    from imajin_cli.stages.scene.knowledge.match import Match

SURE = 3.0
"""The power of a hit's score that it counts with: of two readings the likelier one speaks."""
COMPANIONS, OTHERS, NOTHING = 0.1, 0.3, 0.3
"""What all companions of a situation count beside its subjects, what other drawings of a named thing do beside the first, and
how much is left unsaid where nothing was recognised for certain."""


@lru_cache(maxsize=2)
def _titles(known: Bank) -> dict[str, str]:
    return dict(zip(known.titles, (concept.title for concept in known.concepts), strict=True))


def shares(meant: Match, known: Bank, also: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Titles of drawings with the share that each is called for; the rest up to 1 is unsaid.

    ``also`` are titles that stand for a part or a situation besides, by its name: the squirrel for a nut.
    """
    said: dict[str, float] = defaultdict(float)
    titles = _titles(known)

    def spread(names: Sequence[str], amount: float) -> None:
        for name in names:
            drawings = [titles.get(name, name), *also.get(name, ())]
            for title in drawings:
                said[title] += amount / len(names) / len(drawings)

    for hit in meant.situations:
        situation = known.by_id[hit.name]
        spread([*situation.subjects, *also.get(hit.name, ())], hit.score**SURE)
        spread(situation.companions, COMPANIONS * hit.score**SURE)
    for hit in meant.concepts:
        spread([hit.name if hit.pack == "subjects" else f"phosphor:{hit.name}"], hit.score**SURE)
        spread(hit.others, OTHERS * hit.score**SURE)
    best = max((hit.score for hit in (*meant.situations, *meant.concepts)), default=0.0)
    whole = sum(said.values()) + NOTHING * (1 - best) + 1e-6
    return {title: share / whole for title, share in said.items()}


def called_for(said: Mapping[str, float], places: Mapping[str, int]) -> NDArray[np.float32]:
    """How much more each drawing is called for than by any prompt (drawings,), from shares of titles.

    ``places`` are the titles' rows. What has no row is unsaid, and what is unsaid calls for all alike.
    """
    import numpy as np

    out = np.zeros(len(places), np.float32)
    for title, share in said.items():
        if title in places:
            out[places[title]] += share
    made: NDArray[np.float32] = (out * len(places) + max(0.0, 1.0 - float(out.sum()))).astype(np.float32)
    return made


def wanted(prompt: str, places: Mapping[str, int], also: Mapping[str, Sequence[str]]) -> NDArray[np.float32]:
    """`called_for` of a prompt by the packaged knowledge. Raises FileNotFoundError where that is not there."""
    from imajin_cli.stages.backends.embedding import shared
    from imajin_cli.stages.scene.knowledge.bank import bank
    from imajin_cli.stages.scene.knowledge.match import match

    return called_for(shares(match(prompt, embed=shared()), bank(), also), places)
