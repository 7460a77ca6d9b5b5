"""Banding: gradients that go in visible stairs.

A stair is a run of equal pixels between two steps of the same sign and a few levels each, in a series of at least three
such steps: what a smooth gradient becomes with too few levels. The one-level steps of every 8-bit gradient, single
edges between flat colours, dither and noise do not count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.metrics.planes import Bytes, Planes

_STEP = (2, 16)
_RUN = 5
_SERIES = 3
# Runs and steps of one gradient are alike within this factor.
_ALIKE = 2.5
_LINES = 192


def banding(planes: Planes) -> float:
    """Share of the picture, 0..1, that lies on such stairs, along rows or columns, whichever is more."""
    grey = planes.grey
    rows = grey[:: max(1, grey.shape[0] // _LINES)]
    columns = np.ascontiguousarray(grey.T[:: max(1, grey.shape[1] // _LINES)])
    return max(_stairs(rows), _stairs(columns))


def _stairs(lines: Bytes) -> float:
    """Share of the pixels of ``lines`` (one a row) that lie on runs between steps of a series."""
    if lines.shape[1] < _RUN * (_SERIES + 1):
        return 0.0
    # Each line is ended with a copy of its last pixel and read as one long row; a step at a seam is no step.
    flat = lines.astype(np.int16)
    steps = np.diff(flat, axis=1, append=flat[:, -1:]).ravel()
    at = np.flatnonzero(steps)
    if at.size <= _SERIES:
        return 0.0
    size = steps[at]
    line = at // lines.shape[1]
    joined = _alike_next(at, size, line)
    in_series = _in_run_of(joined, _SERIES - 1)
    covered = int(np.diff(at)[in_series].sum())
    return covered / lines.size


def _alike_next(
    at: npt.NDArray[np.intp], size: npt.NDArray[np.int16], line: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """For each step but the last: whether the next one belongs to the same gradient."""
    gap, height = np.diff(at), np.abs(size)
    fits = (height >= _STEP[0]) & (height <= _STEP[1])
    small, large = np.minimum(height[1:], height[:-1]), np.maximum(height[1:], height[:-1])
    same = (size[1:] > 0) == (size[:-1] > 0)
    joined = fits[1:] & fits[:-1] & same & (large <= _ALIKE * small) & (gap >= _RUN) & (line[1:] == line[:-1])
    # A gap that is much longer than the one before it is the flat ground beyond the gradient.
    longer = np.empty_like(joined)
    longer[0] = False
    longer[1:] = joined[:-1] & (gap[1:] > _ALIKE * gap[:-1])
    result: npt.NDArray[np.bool_] = joined & ~longer
    return result


def _in_run_of(flags: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    """Which flags stand in an unbroken run of at least ``least`` set ones."""
    edges = np.diff(np.concatenate([[0], flags.view(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = ends - starts >= least
    marks = np.zeros(flags.size + 1, np.int32)
    np.add.at(marks, starts[long], 1)
    np.add.at(marks, ends[long], -1)
    result: npt.NDArray[np.bool_] = np.cumsum(marks[:-1]) > 0
    return result
