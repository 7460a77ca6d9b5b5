"""A palette's colours moved into the middle of what they stand for (Lloyd 1982, "Least squares quantization in PCM")."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imajin_cli.stages.imaging.encode.oklab import Looks

_ROUNDS = 4
Bytes = NDArray[np.uint8]


def centred(
    colours: Bytes, counts: NDArray[np.float64], chosen: NDArray[np.intp], fixed: int, bound: float
) -> tuple[Bytes, NDArray[np.intp], NDArray[np.float32]]:
    """The palette (k, 4), each colour's place in it, and how far it is from it, for RGBA ``colours`` (n, 4) met ``counts`` times.

    ``chosen`` are the indices of the k colours to begin with, of which the first ``fixed`` stay as they are. No colour ends
    farther than ``bound`` from its place, if none began so: where moving would do that, a centre goes back.
    """
    looks = Looks(colours)
    began = colours[chosen]
    home, _ = _nearest(looks, began)
    centres, labels = began.copy(), home
    for _ in range(_ROUNDS):
        moved = _means(colours, counts, labels, centres)
        moved[:fixed] = began[:fixed]
        centres = moved
        labels, errors = _nearest(looks, centres)
    while errors.max() > bound:
        # Whoever is too far off has its first centre back, which was near enough; in the end all have.
        lost = np.unique(home[errors > bound])
        if (centres[lost] == began[lost]).all():
            break
        centres[lost] = began[lost]
        labels, errors = _nearest(looks, centres)
    return centres, labels, errors


def _nearest(looks: Looks, centres: Bytes) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    apart = looks.distances(Looks(centres))
    labels = apart.argmin(1)
    return labels, np.take_along_axis(apart, labels[:, None], 1)[:, 0]


def _means(colours: Bytes, counts: NDArray[np.float64], labels: NDArray[np.intp], centres: Bytes) -> Bytes:
    """The mean colour of each cluster, each weighed by its alpha too; a cluster without colours stays."""
    many = len(centres)
    weights = np.bincount(labels, weights=counts, minlength=many)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(labels, weights=counts * values, minlength=many) / np.maximum(weights, 1e-9)

    alpha = mean(colours[:, 3])
    shown = colours[:, 3] / 255
    tint = [mean(colours[:, at] * shown) * 255 / np.maximum(alpha, 1e-6) for at in range(3)]
    found = np.clip(np.rint(np.stack([*tint, alpha], axis=1)), 0, 255).astype(np.uint8)
    found[weights == 0] = centres[weights == 0]
    # What shows through stays so, and what does not too.
    see_through = (centres[:, 3] > 0) & (centres[:, 3] < 255)
    found[see_through, 3] = np.clip(found[see_through, 3], 1, 254)
    found[~see_through, 3] = centres[~see_through, 3]
    return found
