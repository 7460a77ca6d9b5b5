"""Leases for the models that stages load: had in this process, before the load, and given up where others need the room.

What stages need is leased once a process and kept with the models. A command whose needs find no room drops the models of
earlier ones, the longest unused first; and before it waits it drops all of them, since who holds one lease and waits
for another can wait for ever.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from imajin_cli.contract import need as residents
from imajin_cli.contract.backend import is_elsewhere
from imajin_cli.contract.errors import NoCapacityError, OutputError
from imajin_cli.contract.need import Need

if TYPE_CHECKING:
    from imajin_cli.config.layers import Settings
    from imajin_cli.devices.lease import Lease
    from imajin_cli.devices.peaks import PeakKey

Say = Callable[[str], None]


@dataclass(eq=False)
class _Group:
    """Models under one lease, None where the CPU's ledger cannot be used; MiB that were used before they loaded."""

    device: str
    needs: tuple[Need, ...]
    lease: Lease | None
    before: int | None
    used: float
    where: tuple[str, ...] = ()
    measured: bool = False

    @property
    def models(self) -> frozenset[str]:
        return frozenset(need.model for need in self.needs)


class Residence:
    """The models of this process and their leases."""

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._ready: tuple[Need, ...] = ()
        self._say: Say | None = None
        self._settings: Settings | None = None
        self._label = ""
        self._began = 0.0

    def begin(self, label: str, settings: Settings, say: Say) -> None:
        """A command begins: who it is, how the config has leases, and who is told that it waits."""
        self._label, self._settings, self._say = label, settings, say
        self._ready = ()
        self._began = time.monotonic()

    def ready(self, needs: tuple[Need, ...]) -> None:
        """Have leases of all ``needs``: to be called before they load, and cheap where they are had already.

        Raises NoCapacityError; OutputError where the ledger of a GPU cannot be used.
        """
        if not needs or needs is self._ready:
            return
        given = needs
        needs = tuple(map(_here, needs))
        if is_elsewhere():
            needs = tuple(need for need in needs if not need.shared)
        where = _where()
        for group in [one for one in self._groups if one.where != where and _droppable(one)]:
            # An earlier client's lease in another ledger says nothing here.
            if group in self._groups:
                self._let_go(group)
        # Everybody in the same order, so that nobody waits in a circle.
        for device in sorted({need.device for need in needs}, key=_order):
            self._on(device, tuple(need for need in needs if need.device == device))
        for need in needs:
            for group in self._groups:
                if need in group.needs:
                    group.used = time.monotonic()
        self._ready = given

    def give_way(self, idle: float) -> bool:
        """Let go of models of earlier commands whose lease somebody wants, while this one waits and has used none of them.

        ``idle``: seconds since the command began. Whether there is still something that could be wanted.
        """
        kept = [one for one in self._groups if one.lease is not None and one.used < self._began and _droppable(one)]
        for group in kept:
            if group.lease is not None and group in self._groups and group.lease.wanted(idle=idle):
                self._let_go(group)
        return any(group in self._groups for group in kept)

    def settle(self) -> None:
        """A command ends: what its models used at most is written down, once for each lease."""
        fresh = [group for group in self._groups if not group.measured]
        for group in fresh:
            group.measured = True
            found = _measured(group)
            if found and group.lease is not None:
                group.lease.report_peaks(found)

    def _on(self, device: str, needs: tuple[Need, ...]) -> None:
        """Have leases of all ``needs`` on one device."""
        had = {need for group in self._groups for need in group.needs}
        missing = tuple(need for need in needs if need not in had)
        if not missing:
            return
        if not self._groups:
            self._take(device, missing, None)
            return
        if self._at_once(device, missing, {need.model for need in needs}):
            return
        for group in [one for one in self._groups if _order(one.device) >= _order(device)]:
            if _droppable(group):
                self._let_go(group)
        kept = {need for group in self._groups for need in group.needs}
        self._take(device, tuple(need for need in needs if need not in kept), None)

    def _at_once(self, device: str, missing: tuple[Need, ...], wanted: set[str]) -> bool:
        """Take what is missing without waiting, in the room of models that are not ``wanted`` where it has to be."""
        idle = [one for one in self._groups if one.device == device and not one.models & wanted and _droppable(one)]
        idle.sort(key=lambda one: -one.used)
        while True:
            try:
                self._take(device, missing, 0)
            except NoCapacityError:
                if not idle:
                    return False
                self._let_go(idle.pop())
            else:
                return True

    def _take(self, device: str, needs: tuple[Need, ...], wait: float | None) -> None:
        """A lease of ``needs`` together. Raises NoCapacityError where it is not to be had within ``wait``."""
        from imajin_cli.devices import lease, meter, places

        if self._settings is not None:
            places.configure(self._settings)
        models = {need.model for need in needs}
        # The same models at another size: they are loaded already, and only what is more is needed.
        less = sum(g.lease.mib for g in self._groups if g.lease is not None and g.models <= models)
        try:
            held: Lease | None = lease.acquire(
                device, wait=wait, priority=places.settings().priority, label=self._label, less=less,
                parts=[(_key(need), need.mib) for need in needs], on_wait=self._say, say=self._say,
            )  # fmt: skip
        except OutputError as error:
            if device != "cpu":
                raise
            # Programs that share a GPU fail without an agreement; on a CPU they only get slow.
            if self._say is not None:
                self._say(f"working without a lease of the CPU's memory: {error.line()}")
            held = None
        before = None
        if held is not None:
            for need in needs:
                residents.place(need.model, held.device.id)
            before = meter.used(held.device)
            meter.restart(held.device)
        self._groups.append(_Group(device, needs, held, before, time.monotonic(), _where()))

    def _let_go(self, group: _Group) -> None:
        """Drop a group's models, and every lease that they have."""
        residents.drop(sorted(group.models))
        for one in [one for one in self._groups if one.models & group.models]:
            self._groups.remove(one)
            residents.drop(sorted(one.models - group.models))
            if one.lease is not None:
                one.lease.release()


