"""A command's side of shared backends: its items go to the backend's own process, by a connection that the supervisor makes."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from imajin_cli.contract import errors
from imajin_cli.contract.backend import Item, Settings
from imajin_cli.contract.errors import BackendError, ImajinError
from imajin_cli.contract.need import place
from imajin_cli.worker.items import Stream, pack

# What decides where a backend's lease is: another value needs another process.
_OF_LEASES = ("IMAJIN_LEDGER", "IMAJIN_DEVICES")

# So often may the process end at our own work, and so often in all.
_CRASHES, _ROUNDS = 2, 20

Connect = Callable[[dict[str, Any], int], tuple[socket.socket, int]]
Tell = Callable[[dict[str, Any]], None]


class Guest:
    """Asks backends that other processes host. ``connect`` gives a connection to one, which is started if need be,

    and its number; it is told the number of one that was lost.
    """

    def __init__(self, connect: Connect, tell: Tell) -> None:
        self._connect = connect
        self._tell = tell
        self._lines: dict[str, tuple[socket.socket, Stream]] = {}
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def ask(self, target: str, settings: Settings, items: Sequence[Item]) -> list[Item]:
        """As `contract.backend.ask`. After a crash the items are asked once more, and then not together with others'."""
        wish = self._wish(target, settings)
        name = json.dumps([wish["backend"], wish["settings"], wish["leases"]], sort_keys=True)
        crashes = 0
        with self._lock:
            for _ in range(_ROUNDS):
                found, begun = self._once(name, wish, items, alone=crashes > 0)
                if found is not None:
                    return found
                # One that was idle may have ended, or crashed at what another asked for: that is not our doing.
                crashes += begun
                if crashes == _CRASHES:
                    break
        raise BackendError(
            f"the process of {target.partition(':')[2]} crashed {crashes} times at this work",
            hint="imajin worker status names its log",
        )

    def end(self) -> None:
        """Hang up on all hosts: what this command asked for is not wanted any more."""
        for sock, _ in self._lines.values():
            sock.close()
        self._lines.clear()
        self._numbers.clear()

    def _wish(self, target: str, settings: Settings) -> dict[str, Any]:
        env = dict(os.environ)
        leases = {key: env[key] for key in sorted(env) if key.startswith(_OF_LEASES)}
        return {"backend": target, "settings": dict(settings), "leases": leases, "env": env, "folder": os.getcwd()}

    def _once(
        self, name: str, wish: dict[str, Any], items: Sequence[Item], *, alone: bool
    ) -> tuple[list[Item] | None, bool]:
        """The results, None where the connection breaks, and whether the work had begun. Raises what the backend raised."""
        message = pack(items, alone=alone)
        if name not in self._lines:
            sock, self._numbers[name] = self._connect(wish, self._numbers.get(name, 0))
            self._lines[name] = sock, Stream(sock)
        sock, stream = self._lines[name]
        answer, begun = None, False
        # Whoever waits for a model takes no place: others may come, and be done together with this.
        self._tell({"waiting": True})
        try:
            sock.sendall(message)
            while (answer := stream.read()) is not None and "begun" in answer[1]:
                begun = True
        except OSError:
            answer = None
        finally:
            self._tell({"working": True})
            if answer is None or "begun" in answer[1]:
                # Also where a signal ends the wait: an answer that comes later is not to be taken for another's.
                self._lines.pop(name)[0].close()
        if answer is None:
            return None, begun
        results, told = answer
        if "error" in told:
            raise _raised(told["error"])
        # Records name the device of a model also where another process has it.
        place(*told["place"])
        return list(results), begun


def described(error: Exception) -> dict[str, Any]:
    """An error as the guest is to raise it."""
    if isinstance(error, ImajinError):
        return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    return {"kind": "BackendError", "message": f"{type(error).__name__}: {error}"[:500], "hint": None}


def _raised(told: dict[str, Any]) -> ImajinError:
    kind = getattr(errors, told["kind"], BackendError)
    error: ImajinError = kind(told["message"], hint=told["hint"])
    return error
