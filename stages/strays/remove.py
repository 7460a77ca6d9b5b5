"""Marks taken off one after another or all at once, each looked for again afterwards; what stays is put back as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.strays.find import Mark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Fill = Callable[["NDArray[np.uint8]", "NDArray[np.bool_]"], "NDArray[np.uint8]"]
Find = Callable[["NDArray[np.uint8]"], Sequence[Mark]]
MOST_SHARE = 0.35
"""Of the picture: a mark whose strokes cover more leaves too little to fill from."""
_WHOLE_SHARE = 0.12
"""A box up to this share of the picture may be filled as a whole, where filling its strokes was not enough."""
_SAME = 0.1


@dataclass(frozen=True)
class Fate:
    """What became of one mark: whether it is gone, and why not."""

    mark: Mark
    why: str | None = None

    @property
    def gone(self) -> bool:
        """Whether it was looked for again and not found."""
        return self.why is None


@dataclass(frozen=True)
class Removed:
    """The pixels without the marks that are gone, what became of each, and how many pixels changed."""

    pixels: NDArray[np.uint8]
    fates: tuple[Fate, ...]
    changed: int


def removed(pixels: NDArray[np.uint8], found: Sequence[Mark], fill: Fill, find: Find, feather: int) -> Removed:
    """RGB ``pixels`` (height, width, 3) without the marks ``found``, as far as they can be taken off.

    ``fill`` paints a mask anew, ``find`` looks for marks. A mark that is found again is tried once more with all of its box;
    one that is still there has its own pixels back. Raises BackendError where something outside the masks changed.
    """
    large = [mark for mark in found if float(mark.mask.mean()) > MOST_SHARE]
    tried = [mark for mark in found if not any(mark is other for other in large)]
    masks, active, done = [mark.mask for mark in tried], list(range(len(tried))), pixels
    for attempt in range(len(tried) + 2):
        done = _filled(pixels, [masks[at] for at in active], fill, feather) if active else pixels
        again = find(done) if active else ()
        left = [at for at in active if any(_is_there(tried[at], one) for one in again)]
        if not left:
            break
        if attempt == 0:
            masks = [_wider(mark, masks[at]) if at in left else masks[at] for at, mark in enumerate(tried)]
        else:
            # What could not be taken off is not to be smeared either.
            active = [at for at in active if at not in left]
    fates = [Fate(mark, f"it covers {mark.mask.mean():.0%} of the picture") for mark in large]
    fates += [Fate(mark, None if at in active else "it is found again after filling") for at, mark in enumerate(tried)]
    return Removed(done, tuple(fates), int((done != pixels).any(-1).sum()))


def _filled(
    pixels: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]], fill: Fill, feather: int
) -> NDArray[np.uint8]:
    import numpy as np

    from imajin_cli.stages.imaging.patch import blended, feathered, same_outside

    mask = np.logical_or.reduce(masks)
    weights = feathered(mask, feather)
    done = blended(pixels, fill(pixels, mask), weights)
    if not same_outside(pixels, done, weights):
        raise BackendError("pixels outside the mask changed")
    return done


def _wider(mark: Mark, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All of a small mark's box, else its strokes and what is close to them."""
    if float(mark.whole.mean()) <= _WHOLE_SHARE:
        return mark.whole
    from imajin_cli.stages.backends.inpaint import grown

    return grown(mask, 3)


def _is_there(mark: Mark, other: Mark) -> bool:
    """Whether ``other``, found afterwards, is ``mark`` still: over it, or the same kind of overlay."""
    if mark.kind == "tiled" or other.kind == "tiled":
        return mark.kind == other.kind
    smaller = min(int(mark.whole.sum()), int(other.whole.sum()))
    return smaller > 0 and int((mark.whole & other.whole).sum()) / smaller > _SAME
