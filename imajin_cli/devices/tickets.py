"""Places in a device's queue: a file a waiter, locked for as long as it waits, its order in its name."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable

from imajin_cli.devices.files import Place, Refused, create, open_ours, read_small, write_at
from imajin_cli.devices.holder import Holder, read, written
from imajin_cli.devices.locks import lock_within, try_lock
from imajin_cli.devices.policy import Ticket
from imajin_cli.devices.table import MOST_NUMBER

_TICKET = re.compile(r"ticket-(\d{15})-(batch|normal|interactive)-(\d{1,8})-([0-9a-f]{8})", re.ASCII)
_ASK = re.compile(r"ask-([0-9a-f]{8})", re.ASCII)
# Somebody who looks whether a new ticket is alive may hold its lock for an instant.
_LOCK_SECONDS = 1.0


def name_of(ticket: Ticket) -> str:
    """The ticket's file name."""
    return f"ticket-{ticket.number:015d}-{ticket.priority}-{ticket.mib}-{ticket.id}"


def write(place: Place, ticket: Ticket, holder: Holder) -> int:
    """Make the ticket and give its descriptor, locked. The device's lock must be held. Raises OSError."""
    name = name_of(ticket)
    descriptor = create(place, name)
    try:
        if not lock_within(descriptor, time.monotonic() + _LOCK_SECONDS):
            raise BlockingIOError(f"{name} is held by another process")
        try:
            write_at(descriptor, written(holder), 0)
        except OSError:
            # On a full disk the place in the queue is as good: all that counts is in the name.
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        remove(place, name)
        raise
    return descriptor


def listed(place: Place) -> tuple[list[Ticket], set[str]]:
    """Every ticket by name, dead ones too, and the ids of the leases that were asked for. Raises OSError."""
    tickets, asked = [], set()
    for name in os.listdir(place.path):
        if match := _TICKET.fullmatch(name):
            if int(match[1]) < MOST_NUMBER:
                tickets.append(Ticket(int(match[1]), match[2], int(match[3]), match[4]))
        elif match := _ASK.fullmatch(name):
            asked.add(match[1])
    return tickets, asked


def alive(place: Place, ticket: Ticket) -> bool:
    """Whether somebody holds the ticket's lock. A file that is not ours to read is nobody's ticket."""
    try:
        descriptor = open_ours(place, name_of(ticket))
    except (OSError, Refused):
        return False
    try:
        return not try_lock(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def holder(place: Place, ticket: Ticket) -> Holder:
    """Who says to wait with it."""
    return read(read_small(place, name_of(ticket)))[0]


def living(place: Place, tickets: Iterable[Ticket]) -> list[Ticket]:
    """Those that somebody waits with; the rest are removed. The device's lock must be held."""
    found = []
    for ticket in tickets:
        if alive(place, ticket):
            found.append(ticket)
        else:
            remove(place, name_of(ticket))
    return found


def ask(place: Place, lease: str) -> None:
    """Ask the holder of a lease to give it up. Raises OSError."""
    try:
        os.close(create(place, f"ask-{lease}"))
    except FileExistsError:
        return


def unask(place: Place, lease: str) -> None:
    """Forget that a lease was asked for."""
    remove(place, f"ask-{lease}")


def remove(place: Place, name: str) -> None:
    """Remove a file of the queue, where that is allowed: what stays is known to be dead by its lock."""
    try:
        os.unlink(place.at(name))
    except OSError:
        return
