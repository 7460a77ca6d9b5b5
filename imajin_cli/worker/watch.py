"""Whether the code and data that this process has loaded are still those on disk: else another process has to do the work."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator

_NONE = (0, -1)


class Watch:
    """What this process goes by: which packages are installed, and each loaded file that no installer looks after.

    Installing, upgrading or removing a package changes the folder that packages are in. Files beyond those folders (a
    checkout, an editable package) are looked at one by one.
    """

    def __init__(self) -> None:
        self._installed = tuple(os.path.join(path, "") for path in sorted(set(sysconfig.get_paths().values())))
        self._folders = {path: _packages(path) for path in sys.path if os.path.isdir(path)}
        self._files: dict[str, tuple[int, int]] = {}
        self._modules: set[str] = set()
        self._add(_data())
        self.extend()

    def extend(self) -> None:
        """Look after the files of modules that were loaded since."""
        new = [name for name in list(sys.modules) if name not in self._modules]
        self._modules.update(new)
        files = (getattr(sys.modules.get(name), "__file__", None) for name in new)
        self._add(file for file in files if isinstance(file, str))

    def changed(self) -> str | None:
        """The first path whose state is another than it was, None where all are as they were."""
        for path, packages in self._folders.items():
            if _packages(path) != packages:
                return path
        return next((path for path, state in self._files.items() if _state(path) != state), None)

    def _add(self, paths: Iterator[str]) -> None:
        for path in paths:
            if not path.startswith(self._installed):
                self._files.setdefault(path, _state(path))


def _state(path: str) -> tuple[int, int]:
    try:
        state = os.stat(path)
    except OSError:
        return _NONE
    return (state.st_mtime_ns, state.st_size)


def _packages(folder: str) -> frozenset[tuple[str, int]]:
    """The installed distributions that ``folder`` lists, each with its inode, which a new installation changes."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(
                (e.name, e.inode()) for e in entries if e.name.endswith((".dist-info", ".egg-info", ".pth"))
            )
    except OSError:
        return frozenset()


def _data() -> Iterator[str]:
    """Our data files, all but a scene's drawings: those are many, and their index tells of them."""
    import imajin_cli

    for root in imajin_cli.__path__:
        for folder, inner, files in os.walk(os.path.join(root, "stages")):
            inner[:] = sorted(name for name in inner if name not in ("__pycache__", "parts"))
            yield from (os.path.join(folder, name) for name in sorted(files) if not name.endswith(".pyc"))
