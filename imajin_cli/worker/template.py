"""The template: has the command line and the stages' code loaded, and forks itself into model processes.

It never runs a command and starts no thread, so that a fork is safe; models are loaded in the processes that come of it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
from typing import Any

from imajin_cli import registry
from imajin_cli.contract.exits import Exit
from imajin_cli.worker import modelprocess, protocol
from imajin_cli.worker.watch import Watch

# What most commands load in the end: cheap to keep, shared by all processes that come of it.
EARLY = (
    "yaml", "rich.console", "PIL.Image", "PIL.PngImagePlugin", "numpy", "imajin_cli.app", "imajin_cli.stagecommand",
    "imajin_cli.commands.run", "imajin_cli.models.policy",
)  # fmt: skip
SETTLE = "imajin_cli.stages.backends.threads:settle"
_PR_SET_PDEATHSIG = 1
_SACRIFICE = 300
"""The kernel, short of memory, is to end a model process before the supervisor (oom_score_adj)."""


def load() -> None:
    """Import what model processes are to share. A library that cannot be imported is left to the command that needs it."""
    registry.load(SETTLE)()
    for name in (*EARLY, *(entry.target.partition(":")[0] for entry in registry.STAGES.values())):
        try:
            importlib.import_module(name)
        except ImportError as error:
            sys.stderr.write(f"template: {error}\n")
    registry.stages()


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent dies; end now where that has happened already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(Exit.OK)


class Template:
    """Forks when the supervisor says so, tells it of each child's death, and passes on signals to children that live."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = protocol.Reader(sock)
        self._children: set[int] = set()
        self._log = os.dup(2)
        self._wake, self._told = os.pipe()

    def serve(self) -> None:
        """Work until the supervisor hangs up."""
        load()
        watch = Watch()
        for end in (self._wake, self._told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        gc.collect()
        gc.freeze()
        while True:
            ready, _, _ = select.select([self._sock.fileno(), self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 1 << 10)
                self._bury()
            if self._sock.fileno() in ready:
                if not self._reader.fill():
                    return
                while (message := self._reader.next()) is not None:
                    self._obey(message, watch)

    def _obey(self, message: dict[str, Any], watch: Watch) -> None:
        if "fork" in message:
            self._fork(message["fork"], watch)
        elif message.get("kill") in self._children:
            os.kill(message["kill"], message["signal"])

    def _fork(self, token: int, watch: Watch) -> None:
        (descriptor,) = self._reader.take_fds()
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become(descriptor, me, watch)
        os.close(descriptor)
        self._children.add(pid)
        protocol.send(self._sock, {"forked": token, "pid": pid})

    def _become(self, descriptor: int, parent: int, watch: Watch) -> None:
        """The child: a model process, and nothing of the template's."""
        try:
            end_with_parent(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._sock.close()
            os.close(self._wake)
            os.close(self._told)
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write(str(_SACRIFICE))
        except OSError as error:
            sys.stderr.write(f"model process: {error}\n")
        finally:
            modelprocess.main(socket.socket(fileno=descriptor), watch, self._log)

    def _bury(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            protocol.send(self._sock, {"died": pid, "status": os.waitstatus_to_exitcode(status)})


def main() -> None:
    """``python -m imajin_cli.worker.template DESCRIPTOR SUPERVISOR``."""
    descriptor, parent = map(int, sys.argv[1:3])
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Template(socket.socket(fileno=descriptor)).serve()


if __name__ == "__main__":
    main()
