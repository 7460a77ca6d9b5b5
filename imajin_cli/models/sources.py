"""Sources that are on this machine already: an installed package, a local folder. Nothing is imported or run to find them."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

from imajin_cli.models.entry import Entry, Folder, Installed, ModelFile, Source


def local_path(entry: Entry, source: Source, file: ModelFile) -> Path | None:
    """Where ``file`` would lie in ``source``; None where the source is not local, or has the file in parts or unconverted."""
    inside = source.inside(file)
    if len(inside) != 1 or file.convert:
        return None
    if isinstance(source, Installed):
        root = package_folder(source.package)
        return None if root is None else root / inside[0]
    if isinstance(source, Folder):
        return folder_path(entry, source) / inside[0]
    return None


def folder_path(entry: Entry, source: Folder) -> Path:
    """A folder source's folder: "~" is the home, a relative one starts at the catalogue file."""
    path = Path(source.path).expanduser()
    return path if path.is_absolute() else Path(entry.origin).parent / path


def package_folder(package: str) -> Path | None:
    """The folder of an installed package, or None. Neither it nor a package above it is imported."""
    import imajin_cli

    if package.startswith("imajin_cli."):
        # In a checkout our own package has folders beside it too.
        places, package = list(imajin_cli.__path__), package.removeprefix("imajin_cli.")
    else:
        places = None
    for part in package.split("."):
        spec = PathFinder.find_spec(part, places if places is not None else sys.path)
        if spec is None or spec.submodule_search_locations is None:
            return None
        places = list(spec.submodule_search_locations)
    return Path(places[0]) if places else None


class SourceError(Exception):
    """A source could not give a file: the next one is tried, and where there is none the message is shown."""
