"""Leases: so many MiB on one device, held by the process that uses them, for as long as it lives or wants.

    with lease.acquire(device="auto", mib=2048, label="semantic") as held:
        ...  # use held.device; give way where held.wanted()

The lease is the operating system's lock on ``held.descriptor``. It ends when that descriptor is closed in every process that
has it, so at the latest when they end, however they end; ``release`` ends it for all of them. It is not handed to children by
accident; on purpose it is, with ``pass_fds=[held.hand_over()]`` or exec, and then ``release`` is only our part of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from imajin_cli.contract.errors import NoCapacityError, UsageError
from imajin_cli.devices import peaks
from imajin_cli.devices.device import Device
from imajin_cli.devices.held import Lease, held
from imajin_cli.devices.holder import this_process
from imajin_cli.devices.inherited import inherited
from imajin_cli.devices.ledger import Ledger
from imajin_cli.devices.peaks import PeakKey
from imajin_cli.devices.places import ledger_root, settings
from imajin_cli.devices.policy import LEAD, Priority
from imajin_cli.devices.probe import candidates
from imajin_cli.devices.session import Grant
from imajin_cli.devices.units import shown
from imajin_cli.devices.waiting import Claim

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.04
# With no time to wait, the ledger's lock may still be another's for an instant.
_LOCK_SECONDS = 1.0

Say = Callable[[str], None]

__all__ = ["Lease", "PeakKey", "acquire", "held"]


def acquire(
    device: str = "auto",
    mib: int = 1024,
    wait: float | None = None,
    priority: Priority = "normal",
    label: str = "",
    key: PeakKey | None = None,
    *,
    parts: Sequence[tuple[PeakKey, int]] = (),
    less: int = 0,
    ledger: Path | None = None,
    on_wait: Say | None = None,
    say: Say | None = None,
) -> Lease:
    """A lease of ``mib`` MiB on ``device``, waited for ``wait`` seconds (None: as configured; 0: now or not at all).

    ``device`` is "auto" (any GPU, else the CPU), an id ("cuda:0", "cpu") or a UUID. With a ``key`` whose peak was reported
    before, that replaces ``mib``. ``parts`` are several kinds of work at once, each with its MiB, in place of ``key`` and
    ``mib``: one lease of their sum, ``less`` the MiB that this process has for them already. ``ledger`` is the ledgers'
    folder if not the usual one; ``on_wait`` is told once that it waits, and for whom; ``say`` hears of what is wrong with
    the ledger (by default the log "imajin.devices").

    Inside `imajin gpu run`, or another lease that was passed on, what fits into that is part of it and takes nothing more.
    Raises NoCapacityError (at once where no device is large enough), UsageError, OutputError.
    """
    if priority not in LEAD:
        raise UsageError(f"priority {str(priority)[:20]!r}", hint=", ".join(LEAD))
    work: list[tuple[PeakKey | None, int]] = [*parts] or [(key, mib)]
    mib = sum(size for _, size in work)
    if min(size for _, size in work) < 1:
        raise UsageError(f"a lease of {mib} MiB")
    outer = inherited()
    if outer is not None and outer.covers(device, mib):
        return Lease(None, outer.shared(), outer.device, key)
    claims = _claims(candidates(device), work, less, priority, label, ledger or ledger_root(), say or _warn)
    limit = settings().wait if wait is None else wait
    try:
        grant, claim = _obtain(claims, limit, on_wait)
    except BaseException:
        for each in claims:
            each.withdraw(refused=True)
        raise
    for each in claims:
        each.withdraw(refused=False)
    return Lease(claim.ledger, grant, claim.ledger.device, key)


def _claims(
    found: list[Device],
    work: Sequence[tuple[PeakKey | None, int]],
    less: int,
    priority: str,
    label: str,
    root: Path,
    say: Say,
) -> list[Claim]:
    """A claim on each device that is large enough, the one with most room first. Raises NoCapacityError where none is."""
    holder = this_process(label)
    claims = []
    largest = 0
    for device in sorted(found, key=lambda each: -(each.free_mib or 0)):
        ledger = Ledger(root, device, say)
        learned = peaks.learned(ledger, [key for key, _ in work if key is not None])
        wanted = sum(mib if key is None else learned.get(key, mib) for key, mib in work)
        wanted = max(1, wanted - less)
        largest = max(largest, wanted)
        if wanted <= device.total_mib:
            claims.append(Claim(ledger, wanted, priority, holder))
    if not claims:
        sizes = ", ".join(f"{device.id} has {shown(device.total_mib)}" for device in found)
        raise NoCapacityError(f"{shown(largest)} are more than there is in all: {sizes}")
    return claims


def _obtain(claims: list[Claim], wait: float, on_wait: Say | None) -> tuple[Grant, Claim]:
    """The first grant of any claim, in time. Raises NoCapacityError."""
    deadline = time.monotonic() + wait
    pause, told = _FIRST_PAUSE, False
    while True:
        late = time.monotonic() >= deadline
        for claim in claims:
            limit = max(deadline, time.monotonic() + (_LOCK_SECONDS if wait <= 0 else 0))
            grant = claim.attempt(limit, queue=not late and wait > 0)
            if grant is not None:
                return grant, claim
        if late:
            raise _refusal(claims, wait)
        if on_wait is not None and not told:
            told = True
            on_wait(f"waiting for {_described(claims)}")
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _refusal(claims: list[Claim], wait: float) -> NoCapacityError:
    within = f" within {wait:g} s" if wait > 0 else ""
    return NoCapacityError(f"no lease of {_described(claims)}{within}", hint="imajin gpu status shows who holds what")


def _described(claims: list[Claim]) -> str:
    parts = []
    for claim in claims:
        holders = claim.holders()
        held = f"; held by {', '.join(holders[:4])}{' and others' if len(holders) > 4 else ''}" if holders else ""
        parts.append(f"{shown(claim.mib)}: {claim.why}{held}")
    return "; or ".join(parts)


def _warn(text: str) -> None:
    logging.getLogger("imajin.devices").warning("imajin: %s", text)
