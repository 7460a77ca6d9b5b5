"""A gate's layer: whatever goes wrong in it is no verdict, never a pass, and neither is one that takes too long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from imajin_cli.contract.errors import ImajinError, NoVerdictError

T = TypeVar("T")
# Which layer each thread is in, so that one that never comes back can be named.
_inside: dict[int, str] = {}
_TURN = 0.5


def layer(gate: str, name: str, work: Callable[[], T]) -> T:
    """``work()``. Raises NoVerdictError, naming gate and layer, for whatever is raised in it."""
    thread = threading.get_ident()
    around = _inside.get(thread)
    _inside[thread] = name
    try:
        return work()
    except NoVerdictError:
        raise
    except ImajinError as error:
        raise NoVerdictError(f"{gate}: {name}: {error.message}", hint=error.hint) from error
    except Exception as error:  # a gate fails closed whatever a library raises
        raise NoVerdictError(f"{gate}: {name} failed: {type(error).__name__}: {str(error)[:200]}") from error
    finally:
        if around is None:
            _inside.pop(thread, None)
        else:
            _inside[thread] = around


def timely(gate: str, seconds: float, work: Callable[[], T]) -> T:
    """``work()``, in a thread of its own, and whatever it raises.

    Raises NoVerdictError, naming gate and layer, where it takes more than ``seconds``; what is left of it ends with the
    process.
    """
    made: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below, where it belongs
            failed.append(error)

    thread = threading.Thread(target=run, name=f"{gate}-layers", daemon=True)
    thread.start()
    # In short turns: a machine that sleeps meanwhile, or is frozen, loses one turn and not all of them.
    turn = min(_TURN, seconds)
    for _ in range(max(1, round(seconds / turn))):
        thread.join(turn)
        if not thread.is_alive():
            break
    if failed:
        raise failed[0]
    if made:
        return made[0]
    name = _inside.get(thread.ident or 0, "it")
    raise NoVerdictError(
        f"{gate}: {name} took more than {seconds:g} seconds", hint=f"imajin {gate} --force judges anew"
    )
