"""What can be done together: work of several jobs that one call of a backend takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lane:
    """Work with an equal lane shares a backend, a model, the size of its input and its number type: it may go together.

    ``most`` is how many pieces one call takes at most; their memory is held at the same time.
    """

    backend: str
    model: str
    size: str = ""
    dtype: str = "float32"
    most: int = 8
