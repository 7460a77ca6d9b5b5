"""Which things a text calls for, and which of them a picture shows: a memory beside the embedded encoder, in NumPy.

"Payment failed" looks like no word of it; it is drawn as a card. So texts that were taught are kept by their e5 vectors,
each with the things that stand for it, and a text is answered by those it is near to (a nearest-neighbour memory with a
learnt metric, as in Vinyals et al. 2016, arXiv:1606.04080). What a picture shows is told from the encoder's vector of it,
never from what the composer says. Both meet in the logarithm of how much likelier the picture is for the text than
for any text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends.miniclip import FOLDER, NAME, THINGS, normed, tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of a picture's likelihood ratio this much is granted to every text: one that nothing is known of is not ruled out.
GRANTED = 0.05
_HINT = "pip install --force-reinstall imajin"


class Things:
    """The memory, loaded on first use; same input, same output."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._kept: dict[str, NDArray[np.float32]] | None = None

    @property
    def tables(self) -> dict[str, NDArray[np.float32]]:
        """The memory's numbers by name. Raises MissingError where the file is not there, BackendError where it is none."""
        if self._kept is None:
            path = self.folder / THINGS
            if not path.is_file():
                raise MissingError(f"{NAME}: its file {THINGS} is missing", hint=_HINT)
            kept = tensors(path)
            try:
                kept["keys"] = kept["keys"] * kept.pop("keys_scale")[:, None]
            except (KeyError, ValueError) as error:
                raise BackendError(f"{NAME}: its memory of things cannot be read") from error
            self._kept = kept
        return self._kept

    def called_for(self, embedded: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much more each thing is called for by texts than by any text (n, things), all 1 where nothing is known.

        ``embedded`` are the embedder's vectors (n, 384), ``mean`` what they are centred by.
        """
        import numpy as np

        t = self.tables
        centred = normed(embedded - mean)
        heat, nothing = float(np.exp(t["heat"].item())), float(t["nothing"].item())
        near = normed(self._turned(centred)) @ t["keys"].T * heat + t["bias"]
        most = np.maximum(near.max(1, keepdims=True), nothing * heat)
        share = np.exp(near - most)
        none = np.exp(nothing * heat - most)
        total = share.sum(1, keepdims=True) + none
        out = np.zeros((len(embedded), len(t["prior"])), np.float32)
        weighed = (share / total)[:, t["row"].astype(int)] * t["weight"]
        things = t["thing"].astype(int)
        for i in range(len(out)):
            out[i] = np.bincount(things, weighed[i], len(t["prior"]))
        return _checked(out / t["prior"] + none / total, len(embedded), "what is called for")

    def _turned(self, centred: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centred embeddings as the memory compares them (n, 384), lengths not yet one."""
        import numpy as np

        t = self.tables
        hidden = centred @ t["up_weight"].T + t["up_bias"]
        hidden = 0.5 * hidden * (1 + np.tanh(0.7978845608 * (hidden + 0.044715 * hidden**3)))
        turned: NDArray[np.float32] = centred @ t["turn"].T + hidden @ t["down_weight"].T + t["down_bias"]
        return turned

    def shown(self, views: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of each thing (n, things) by the vectors (n, k, 256) of pictures' views, things equally likely beforehand.

        The nearer views speak, together: their logits in the mean. The first view, the whole, is asked where it is alone.
        """
        import numpy as np

        t = self.tables
        near = views[:, 1:] if views.shape[1] > 1 else views
        logits = near.mean(1) @ t["looks"].T + t["looks_bias"]
        share = np.exp(logits - logits.max(-1, keepdims=True))
        return _checked(share / share.sum(-1, keepdims=True), len(views), "what is shown")


def agreement(called_for: NDArray[np.float32], shown: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithm of how much likelier pictures are for texts, from (n, things) and (m, things) to (n, m); 0 is no evidence."""
    import numpy as np

    found: NDArray[np.float32] = np.log((called_for @ shown.T + GRANTED) / (1 + GRANTED)).astype(np.float32)
    return found


def _checked(values: NDArray[np.float32], count: int, layer: str) -> NDArray[np.float32]:
    import numpy as np

    if len(values) != count or not np.isfinite(values).all():
        raise BackendError(f"{NAME}: {layer} gave numbers that are not finite")
    return np.asarray(values, np.float32)
