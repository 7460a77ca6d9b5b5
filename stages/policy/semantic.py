"""The second layer of the policy: a text's embedding against example sentences, disallowed ones and harmless ones.

e5's cosines all lie between 0.7 and 0.9, so neither a similarity nor a threshold on one means anything. What is used
is how much nearer the text is to the disallowed examples than to the harmless ones, once the examples' mean is taken
off, together with a linear probe fitted on the same examples (ridge regression, Hoerl and Kennard 1970).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE = Path(__file__).parent / "anchors.txt"
COMPILED = Path(__file__).parent / "compiled"
BENIGN = "benign"
NEAREST = 3
SLOPE = 2.0
"""Weight of the difference in nearness beside the probe's value."""
MARGIN = 0.6
"""A text that scores more is taken for disallowed. Of 4,767 harmless texts (prompts, situations, the same inside longer
prompts, icon names, in six languages) the highest scored 0.39; it is set a step above that, whatever is caught of
paraphrases. 28 of the harmless examples were written against what the others had got wrong among them."""


@dataclass(frozen=True)
class Meaning:
    """What a text is taken for: the nearest disallowed ``category``, and its ``score``; above the margin it is meant."""

    category: str
    score: float


@dataclass(frozen=True)
class Anchors:
    """The embedded examples: ``rows`` (n, 384) float32 unit vectors off ``centre`` (384,), ``categories`` of each row.

    ``probe`` (384,) and ``bias`` are the linear probe; ``sources`` is the digest of what all was made from.
    """

    rows: NDArray[np.float32]
    categories: tuple[str, ...]
    centre: NDArray[np.float32]
    probe: NDArray[np.float32]
    bias: float
    sources: str

    def judge(self, embedded: NDArray[np.float32]) -> list[Meaning]:
        """What each text, embedded as a row of (texts, 384), is taken for."""
        import numpy as np

        texts = unit(embedded - self.centre)
        near = texts @ self.rows.T
        harmless = np.array([category == BENIGN for category in self.categories])
        gap = _top(near[:, ~harmless]) - _top(near[:, harmless])
        scores = texts @ self.probe + self.bias + SLOPE * gap
        names = [category for category in self.categories if category != BENIGN]
        best = near[:, ~harmless].argmax(axis=1)
        return [Meaning(names[at], round(float(score), 4)) for at, score in zip(best, scores, strict=True)]


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows of ``vectors`` at length 1."""
    import numpy as np

    result: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return result


def _top(near: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of each row's `NEAREST` highest values."""
    import numpy as np

    result: NDArray[np.float32] = np.sort(near, axis=1)[:, -NEAREST:].mean(axis=1)
    return result


@lru_cache(maxsize=1)
def anchors(folder: Path = COMPILED) -> Anchors:
    """The compiled examples, read once. Raises FileNotFoundError where they were never compiled."""
    import numpy as np

    facts: dict[str, Any] = json.loads((folder / "anchors.json").read_bytes())
    stored = np.load(folder / "anchors.npy", allow_pickle=False).astype(np.float32)
    categories: Sequence[str] = facts["categories"]
    return Anchors(stored[:-2], tuple(categories), stored[-2], stored[-1], facts["bias"], facts["sources"])
