"""A gate's layer: whatever goes wrong in it is no verdict, never a pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from imajin_cli.contract.errors import ImajinError, NoVerdictError

T = TypeVar("T")


def layer(gate: str, name: str, work: Callable[[], T]) -> T:
    """``work()``. Raises NoVerdictError, naming gate and layer, for whatever is raised in it."""
    try:
        return work()
    except NoVerdictError:
        raise
    except ImajinError as error:
        raise NoVerdictError(f"{gate}: {name}: {error.message}", hint=error.hint) from error
    except Exception as error:  # a gate fails closed whatever a library raises
        raise NoVerdictError(f"{gate}: {name} failed: {type(error).__name__}: {str(error)[:200]}") from error
