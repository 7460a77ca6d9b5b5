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


def user_folder() -> Path:
    """$XDG_CONFIG_HOME/imajin, by default ~/.config/imajin."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return Path(base) / "imajin" if base else Path.home() / ".config" / "imajin"


def project_file(start: Path | None = None) -> Path | None:
    """The nearest imajin.yaml, from ``start`` (default: the working folder) upwards, not beyond a repository's root."""
    folder = (start or Path.cwd()).absolute()
    for place in (folder, *folder.parents):
        candidate = place / "imajin.yaml"
        if candidate.is_file():
            return candidate
        if (place / ".git").exists():
            return None
    return None


def config_files() -> list[tuple[str, Path]]:
    """(origin, path) of each config file that exists, weakest first.

    Raises UsageError where $IMAJIN_CONFIG names a file that does not exist: a file asked for by name is never passed over.
    """
    named = os.environ.get("IMAJIN_CONFIG")
    if named and not Path(named).is_file():
        raise UsageError(f"$IMAJIN_CONFIG names {named}, which is not a file")
    project = project_file()
    places = [
        ("user", user_folder() / "config.yaml"),
        ("project", project),
        ("config", Path(named) if named else package_folder("configs") / "config.yaml"),
    ]
    return [(origin, path) for origin, path in places if path is not None and path.is_file()]


def preset_folders() -> list[Path]:
    """Folders with presets, the one that wins first: project, user, ours."""
    project = project_file()
    near = project.parent if project is not None else Path.cwd()
    folders = [near / "presets", user_folder() / "presets", package_folder("presets")]
    return [folder for folder in folders if folder.is_dir()]
