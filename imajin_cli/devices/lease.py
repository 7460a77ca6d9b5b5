"""Leases: so many MiB on one device, held by the process that uses them, for as long as it lives or wants.

    with lease.acquire(device="auto", mib=2048, label="semantic") as held:
        ...  # use held.device; give way where held.wanted()

The lease is the operating system's lock on ``held.descriptor``. It ends when that descriptor is closed in every process that
has it, so at the latest when they end, however they end. It is not handed to children by accident; on purpose it is, with
``pass_fds=[held.descriptor]`` or by exec after ``held.hand_over()``.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import TracebackType

from imajin_cli.contract.errors import NoCapacityError, UsageError
from imajin_cli.devices import peaks, tickets
from imajin_cli.devices.device import Device
from imajin_cli.devices.holder import this_process
from imajin_cli.devices.inherited import inherited
from imajin_cli.devices.ledger import Grant, Ledger
from imajin_cli.devices.peaks import PeakKey
from imajin_cli.devices.places import ledger_root, settings
from imajin_cli.devices.policy import LEAD, Priority, Ticket
from imajin_cli.devices.probe import candidates, free_mib
from imajin_cli.devices.units import shown
from imajin_cli.devices.waiting import Claim

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.04
_LISTEN_SECONDS = 0.2
# With no time to wait, the ledger's lock may still be another's for an instant.
_LOCK_SECONDS = 1.0

Say = Callable[[str], None]


class Lease:
    """A lease that is held. Leaving its ``with`` block, or ``release``, gives it back."""

    def __init__(self, ledger: Ledger | None, grant: Grant, device: Device, key: PeakKey | None) -> None:
        self.device = device
        self.mib = grant.mib
        self.id = grant.id
        # On the clock of time.monotonic; while the device's lock was held, so that it tells the order of grants.
        self.granted_at = grant.at
        self._ledger = ledger
        self._grant: Grant | None = grant
        self._key = key
        self._asked = False
        if ledger is not None:
            _held.add(self)

    @property
    def descriptor(self) -> int:
        """The locked descriptor. Raises ValueError where the lease is over."""
        if self._grant is None:
            raise ValueError("the lease is over")
        return self._grant.descriptor

    @property
    def is_held(self) -> bool:
        """Whether this process still has it."""
        return self._grant is not None

    def wanted(self) -> bool:
        """Whether somebody waits for memory that this lease has, or asked for this very lease: an idle holder gives it up.

        A cheap look at a folder, made to be repeated a few times a second. Never raises: what cannot be read asks nothing.
        """
        if self._ledger is None or self._grant is None:
            return False
        try:
            waiting, asked = tickets.listed(self._ledger.queue)
            self._asked = self.id in asked
            return self._asked or any(self._is_short(ticket.mib) for ticket in waiting if self._waits(ticket))
        except (OSError, NoCapacityError):
            return False

    def on_wanted(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once, from a thread of its own, as soon as the lease is wanted: within half a second."""
        Thread(target=self._listen, args=(callback,), name=f"lease {self.id}", daemon=True).start()

    def _listen(self, callback: Callable[[], object]) -> None:
        while self.is_held:
            if self.wanted():
                callback()
                return
            time.sleep(_LISTEN_SECONDS)

    def report_peak(self, mib: int) -> None:
        """Tell what was used at most; later leases with the same key ask for that. Nothing happens without a key."""
        if self._ledger is not None and self._key is not None:
            peaks.report(self._ledger, self._key, mib)

    def hand_over(self) -> int:
        """Make the descriptor outlive this process's use of it, through exec, and give it.

        From then on ``release`` only closes our copy: the lease lives on with whoever has another.
        """
        descriptor = self.descriptor
        os.set_inheritable(descriptor, True)
        _held.discard(self)
        self._ledger = None
        return descriptor

    def release(self) -> None:
        """Give it back; again is no error."""
        grant, self._grant = self._grant, None
        if grant is None:
            return
        _held.discard(self)
        if self._ledger is None:
            os.close(grant.descriptor)
            return
        if self._asked:
            # Who never looked leaves that to the next who does.
            tickets.unask(self._ledger.queue, grant.id)
        self._ledger.release(grant)

    def _waits(self, ticket: Ticket) -> bool:
        return self._ledger is not None and tickets.alive(self._ledger.queue, ticket)

    def _is_short(self, mib: int) -> bool:
        """Whether ``mib`` is more than can be granted now."""
        assert self._ledger is not None
        free = free_mib(self.device)
        return free is None or mib > self._ledger.glance(free).available

    def _forget(self) -> None:
        """In a child after a fork: the lease is the parent's alone."""
        grant, self._grant = self._grant, None
        if grant is not None:
            os.close(grant.descriptor)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_held: weakref.WeakSet[Lease] = weakref.WeakSet()


def held() -> tuple[Lease, ...]:
    """The leases that this process holds."""
    return tuple(_held)


def acquire(
    device: str = "auto",
    mib: int = 1024,
    wait: float | None = None,
    priority: Priority = "normal",
    label: str = "",
    key: PeakKey | None = None,
    *,
    ledger: Path | None = None,
    on_wait: Say | None = None,
    say: Say | None = None,
) -> Lease:
    """A lease of ``mib`` MiB on ``device``, waited for ``wait`` seconds (None: as configured; 0: now or not at all).

    ``device`` is "auto" (any GPU, else the CPU), an id ("cuda:0", "cpu") or a UUID. With a ``key`` whose peak was reported
    before, that replaces ``mib``. ``ledger`` is the ledgers' folder if not the usual one; ``on_wait`` is told once that it
    waits, and for whom; ``say`` hears of what is wrong with the ledger (by default the log "imajin.devices").

    Inside `imajin gpu run`, or another lease that was passed on, what fits into that is part of it and takes nothing more.
    Raises NoCapacityError (at once where no device is large enough), UsageError, OutputError.
    """
    if priority not in LEAD:
        raise UsageError(f"priority {str(priority)[:20]!r}", hint=", ".join(LEAD))
    if mib < 1:
        raise UsageError(f"a lease of {mib} MiB")
    outer = inherited()
    if outer is not None and outer.covers(device, mib):
        return Lease(None, outer.shared(), outer.device, key)
    found = candidates(device)
    claims = _claims(found, mib, key, priority, label, ledger or ledger_root(), say or _warn)
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
    found: list[Device], mib: int, key: PeakKey | None, priority: str, label: str, root: Path, say: Say
) -> list[Claim]:
    """A claim on each device that is large enough, the one with most room first. Raises NoCapacityError where none is."""
    holder = this_process(label)
    claims = []
    largest = 0
    for device in sorted(found, key=lambda each: -(each.free_mib or 0)):
        ledger = Ledger(root, device, say)
        wanted = mib if key is None else peaks.learned(ledger, key) or mib
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


def _forget_all() -> None:
    for held in list(_held):
        held._forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
