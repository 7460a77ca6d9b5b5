"""Where configuration and presets are looked for."""

from __future__ import annotations

import os
from pathlib import Path

from imajin_cli.contract.errors import UsageError

DEFAULTS_NAME = "config.defaults.yaml"


def package_folder(name: str) -> Path:
    """The folder of a data package of ours ("configs", "presets"), in a checkout or a wheel."""
    import imajin_cli

    for root in imajin_cli.__path__:
        folder = Path(root) / name
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"imajin_cli/{name}: the installation is incomplete")


def home_folder(variable: str, usual: str) -> Path | None:
    """The folder of ours below ``$variable``, or below ``usual`` in the home folder; None for somebody without a home.

    A relative path is passed over, as the XDG base directory specification asks.
    """
    for base in (Path(os.environ.get(variable, "")), Path(os.path.expanduser("~")) / usual):
        if base.is_absolute():
            return base / "imajin"
    return None


def user_folder() -> Path | None:
    """$XDG_CONFIG_HOME/imajin, by default ~/.config/imajin; None for somebody without a home."""
    return home_folder("XDG_CONFIG_HOME", ".config")


def project_file(start: Path | None = None) -> Path | None:
    """The nearest imajin.yaml, from ``start`` (default: the working folder) upwards, not beyond a repository's root.

    Raises UsageError where the working folder was removed.
    """
    try:
        folder = (start or Path.cwd()).absolute()
    except FileNotFoundError:
        raise UsageError("the working folder is gone", hint="cd to one that is there") from None
    for place in (folder, *folder.parents):
        candidate = place / "imajin.yaml"
        if os.path.isfile(candidate):
            return candidate
        if os.path.isdir(candidate):
            raise UsageError(f"{candidate} is a folder, not a config file", hint="give the folder another name")
        if os.path.exists(place / ".git"):
            return None
    return None


def config_files() -> list[tuple[str, Path]]:
    """(origin, path) of each config file that exists, weakest first.

    Raises UsageError where $IMAJIN_CONFIG names a file that does not exist: a file asked for by name is never passed over.
    """
    named = os.environ.get("IMAJIN_CONFIG")
    if named and not Path(named).is_file():
        raise UsageError(f"$IMAJIN_CONFIG names {named}, which is not a file")
    user = user_folder()
    places = [
        ("user", user / "config.yaml" if user is not None else None),
        ("project", project_file()),
        ("config", Path(named) if named else package_folder("configs") / "config.yaml"),
    ]
    return [(origin, path) for origin, path in places if path is not None and os.path.isfile(path)]


def preset_folders() -> list[Path]:
    """Folders with presets, the one that wins first: project, user, ours."""
    project = project_file()
    near = project.parent if project is not None else Path.cwd()
    user = user_folder()
    folders = [near, *([user] if user is not None else [])]
    return [
        folder for folder in (*(f / "presets" for f in folders), package_folder("presets")) if os.path.isdir(folder)
    ]
