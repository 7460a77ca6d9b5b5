"""Many 256-bit hashes, looked up by Hamming distance: multi-index hashing over sixteen bands of sixteen bits.

Two hashes that differ in at most 31 bits differ in at most one bit in one of the bands at least (31 < 2 × 16; Norouzi,
Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012). So only hashes that share a band with
the one looked up, exactly or but for one bit, are compared: about 4,000 of a million. Sorting the bands takes about as
long as a few hundred comparisons with every hash, so the first look-ups do that instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = 16
MOST_BITS = 31
"""The largest distance that the bands cannot miss, and the one at which PDQ's authors call two pictures the same."""
SMALL = 20_000
"""Up to so many hashes, comparing with all of them is quicker than any index."""
BLOCK = 1 << 13
"""So many hashes are compared at a time: what lies between stays in the processor's cache, and in memory that is there
already. Comparing a million at once asked the system for 24 MB anew on every look-up, and now and then waited for it."""
BEFORE_INDEX = 100
"""Look-ups that compare with every hash before the bands of a larger list are sorted."""


class Match(NamedTuple):
    """The nearest hash: its row in the list, and in how many bits it differs."""

    row: int
    distance: int


class HashIndex:
    """An index of ``hashes``, uint64 of shape (n, 4)."""

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        import numpy as np

        self.hashes = np.ascontiguousarray(hashes, np.uint64).reshape(-1, 4)
        # Read by every look-up: copied now, so that the first one does not wait for fresh memory.
        self._columns = tuple(np.ascontiguousarray(self.hashes[:, at]) for at in (0, 1))
        self._bands: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = []
        self._asked = 0

    def __len__(self) -> int:
        return len(self.hashes)

    def nearest(self, query: NDArray[np.uint64], most: int = MOST_BITS) -> Match | None:
        """The nearest hash to ``query`` (four words) that differs in at most ``most`` bits, the first of equals, or None.

        Raises ValueError where ``most`` is above `MOST_BITS`, which the bands could miss.
        """
        if not 0 <= most <= MOST_BITS:
            raise ValueError(f"a distance must be within 0 and {MOST_BITS}, not {most}")
        self._asked += 1
        if len(self) > SMALL and not self._bands and self._asked > BEFORE_INDEX:
            self.build()
        rows = self._candidates(query) if self._bands else self._scanned(query, most)
        return self._best(query, rows, most)

    def build(self) -> None:
        """Sort the bands: 100 bytes a hash."""
        import numpy as np

        keys = self.hashes.astype(">u8").view(">u2").astype(np.uint16)
        for band in range(BANDS):
            column = np.ascontiguousarray(keys[:, band])
            order = np.argsort(column, kind="stable").astype(np.int32)
            starts = np.zeros((1 << 16) + 1, np.int64)
            np.cumsum(np.bincount(column, minlength=1 << 16), out=starts[1:])
            self._bands.append((starts, order))

    def _candidates(self, query: NDArray[np.uint64]) -> NDArray[np.int32]:
        import numpy as np

        keys = np.ascontiguousarray(query).astype(">u8").view(">u2").astype(np.int64)
        flips = np.concatenate([[0], 1 << np.arange(16)])
        parts = []
        for (starts, order), key in zip(self._bands, keys, strict=True):
            near = key ^ flips
            parts += [order[begin:end] for begin, end in zip(starts[near], starts[near + 1], strict=True) if begin < end]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int32)

    def _scanned(self, query: NDArray[np.uint64], most: int) -> NDArray[np.int64]:
        """The rows whose first two words differ in at most ``most`` bits: hardly any others do by chance."""
        import numpy as np

        # The look-up's own: a layer that took too long may still be at work in another thread.
        differing, counts = np.empty(BLOCK, np.uint64), (np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8))
        rows = []
        for start in range(0, len(self), BLOCK):
            parts = [column[start : start + BLOCK] for column in self._columns]
            size = len(parts[0])
            words, bits = differing[:size], [one[:size] for one in counts]
            for part, word, counted in zip(parts, query, bits, strict=False):
                np.bitwise_xor(part, word, out=words)
                np.bitwise_count(words, out=counted)
            np.add(bits[0], bits[1], out=bits[0])
            rows.append(np.flatnonzero(bits[0] <= most) + start)
        return np.concatenate(rows) if rows else np.zeros(0, np.int64)

    def _best(self, query: NDArray[np.uint64], rows: NDArray[np.int64] | NDArray[np.int32], most: int) -> Match | None:
        import numpy as np

        if not len(rows):
            return None
        distances = np.bitwise_count(self.hashes[rows] ^ query).sum(axis=1)
        at = int(distances.argmin())
        return Match(int(rows[at]), int(distances[at])) if distances[at] <= most else None
