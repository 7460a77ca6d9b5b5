"""Real processes that hold leases or wait for them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import environment
from imajin_cli.devices.probe import devices
from imajin_cli.devices.status import DeviceStatus, status_of

# Acquires, says so, holds until its standard input ends (or for a while), releases, says so.
HOLDER = """\
import json, sys
from imajin_cli.devices import lease
from imajin_cli.contract.errors import ImajinError
given = json.loads(sys.argv[1])
try:
    held = lease.acquire(**given)
except ImajinError as error:
    print("refused", int(error.code), error.line(), flush=True)
    raise SystemExit(int(error.code))
print("held", held.id, held.mib, flush=True)
sys.stdin.readline()
held.release()
print("released", flush=True)
"""


class Holder:
    """A process that holds a lease until it is told to let go."""

    def __init__(self, ledger: Path, devices: str = "sim:0=1000", *, program: str = HOLDER, **given: object) -> None:
        import json

        self.process = subprocess.Popen(
            [sys.executable, "-c", program, json.dumps(given)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(IMAJIN_LEDGER=str(ledger), IMAJIN_DEVICES=devices),
        )  # fmt: skip

    def said(self) -> str:
        """Its next line; waits for it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.said() == "released"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.kill()
        self.process.wait()


def status(index: int = 0) -> DeviceStatus:
    return status_of(devices()[index], lambda text: None)


def until(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
