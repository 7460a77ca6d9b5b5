"""The trained heads: from a request's embedding to a calibrated probability for each answer.

A head is a network of one hidden layer (or none) over the embedding and a few marks of what was read, made by
training/classify; its logits are divided by a temperature fitted on held-out wordings (Guo et al. 2017).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import MissingError
from imajin_cli.stages.classification.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPILED = Path(__file__).parent / "compiled"
KEYWORDS = Path(__file__).parent / "keywords.txt"
MARK = 0.5
"""What a mark counts for beside the embedding, whose length is 1."""


def marks(reading: Reading) -> list[float]:
    """What was read, as numbers: whether files or addresses, quotations and sizes are named, and how short it is."""
    named = bool(reading.files or reading.urls)
    return [MARK * named, MARK * bool(reading.quoted), MARK * bool(reading.sizes), MARK * (len(reading.plain) < 30)]


@dataclass(frozen=True)
class Head:
    """One head: ``labels``, weights of its layers (float32), and the temperature that calibrates it."""

    labels: tuple[str, ...]
    first: NDArray[np.float32]
    bias: NDArray[np.float32]
    second: NDArray[np.float32]
    offset: NDArray[np.float32]
    temperature: float

    def probabilities(self, features: NDArray[np.float32]) -> dict[str, float]:
        """Label → probability for one row of features (384 + marks,), most probable first."""
        import numpy as np

        hidden = np.maximum(features @ self.first + self.bias, 0)
        logits = (hidden @ self.second + self.offset).astype(np.float64) / self.temperature
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        ranked = sorted(zip(self.labels, shares.tolist(), strict=True), key=lambda item: (-item[1], item[0]))
        return {label: round(value, 4) for label, value in ranked}


@dataclass(frozen=True)
class Heads:
    """All heads, the ``centre`` (384,) that is taken off an embedding first, and their revision.

    ``keywords`` (words, 384) holds the unit vectors of keywords.txt, off the centre.
    """

    heads: Mapping[str, Head]
    centre: NDArray[np.float32]
    keywords: NDArray[np.float32]
    revision: str

    def judge(self, embedded: NDArray[np.float32], reading: Reading) -> dict[str, dict[str, float]]:
        """Head → label → probability, for the embedding (384,) of ``reading.plain``."""
        features = self.features(embedded, reading)
        return {name: head.probabilities(features) for name, head in self.heads.items()}

    def features(self, embedded: NDArray[np.float32], reading: Reading) -> NDArray[np.float32]:
        """What the heads see of one request, float32 (384 + marks,)."""
        import numpy as np

        off = embedded - self.centre
        unit = off / max(float(np.linalg.norm(off)), 1e-6)
        return np.concatenate([unit, np.array(marks(reading), np.float32)]).astype(np.float32)


@lru_cache(maxsize=1)
def heads(folder: Path = COMPILED) -> Heads:
    """The compiled heads, read once. Raises MissingError where they were never made."""
    import numpy as np

    try:
        facts: dict[str, Any] = json.loads((folder / "heads.json").read_bytes())
        with np.load(folder / "heads.npz", allow_pickle=False) as stored:
            values = {name: stored[name].astype(np.float32) for name in stored.files}
    except OSError as error:
        raise MissingError(f"the heads that classify are missing: {error.strerror}", hint="reinstall imajin") from error
    made = {
        name: Head(
            tuple(head["labels"]),
            values[f"{name}.first"],
            values[f"{name}.bias"],
            values[f"{name}.second"],
            values[f"{name}.offset"],
            float(head["temperature"]),
        )
        for name, head in facts["heads"].items()
    }
    return Heads(made, values["centre"], values["keywords"], str(facts["revision"]))


def keyword_lines() -> list[tuple[str, str]]:
    """(word, description) of each line of keywords.txt."""
    lines = KEYWORDS.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return [(word, said) for word, _, said in pairs]
