"""Noise that depends on a candidate's seed alone: not on its batch, its device, or the versions of torch and NumPy.

The bits are Philox4x64-10's (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the seed, as
NumPy's `Philox` gives them raw; they become normal by Box and Muller's transform (1958) in double precision. NumPy promises
the raw stream of its bit generators for good, and promises no stream of normals, nor does torch.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import BackendError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_lock = threading.Lock()
_UNIT = 2.0**-53


class Stream:
    """The noise of one candidate; every draw goes on where the last one ended.

    What autoencoders draw comes from ``side``, a stream of its own, so that the first noise of a seed is the same whether or
    not a picture or a map is encoded before it.
    """

    def __init__(self, seed: int, purpose: int = 0) -> None:
        import numpy as np

        self.seed = seed
        self._bits = np.random.Philox(key=[seed & (2**64 - 1), purpose])
        self._side: Stream | None = None

    @property
    def side(self) -> Stream:
        """The stream beside this one, for an autoencoder's draws."""
        if self._side is None:
            self._side = Stream(self.seed, 1)
        return self._side

    def normal(self, shape: Sequence[int]) -> NDArray[np.float32]:
        """Standard normal values of ``shape``, in single precision."""
        import numpy as np

        count = int(np.prod(shape))
        pairs = (count + 1) // 2
        raw = np.asarray(self._bits.random_raw(2 * pairs), np.uint64)
        # 53 bits each: the first in (0, 1], so that its logarithm is finite, the second in [0, 1).
        first = ((raw[0::2] >> np.uint64(11)).astype(np.float64) + 1) * _UNIT
        turn = (raw[1::2] >> np.uint64(11)).astype(np.float64) * (_UNIT * 2 * np.pi)
        length = np.sqrt(-2 * np.log(first))
        found = np.empty(2 * pairs, np.float64)
        found[0::2], found[1::2] = length * np.cos(turn), length * np.sin(turn)
        return found[:count].astype(np.float32).reshape(tuple(shape))


def _randn(shape: Any, generator: Any = None, device: Any = None, dtype: Any = None, layout: Any = None) -> Any:
    """Stands in for diffusers' randn_tensor: a batch's noise, each picture's from its own stream."""
    import numpy as np
    import torch

    del layout
    streams = list(generator) if isinstance(generator, list | tuple) else [generator]
    if not all(isinstance(stream, Stream) for stream in streams):
        raise BackendError("a pipeline asked for noise that belongs to no candidate")
    if len(streams) == 1:
        made = streams[0].normal(shape)
    elif len(streams) == shape[0]:
        made = np.concatenate([stream.normal((1, *shape[1:])) for stream in streams])
    else:
        raise BackendError(f"a pipeline asked for noise of shape {tuple(shape)} for {len(streams)} candidates")
    return torch.from_numpy(made).to(device=device or "cpu", dtype=dtype or torch.float32)


def _randn_aside(own: Sequence[Stream]) -> Callable[..., Any]:
    """As `_randn`, for an autoencoder, which some pipelines call without saying whose noise it is to draw: then ``own``'s."""

    def drawn(shape: Any, generator: Any = None, device: Any = None, dtype: Any = None, layout: Any = None) -> Any:
        """Noise of ``shape`` from the streams' sides; the same again for each further pass over the candidates."""
        import torch

        given = list(generator) if isinstance(generator, list | tuple) else [generator]
        untold = given == [None] and bool(own)
        beside = [stream.side if isinstance(stream, Stream) else stream for stream in (own if untold else given)]
        passes, rest = divmod(shape[0], len(beside))
        if not untold or passes < 2 or rest:
            return _randn(shape, beside, device, dtype, layout)
        return torch.cat([_randn((len(beside), *shape[1:]), beside, device, dtype, layout)] * passes)

    return drawn


@contextmanager
def drawn_from_streams(own: Sequence[Stream] = ()) -> Iterator[None]:
    """While this lasts, whatever diffusers draws (first noise, a posterior's sample, an ancestral step's) comes from Streams.

    ``own`` are the candidates' streams, for autoencoders that are not told which.
    """
    from diffusers.utils import torch_utils

    aside = _randn_aside(own)
    with _lock:
        library = torch_utils.randn_tensor
        changed = [
            module
            for name, module in sorted(sys.modules.items())
            if name.startswith("diffusers.") and getattr(module, "__dict__", {}).get("randn_tensor") is library
        ]
        for module in changed:
            is_autoencoder = module.__name__.startswith("diffusers.models.autoencoders.")
            module.__dict__["randn_tensor"] = aside if is_autoencoder else _randn
        try:
            yield
        finally:
            for module in changed:
                module.__dict__["randn_tensor"] = library