def _where() -> tuple[str, ...]:
    """What says, beside the config, where leases are: clients of one process of the worker may differ in it."""
    return tuple(os.environ.get(name, "") for name in ("IMAJIN_LEDGER", "IMAJIN_DEVICES", "IMAJIN_DEVICES__LEDGER"))


def _here(need: Need) -> Need:
    """``need``, or what it is on a CPU where there is no GPU to be had."""
    if need.on_cpu is None or need.device != "auto":
        return need
    # torch, once it is there, knows GPUs that no other driver tells of.
    settings = (*_where(), os.environ.get("CUDA_VISIBLE_DEVICES", ""), "torch" if "torch" in sys.modules else "")
    return need.on_cpu if _is_cpu_alone(settings) else need


@lru_cache(maxsize=16)
def _is_cpu_alone(_settings: tuple[str, ...]) -> bool:
    """Whether "auto" means the CPU for who has these settings: a driver takes its time, and always says the same."""
    from imajin_cli.devices.probe import candidates

    return all(device.id == "cpu" for device in candidates("auto"))


def _order(device: str) -> tuple[bool, str]:
    """GPUs before the CPU, which everything needs something of."""
    return device == "cpu", device


def _droppable(group: _Group) -> bool:
    return residents.can_be_dropped(group.models)


def _key(need: Need) -> PeakKey:
    from imajin_cli.devices.peaks import PeakKey

    return PeakKey(need.model, need.dtype, need.size, need.batch)


def _measured(group: _Group) -> dict[PeakKey, int]:
    """What a group's models used at most, in MiB. What they used together is divided as it was reserved."""
    from imajin_cli.devices import meter

    if group.lease is None or group.before is None:
        return {}
    most = meter.peak(group.lease.device)
    here = [need for need in group.needs if residents.is_loaded(need.model)]
    whole = sum(need.mib for need in here)
    if most is None or not whole:
        return {}
    grown = max(1, most - group.before)
    return {_key(need): max(1, -(-grown * need.mib // whole)) for need in here}


def united(needs: Iterable[Sequence[Need]]) -> tuple[Need, ...]:
    """What several stages need together, each once."""
    return tuple(dict.fromkeys(need for some in needs for need in some))


residence = Residence()
"""This process's own."""
