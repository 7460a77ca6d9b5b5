"""A lease that is held: what it is of, whether others want it, and how it ends."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Mapping
from threading import Thread
from types import TracebackType

from imajin_cli.contract.errors import NoCapacityError
from imajin_cli.devices import peaks, tickets
from imajin_cli.devices.device import Device
from imajin_cli.devices.ledger import Ledger
from imajin_cli.devices.peaks import PeakKey
from imajin_cli.devices.policy import Ticket
from imajin_cli.devices.probe import free_mib
from imajin_cli.devices.session import Grant

_LISTEN_SECONDS = 0.2
# An idle holder lets those go first that were idle for longer: who has just become idle waits the most.
_PATIENCE_SECONDS = 0.5
_IDLE_SECONDS = 5.0


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
        self._short_since: float | None = None
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

    def wanted(self, idle: float | None = None) -> bool:
        """Whether somebody waits for memory that this lease has, or asked for this very lease: an idle holder gives it up.

        A cheap look at a folder, made to be repeated a few times a second. With ``idle``, the seconds since the memory was of
        use, the answer is no for a moment more (at most half a second) the shorter that is: so of several idle holders the
        one that was idle longest gives way, and the others see that it was enough. Never raises: what cannot be read asks
        nothing.
        """
        if self._ledger is None or self._grant is None:
            return False
        try:
            waiting, asked = tickets.listed(self._ledger.queue)
            self._asked = self.id in asked
            short = any(self._is_short(ticket.mib) for ticket in waiting if self._waits(ticket))
        except (OSError, NoCapacityError):
            return False
        if not short:
            self._short_since = None
            return self._asked
        now = time.monotonic()
        self._short_since = self._short_since or now
        patience = 0.0 if idle is None else _PATIENCE_SECONDS / (1 + max(0.0, idle) / _IDLE_SECONDS)
        return self._asked or now - self._short_since >= patience

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
            peaks.report(self._ledger, {self._key: mib})

    def report_peaks(self, found: Mapping[PeakKey, int]) -> None:
        """The same for a lease of several parts: what each used at most, in MiB."""
        if self._ledger is not None:
            peaks.report(self._ledger, found)

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
            grant.close()
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
            grant.close()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_held: weakref.WeakSet[Lease] = weakref.WeakSet()


def held() -> tuple[Lease, ...]:
    """The leases that this process holds, oldest first."""
    return tuple(sorted(_held, key=lambda each: each.granted_at))


def _forget_all() -> None:
    for held in list(_held):
        held._forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
