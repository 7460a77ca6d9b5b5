"""An S3-like store for tests: moto's server as a process of its own, and a gate in front of it that can be shut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import ROOT

PACKAGES = ("ray", "s3fs", "moto[s3,server]")
_PROBES = "import ray, s3fs, moto.server, flask"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def extras_folder(folder: Path) -> str:
    """A folder for PYTHONPATH that has Ray, s3fs and the server: an empty one where the interpreter has them already."""
    if subprocess.run([sys.executable, "-c", _PROBES], capture_output=True, check=False).returncode != 0:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder)]
        subprocess.run([*pip, "-c", str(ROOT / "requirements/lock.txt"), *PACKAGES], check=True, timeout=600)
    return str(folder)


def surroundings(env: dict[str, str], folder: str, port: int, **extra: str) -> dict[str, str]:
    """``env`` of a process that uses the store behind ``port``."""
    path = os.pathsep.join(filter(None, [env["PYTHONPATH"], folder]))
    store = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_EC2_METADATA_DISABLED": "true"}
    # What botocore and Ray warn of is not ours to mend.
    return {**env, **store, "PYTHONPATH": path, "PYTHONWARNINGS": "", **extra}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def store(env: dict[str, str], port: int) -> Iterator[None]:
    """The server, until the end of the block. The environment's INITIAL_NO_AUTH_ACTION_COUNT lets it ask who calls."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def objects(env: dict[str, str], script: str) -> str:
    """What a Python script prints that has the store's file system as ``fs``, in a process with the extras."""
    code = f"import json, fsspec; fs = fsspec.filesystem('s3', use_listings_cache=False)\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Gate:
    """A TCP port that leads to another one while it is open; shut, it drops what it has and what comes."""

    def __init__(self, target: int) -> None:
        self.open = True
        self.target = target
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def shut(self) -> None:
        """Cut every connection, and take no more until `open` is set."""
        self.open = False
        for one in self._pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.shut()
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self.calls += 1
                if not self.open:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                self._pairs += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def silent() -> Any:
    """A server that takes connections and never says a word."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)
