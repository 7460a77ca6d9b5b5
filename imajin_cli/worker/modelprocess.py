"""A model process: one command at a time, under the same command line and error boundary as a process of its own.

What a stage has loaded stays loaded for the next command; everything that is the client's comes and goes with it.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from typing import Any

from imajin_cli.contract.backend import send_elsewhere
from imajin_cli.contract.errors import BackendError
from imajin_cli.contract.exits import Exit
from imajin_cli.worker import protocol
from imajin_cli.worker.guest import Guest
from imajin_cli.worker.own import leases, memory_mib
from imajin_cli.worker.pool import WHOLE
from imajin_cli.worker.surroundings import Surroundings, leave_descriptors
from imajin_cli.worker.watch import Watch

EMBEDDING = ("classify", "prompt")
"""Commands that are no stage and use a model that stages use."""
_REST_SECONDS = 0.1
"""Only a process that has nothing to do for so long cleans up."""

_LEASE_SECONDS = 0.3
"""How often an idle process that holds leases looks whether they are wanted."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ModelProcess:
    """Takes commands from the supervisor's socket until it closes."""

    def __init__(self, sock: socket.socket, watch: Watch, log: int) -> None:
        self._sock = sock
        self._reader = protocol.Reader(sock)
        self._watch = watch
        self._log = log
        self._guest = Guest(self._connect, self._send)

    def serve(self) -> None:
        """Work until the supervisor hangs up, or until this process is not fit for another command."""
        leave_descriptors(self._log)
        _expect_no_signals()
        send_elsewhere(self._guest.ask)
        self._idle_since = time.monotonic()
        while True:
            message = self._reader.read()
            if message is not None and "backend" in message:
                self._be_host(message)
                return
            if message is not None and "hosted" in message:
                # A command that was ended had asked for it.
                for descriptor in self._reader.take_fds():
                    os.close(descriptor)
                continue
            if message is None or not self._one(message):
                return
            self._idle_since = time.monotonic()
            if not self._asked(_REST_SECONDS):
                gc.collect()
                self._watch.extend()
                self._send({"mib": memory_mib()})
            while not self._asked(_LEASE_SECONDS if leases() else None):
                idle = time.monotonic() - self._idle_since
                if any(lease.wanted(idle=idle) for lease in leases()):
                    self._say("a lease of this idle process is wanted: ending")
                    return

    def _be_host(self, wish: dict[str, Any]) -> None:
        """Host a shared backend instead of doing commands, until that is over."""
        from imajin_cli.worker.host import Host, begin

        send_elsewhere(None)
        begin(wish)
        said = Host(self._sock, self._reader, wish).serve()
        if said is not None:
            self._say(said)

    def _connect(self, wish: dict[str, Any], lost: int) -> tuple[socket.socket, int]:
        """A connection to the process that hosts a backend, other than ``lost``, and which it is.

        Raises BackendError where there is none to be had.
        """
        self._send({"host": wish, "lost": lost})
        answer = self._reader.read()
        fds = self._reader.take_fds()
        if answer is None or "hosted" not in answer or len(fds) != 1:
            raise BackendError("the worker has no process for a shared backend", hint="imajin worker status")
        return socket.socket(fileno=fds[0]), answer["hosted"]

    def _asked(self, seconds: float | None) -> bool:
        """Whether the supervisor has something to say, within ``seconds``, or in the end."""
        return bool(select.select([self._sock], [], [], seconds)[0])

    def _one(self, message: dict[str, Any]) -> bool:
        """Do one command; False where this process is not to do another."""
        fds = self._reader.take_fds()
        stale = self._watch.changed()
        if stale is not None:
            self._say(f"{stale} has changed")
            self._send({"stale": stale})
            return False
        if not self._is_ours(message["argv"][0]):
            for descriptor in fds:
                os.close(descriptor)
            self._send({"decline": "it does stages and run alone", "quiet": True})
            return True
        code = self._done(message, fds)
        self._guest.end()
        leaves = _is_left_over()
        self._send({"done": code, "leaves": leaves})
        return not leaves

    def _is_ours(self, name: str) -> bool:
        from imajin_cli.registry import stages

        return name in WHOLE or name in EMBEDDING or name in stages()

    def _done(self, message: dict[str, Any], fds: tuple[int, ...]) -> int:
        """The exit code of one command. Its signals reach its own work alone, not the coming and going of what is around it."""
        _hold_signals()
        try:
            with Surroundings(message, fds, self._log, self._send):
                sys.argv = ["imajin", *message["argv"]]
                return self._run()
        finally:
            _expect_no_signals()
            _let_signals()

    def _run(self) -> int:
        from imajin_cli.app import run
        from imajin_cli.run.boundary import guarded
        from imajin_cli.run.pipe import Terminated

        try:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                _let_signals()
                return int(guarded(run))
            finally:
                _hold_signals()
        except (KeyboardInterrupt, Terminated) as error:
            # One that arrived just before the signals were held, so they are held again.
            _hold_signals()
            return Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.TERMINATED
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(error.code is not None)

    def _send(self, message: dict[str, Any]) -> None:
        try:
            protocol.send(self._sock, message)
        except OSError:
            # The supervisor is gone, and with it the client's connection: nobody waits for this work.
            os._exit(Exit.ERROR)

    def _say(self, text: str) -> None:
        os.write(self._log, f"model process {os.getpid()}: {text}\n".encode(errors="backslashreplace"))


def _is_left_over() -> bool:
    """Whether a stage's thread, which is named STAGE-…, goes on after its command, as a layer that ran out of time does.

    It may be at a model still, which nobody else may use beside that.
    """
    from imajin_cli.registry import stages

    return any(thread.name.partition("-")[0] in stages() for thread in threading.enumerate())


def _hold_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _let_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _expect_no_signals() -> None:
    """Between commands a signal is meant for one that has ended already."""
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)


def main(sock: socket.socket, watch: Watch, log: int) -> None:
    """Serve, and end this process. Never returns to the template's code."""
    import faulthandler

    code = Exit.ERROR
    try:
        faulthandler.enable(file=log, all_threads=False)
        ModelProcess(sock, watch, log).serve()
        code = Exit.OK
    except BaseException:  # noqa: BLE001 - the end of the process: what happened goes to the log
        os.write(log, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(code)
