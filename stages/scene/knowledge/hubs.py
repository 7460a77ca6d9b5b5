"""Which situations draw texts that have nothing to do with them: measured when the bank is compiled, taken off later.

In a space of many dimensions some points are near to all others (hubness, Radovanovic et al. 2010): a Japanese line
about soap bubbles lies nearest to Halloween. The dictionary's phrases in nineteen languages stand for such texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.stages.scene.knowledge.dictionary import COMPILED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.scene.knowledge.bank import Vectors

SECOND_LINE = 0.4
"""What a second line of a situation that agrees with the first is worth beside it."""
_PHRASES = 800
_SHARE = 0.5
"""How much of its pull a situation loses: the whole of it costs right matches of far wordings."""


def background(path: Path = COMPILED) -> list[str]:
    """Return `_PHRASES` phrases of the dictionary, evenly out of all."""
    keys = [line.split("\t", 1)[0] for line in path.read_text(encoding="utf-8").splitlines()]
    return keys[:: max(1, len(keys) // _PHRASES)][:_PHRASES]


def by_situation(vectors: Vectors, line: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return one text's score for each of ``count`` situations: the best line and a share of the second best."""
    import numpy as np

    firsts = np.full(count, -9.0, np.float32)
    seconds = np.full(count, -9.0, np.float32)
    for owner, value in zip(vectors.owner.tolist(), line.tolist(), strict=True):
        if owner >= count:
            continue
        if value > firsts[owner]:
            firsts[owner], seconds[owner] = value, firsts[owner]
        else:
            seconds[owner] = max(seconds[owner], value)
    result: NDArray[np.float32] = ((firsts + SECOND_LINE * seconds) / (1 + SECOND_LINE)).astype(np.float32, copy=False)
    return result


def pulls(vectors: Vectors, embedded: NDArray[np.float32], count: int) -> Sequence[float]:
    """Return how much nearer than the average situation each one is to ``embedded`` texts of no meaning for it, or 0."""
    import numpy as np

    means = np.mean([by_situation(vectors, line, count) for line in vectors.scores(embedded)], axis=0)
    return [round(_SHARE * max(0.0, float(value)), 3) for value in means - means.mean()]
