"""Whose turn it is: pure functions over sizes and tickets.

First come, first served, with two exceptions that are bounded. A higher class goes before tickets that came up to
``LEAD`` numbers earlier, so that no ticket is ever passed by more than ``MOST_PASSES`` later ones. And a job may start
before one that waits in front of it where that cannot delay it (backfilling, in schedulers' words; the usual rule asks for
run times, which nobody knows here, so this one holds for every order in which leases may end).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Priority = Literal["batch", "normal", "interactive"]
LEAD: dict[str, int] = {"batch": 0, "normal": 16, "interactive": 32}
MOST_PASSES = max(LEAD.values())


class Ticket(NamedTuple):
    """A place in a queue: its number by arrival, class, MiB wanted, and the waiter's id."""

    number: int
    priority: str
    mib: int
    id: str


class State(NamedTuple):
    """One device in MiB: all of it, what its driver says is free, each live lease, and what is used without a lease."""

    total: int
    free: int
    live: Sequence[int]
    foreign: int = 0

    @property
    def available(self) -> int:
        """MiB that a new lease may have: neither leases nor the driver may be against it."""
        return min(self.total - sum(self.live) - self.foreign, self.free)


def foreign_use(total: int, free: int, leased: int, before: int) -> int:
    """MiB taken to be used without a lease, when it was taken to be ``before``.

    The driver tells only what is used by all. Without leases that is it. With some, it is at least what leases cannot
    account for; and as their holders may use less than they leased, what was found before stays until less is used in all:
    otherwise what a holder has not yet allocated would be granted once more.
    """
    used = total - free
    return used if leased == 0 else max(used - leased, min(before, used))


def turn(ticket: Ticket) -> tuple[int, int]:
    """Sort key of a queue: who has the lower one goes first."""
    return ticket.number - LEAD[ticket.priority], ticket.number


def ahead_of(mine: Ticket, queue: Iterable[Ticket]) -> list[Ticket]:
    """The tickets that go before ``mine``, first one first."""
    return sorted((other for other in queue if turn(other) < turn(mine)), key=turn)


def may_start(mib: int, ahead: Sequence[Ticket], state: State) -> bool:
    """Whether ``mib`` may be granted now, with ``ahead`` still waiting."""
    return mib <= state.available and not delays(mib, ahead, state)


def delays(mib: int, ahead: Sequence[Ticket], state: State) -> bool:
    """Whether granting ``mib`` could make a ticket of ``ahead`` wait longer than it would in strict order.

    A ticket could start once what is left of the live leases, and of the tickets before it, leaves it room. If some subset
    of those leaves room for it, but not for it and ``mib`` together, then leases may end in an order in which it is delayed.
    """
    if not ahead:
        return False
    bound = state.total
    sums = _sums(state.live, bound)
    for ticket in ahead:
        room = state.total - ticket.mib
        # What programs without a lease use may shrink by any amount.
        low = room - mib - state.foreign
        if _any_between(sums, low, room):
            return True
        sums = _with(sums, ticket.mib, bound)
    return False


def _sums(sizes: Iterable[int], bound: int) -> int:
    """Bit n is set where some of ``sizes`` add up to n, up to ``bound``."""
    sums = 1
    for size in sizes:
        sums = _with(sums, size, bound)
    return sums


def _with(sums: int, size: int, bound: int) -> int:
    return (sums | sums << size) & ((1 << (bound + 1)) - 1) if size <= bound else sums


def _any_between(sums: int, low: int, high: int) -> bool:
    """Whether a sum is above ``low`` and at most ``high``."""
    if high < 0:
        return False
    return bool((sums & ((1 << (high + 1)) - 1)) >> max(0, low + 1))
