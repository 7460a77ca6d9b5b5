"""A shared backend's own process: the items of all commands meet here, and are done together, everybody in turn."""

from __future__ import annotations

import os
import selectors
import socket
import sys
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

from imajin_cli.contract import backend as backends
from imajin_cli.contract.backend import Backend, Item
from imajin_cli.contract.need import device_of
from imajin_cli.worker.guest import described
from imajin_cli.worker.items import Stream, pack
from imajin_cli.worker.own import leases, memory_mib
from imajin_cli.worker.protocol import ProtocolError, Reader, send

_LEASE_SECONDS = 0.3
# The supervisor's messages arrive one by one, each with its connection: so many are heard before the next batch.
_ROUNDS = 64
_BEGUN = pack([], begun=True)


@dataclass(eq=False)
class Request:
    """What one guest asked for: items that wait, and results that are there, by place."""

    left: deque[tuple[int, Item]]
    count: int
    alone: bool = False
    results: dict[int, Item] = field(default_factory=dict)


class Turns:
    """Who is served next: one item of each guest in turn, so that a large request holds up nobody's small one."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[Any, Request] = OrderedDict()

    def add(self, guest: Any, items: list[dict[str, Any]], *, alone: bool) -> None:
        """A guest's request; each has one at a time."""
        self.waiting[guest] = Request(deque(enumerate(items)), len(items), alone)

    def next(self, most: int) -> list[tuple[Any, int, Item]]:
        """The items to be done together, at most ``most``: (guest, place, item). One that must be alone is."""
        chosen: list[tuple[Any, int, Item]] = []
        for guest, request in list(self.waiting.items()):
            if request.left and request.alone:
                place, item = request.left.popleft()
                self.waiting.move_to_end(guest)
                return [(guest, place, item)]
        while len(chosen) < most and any(request.left for request in self.waiting.values()):
            guest, request = next(iter(self.waiting.items()))
            self.waiting.move_to_end(guest)
            if request.left:
                place, item = request.left.popleft()
                chosen.append((guest, place, item))
        return chosen

    def store(self, guest: Any, place: int, result: Item) -> list[Item] | None:
        """A result; all of the guest's, in order, once they are there."""
        request = self.waiting.get(guest)
        if request is None:
            return None
        request.results[place] = result
        if len(request.results) < request.count:
            return None
        del self.waiting[guest]
        return [request.results[at] for at in range(request.count)]

    def forget(self, guest: Any) -> None:
        """A guest is gone, or was told of an error."""
        self.waiting.pop(guest, None)


class Host:
    """Serves one backend until the supervisor hangs up, or until its lease is wanted while nobody asks."""

    def __init__(self, sock: socket.socket, reader: Reader, wish: dict[str, Any]) -> None:
        self._sock = sock
        self._reader = reader
        self._wish = wish
        self._turns = Turns()
        self._selector = selectors.DefaultSelector()
        self._backend: Backend | None = None
        self._idle_since = time.monotonic()
        self._open = True

    def serve(self) -> str | None:
        """Work; what there is to be logged of the end."""
        self._selector.register(self._sock, selectors.EVENT_READ)
        self._meet()
        while self._open:
            if not self._turns.waiting and self._is_wanted():
                return "the lease of an idle backend is wanted: ending"
            self._gather(_LEASE_SECONDS if leases() else None)
            if self._turns.waiting:
                send(self._sock, {"serving": True})
                while self._turns.waiting and self._open:
                    self._work()
                    self._gather(0)
                self._idle_since = time.monotonic()
                send(self._sock, {"serving": False, "mib": memory_mib()})
        return None

    def _gather(self, seconds: float | None) -> None:
        """Hear everybody who has something to say within ``seconds``, and who has come with them."""
        ready = self._selector.select(seconds)
        for _ in range(_ROUNDS):
            for key, _ in ready:
                self._listen(key.data)
            ready = self._selector.select(0)
            if not ready or not self._open:
                return

    def _listen(self, guest: tuple[socket.socket, Stream] | None) -> None:
        if guest is None:
            self._open = self._reader.fill()
            self._meet()
            return
        sock, stream = guest
        try:
            more = stream.fill()
            message = stream.next()
        except (OSError, ProtocolError):
            more, message = False, None
        if message is not None:
            items, told = message
            self._turns.add(guest, items, alone=bool(told.get("alone")))
        if not more:
            self._turns.forget(guest)
            self._selector.unregister(sock)
            sock.close()

    def _meet(self) -> None:
        """Guests that the supervisor sends."""
        while (message := self._reader.next()) is not None:
            assert "guest" in message
        for descriptor in self._reader.take_fds():
            sock = socket.socket(fileno=descriptor)
            self._selector.register(sock, selectors.EVENT_READ, (sock, Stream(sock)))

    def _work(self) -> None:
        """One batch. Its error is everybody's whose item was in it."""
        try:
            backend = self._ready()
            chosen = self._turns.next(max(1, backend.most))
        except Exception as error:  # noqa: BLE001 (whatever a backend raises while it loads is its guests' to hear)
            self._fail(list(self._turns.waiting), error)
            return
        if not chosen:
            # A request of nothing.
            self._fail(list(self._turns.waiting), ProtocolError("no items"))
            return
        for guest in dict.fromkeys(guest for guest, _, _ in chosen):
            self._answer(guest, _BEGUN)
        try:
            results = backends.done(backend, [item for _, _, item in chosen])
        except Exception as error:  # noqa: BLE001 (the same for what it raises at work)
            self._fail([guest for guest, _, _ in chosen], error)
            return
        _settle()
        model = backend.need().model
        for (guest, place, _), result in zip(chosen, results, strict=True):
            found = self._turns.store(guest, place, result)
            if found is not None:
                self._answer(guest, pack(found, place=[model, device_of(model)]))

    def _ready(self) -> Backend:
        """The backend, its lease had."""
        from imajin_cli.run.leasing import residence

        if self._backend is None:
            self._backend = backends.made(self._wish["backend"], self._wish["settings"])
        residence.ready((self._backend.need(),))
        return self._backend

    def _fail(self, guests: list[Any], error: Exception) -> None:
        for guest in dict.fromkeys(guests):
            self._turns.forget(guest)
            self._answer(guest, pack([], error=described(error)))

    def _answer(self, guest: tuple[socket.socket, Stream], data: bytes) -> None:
        try:
            guest[0].sendall(data)
        except OSError:
            return  # it is gone, which is seen when it is listened to next

    def _is_wanted(self) -> bool:
        idle = time.monotonic() - self._idle_since
        return any(lease.wanted(idle=idle) for lease in leases())


def _settle() -> None:
    from imajin_cli.run.leasing import residence

    residence.settle()


def _unheard(text: str) -> None:
    """What is said of a lease goes to the log."""
    sys.stderr.write(f"shared backend {os.getpid()}: {text}\n")


def begin(wish: dict[str, Any]) -> None:
    """Stand where the first guest stands: its environment and settings say where leases are."""
    from imajin_cli.config.layers import load_settings
    from imajin_cli.run.leasing import residence

    os.environ.clear()
    os.environ.update(wish["env"])
    os.environ["IMAJIN_WORKER"] = "off"
    try:
        os.chdir(wish["folder"])
        residence.begin(wish["backend"].partition(":")[2], load_settings(), _unheard)
    finally:
        os.chdir("/")
