"""The calibration file: YAML in the project's or the user's place, read as data, written whole."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from imajin_cli.config.places import project_file, user_folder
from imajin_cli.config.yamlfile import read_yaml
from imajin_cli.contract.calibration import Calibration, Calibrations
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic

NAME = "calibration.yaml"
_HEAD = "# Thresholds that `imajin calibrate` measured. A gate refuses one that was made for another revision of its model.\n"


def place_of(wanted: str) -> Path:
    """The file that ``wanted`` means: "project" (beside imajin.yaml, else here), "user" (the config folder), or a path.

    Raises UsageError for "user" where there is no home.
    """
    if wanted == "project":
        project = project_file()
        return Path(NAME) if project is None else project.with_name(NAME)
    if wanted == "user":
        folder = user_folder()
        if folder is None:
            raise UsageError("there is no home folder for --write user", hint="name a file")
        return folder / NAME
    return Path(wanted)


def read_file(path: Path) -> Calibrations:
    """What ``path`` holds, nothing where it is not there. Raises InputError where it is no calibration file."""
    if not path.exists():
        return Calibrations()
    try:
        return Calibrations.model_validate(read_yaml(path).plain())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "top"
        raise InputError(
            f"{path}: not a calibration file: {where}: {first['msg']}", hint="name another --write"
        ) from None


def write_file(path: Path, made: Calibration) -> bool:
    """Put ``made`` in its place in the file; whether anything but its date is new. Raises InputError or OutputError."""
    import yaml

    make_folder(path.parent)
    with folder_lock(path.parent):
        before = read_file(path)
        old = next((one for one in before.calibrations if one.about == made.about), None)
        if old is not None and old.digest() == made.digest():
            return False
        document = before.having(made).model_dump(mode="json", exclude_none=True)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        write_atomic(path, (_HEAD + text).encode())
    return True
