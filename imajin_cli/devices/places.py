"""Where the ledger is."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.devices.options import DevicesParams

if TYPE_CHECKING:
    from imajin_cli.config.layers import Settings

VARIABLE = "IMAJIN_LEDGER"
# An administrator makes it, for all users: see docs/devices.md.
SHARED = Path("/var/lib/imajin/leases")


def ledger_root() -> Path:
    """The folder of all devices' ledgers: $IMAJIN_LEDGER, the config's, the machine's where it may be written, the user's.

    Raises UsageError where the config cannot be read.
    """
    named = os.environ.get(VARIABLE) or settings().ledger
    if named:
        return _absolute(named, os.path.curdir if os.path.isabs(named) else os.getcwd())
    if SHARED.is_dir() and os.access(SHARED, os.W_OK | os.X_OK):
        return SHARED
    from imajin_cli.config.places import home_folder

    home = home_folder("XDG_STATE_HOME", ".local/state")
    user = os.getuid() if hasattr(os, "getuid") else 0
    return home / "leases" if home is not None else Path(tempfile.gettempdir()) / f"imajin-leases-{user}"


@cache
def _absolute(named: str, base: str) -> Path:
    return Path(base, Path(named).expanduser()).absolute()


def settings() -> DevicesParams:
    """The section "devices" of the configuration. Raises UsageError."""
    return _configured[-1] if _configured else _of_files()


def configure(layers: Settings) -> None:
    """Take the section from a command's own settings, which are read already; a later command may have others."""
    from imajin_cli.config.resolve import resolve

    _configured[:] = [resolve("devices", DevicesParams, layers, {}).params]


@cache
def _of_files() -> DevicesParams:
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve

    return resolve("devices", DevicesParams, load_settings(), {}).params


_configured: list[DevicesParams] = []
