"""All checks, in the order in which a person would ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imajin_cli.doctor import machine, software
from imajin_cli.doctor.finding import Finding

CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    software.package,
    machine.system,
    machine.gpus,
    software.config,
    software.stages,
    software.extras,
    software.worker,
    machine.places,
)


def examine() -> Iterator[Finding]:
    """Yield what each check finds; a check that fails in itself is a finding too."""
    for check in CHECKS:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a machine, the other checks go on
            yield Finding(check.__name__, "check", "broken", f"{type(error).__name__}: {error}")
