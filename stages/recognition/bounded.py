"""Work of a gate that may hang or fail in any way, and then means no verdict."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from imajin_cli.contract.errors import ImajinError, NoVerdictError

T = TypeVar("T")


def bounded(name: str, work: Callable[[], T], seconds: float) -> T:
    """What ``work`` gives. Raises NoVerdictError, the layer named, where it fails or takes more than ``seconds``."""
    made: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(work())
        except BaseException as error:  # noqa: BLE001 - whatever goes wrong in a layer means no verdict, never a pass
            failed.append(error)

    thread = threading.Thread(target=run, name=f"identity-{name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if made and not thread.is_alive():
        return made[0]
    if not failed:
        raise NoVerdictError(f"no verdict of {name}: took more than {seconds:g} seconds")
    error = failed[0]
    if isinstance(error, ImajinError):
        raise NoVerdictError(f"no verdict of {name}: {error.message}", hint=error.hint) from error
    raise NoVerdictError(f"no verdict of {name}: {type(error).__name__}: {str(error)[:200]}") from error
