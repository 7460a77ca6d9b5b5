"""Where the content stands in its picture: how much there is, the margins round it, and how well it is centred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imajin_cli.stages.imaging.metrics.planes import Planes


@dataclass(frozen=True)
class Layout:
    """``content``: share of pixels with something to see. ``margins``: left, top, right, bottom, as shares of the sides.

    ``box_offset`` and ``weight_offset`` are how far the middle of the content's box, and its centre of gravity, lie from
    the picture's middle, as shares of its sides (the larger of the two directions).
    """

    content: float
    margins: tuple[float, float, float, float]
    box_offset: float
    weight_offset: float

    @property
    def padding(self) -> float:
        """The smallest margin; 0 where the content touches a side."""
        return min(self.margins)


def layout(planes: Planes) -> Layout:
    """The layout of what is to see: by alpha, or against the one colour round the border, or all of a full-bleed picture."""
    content = planes.content
    height, width = content.shape
    columns, rows = content.sum(axis=0, dtype=np.int64), content.sum(axis=1, dtype=np.int64)
    total = int(rows.sum())
    if total == 0:
        return Layout(0.0, (0.5, 0.5, 0.5, 0.5), 0.0, 0.0)
    xs, ys = np.flatnonzero(columns), np.flatnonzero(rows)
    left, right, top, bottom = int(xs[0]), int(xs[-1]) + 1, int(ys[0]), int(ys[-1]) + 1
    margins = (left / width, top / height, 1 - right / width, 1 - bottom / height)
    middle_x = float((columns * (np.arange(width) + 0.5)).sum()) / total / width
    middle_y = float((rows * (np.arange(height) + 0.5)).sum()) / total / height
    return Layout(
        float(np.count_nonzero(content)) / content.size,
        margins,
        max(abs(left + right - width) / (2 * width), abs(top + bottom - height) / (2 * height)),
        max(abs(middle_x - 0.5), abs(middle_y - 0.5)),
    )


def variety(planes: Planes) -> float:
    """Range of levels, 0..255, in what one sees: the largest of the colour channels' and, if there is one, of alpha."""
    bands = planes.image.split()
    spans = [band.getextrema() for band in bands[3:]]
    if planes.alpha is None:
        spans = [band.getextrema() for band in bands]
    else:
        inside = planes.pixels[planes.content > 0]
        spans += [(int(inside[:, i].min()), int(inside[:, i].max())) for i in range(3)] if inside.size else []
    return float(max(int(high) - int(low) for low, high in spans))  # type: ignore[arg-type]
