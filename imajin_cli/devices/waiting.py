"""Waiting for a lease on one device: a ticket in its queue, and an attempt now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from imajin_cli.contract.errors import NoCapacityError
from imajin_cli.devices import journal, tickets
from imajin_cli.devices.holder import Holder
from imajin_cli.devices.ledger import Ledger
from imajin_cli.devices.policy import State, Ticket, ahead_of, may_start
from imajin_cli.devices.probe import free_mib
from imajin_cli.devices.session import Grant
from imajin_cli.devices.units import shown

# Who does not take its turn for so long, by our own clock while we ran, is stopped: it is passed until it takes it.
PATIENCE_SECONDS = 2.0
_LONGEST_STEP = 0.25


class Claim:
    """One wish for one device. ``attempt`` it until there is a grant, then, or to give up, ``withdraw``."""

    def __init__(self, ledger: Ledger, mib: int, priority: str, holder: Holder) -> None:
        self.ledger = ledger
        self.mib = mib
        self.priority = priority
        self.holder = holder
        self.why = ""
        self.ahead = 0
        self._grant: Grant | None = None
        self._ticket: tuple[Ticket, int] | None = None
        self._patience: dict[str, float] = {}
        self._looked = time.monotonic()

    def attempt(self, deadline: float, *, queue: bool) -> Grant | None:
        """The lease, if it may be granted now; else None, with a ticket drawn where ``queue`` says so.

        Raises OutputError, and NoCapacityError where the ledger's lock is not to be had by ``deadline``.
        """
        with self.ledger.session(deadline) as session:
            free = free_mib(self.ledger.device)
            waiting = session.waiting()
            if self._ticket is not None and self._ticket[0] not in waiting:
                # Somebody cleared the queue away: a new place at its end.
                self._drop()
            number = session.number + 1
            mine = self._ticket[0] if self._ticket else Ticket(number, self.priority, self.mib, "")
            ahead = ahead_of(mine, waiting)
            passing = [other for other in ahead if self._patience.get(other.id, 0.0) < PATIENCE_SECONDS]
            start, state = session.can_start(self.mib, passing, free or 0)
            if start and free is not None:
                if waiting and self._ticket is None:
                    # It passes those who wait, and must count as one that did.
                    session.advance()
                self._grant = session.take(self.mib, self.holder, self.priority)
                self._drop()
                return self._grant
            self._watch(ahead, state)
            self.ahead = len(passing)
            self.why = self._reason(free, state)
            if queue and self._ticket is None:
                self._ticket = session.enqueue(self.mib, self.priority, self.holder)
            return None

    def holders(self) -> list[str]:
        """Who says to hold what, for a message; nothing where that cannot be read now."""
        try:
            with self.ledger.session(time.monotonic() + 1) as session:
                return [f"{session.written(slot)[0]}: {shown(record.mib)}" for slot, record in session.live()]
        except NoCapacityError:
            return []

    def withdraw(self, *, refused: bool) -> None:
        """Give the place in the queue back; ``refused`` is written down, and a lease that came too late is given back too."""
        self._drop()
        if refused and self._grant is not None:
            # An interrupt came between the grant and whoever was to hold it.
            self.ledger.release(self._grant)
        elif refused:
            journal.write(
                self.ledger.place, "refused", mib=self.mib, label=self.holder.label, pid=self.holder.pid, why=self.why
            )

    def _drop(self) -> None:
        if self._ticket is None:
            return
        ticket, descriptor = self._ticket
        self._ticket = None
        tickets.remove(self.ledger.queue, tickets.name_of(ticket))
        os.close(descriptor)

    def _watch(self, ahead: Sequence[Ticket], state: State) -> None:
        """Count for how long those in front of us could have started and did not.

        A step counts for a quarter of a second at most: while we were stopped ourselves, nobody was late.
        """
        now = time.monotonic()
        step, self._looked = min(now - self._looked, _LONGEST_STEP), now
        late = {}
        for index, other in enumerate(ahead):
            if may_start(other.mib, ahead[:index], state):
                late[other.id] = self._patience.get(other.id, 0.0) + step
        self._patience = late

    def _reason(self, free: int | None, state: State) -> str:
        device = self.ledger.device
        if free is None:
            return f"the driver of {device.id} does not say how much is free"
        text = f"{device.id} has {shown(max(0, state.available))} of {shown(state.total)} left"
        if state.foreign:
            text += f", {shown(state.foreign)} are used without a lease"
        if self.ahead:
            text += f", {self.ahead} wait in front"
        return text
