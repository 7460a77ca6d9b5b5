"""The catalogue: our table, then the models.yaml files of the user and the project. ``python -m`` compiles our table."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from imajin_cli.config.places import project_file, user_folder
from imajin_cli.config.values import unknown
from imajin_cli.config.yamlfile import Located, read_yaml
from imajin_cli.contract.errors import UsageError
from imajin_cli.models.entry import Entry
from imajin_cli.models.pins import applied

SOURCE = Path(__file__).with_name("catalogue.yaml")
COMPILED = Path(__file__).with_name("catalogue.json")
FILE_NAME = "models.yaml"


@cache
def ours() -> dict[str, Entry]:
    """The models that imajin lists itself, by name."""
    table: dict[str, dict[str, Any]] = json.loads(COMPILED.read_bytes())
    return {name: Entry(name=name, **body) for name, body in table.items()}


def user_files() -> list[Path]:
    """The models.yaml files that exist, the one that wins last: the user's, then the one beside the project's imajin.yaml."""
    project = project_file()
    folders = (user_folder(), None if project is None else project.parent)
    return [folder / FILE_NAME for folder in folders if folder is not None and (folder / FILE_NAME).is_file()]


def catalogue() -> dict[str, Entry]:
    """Every model by name, ours first. Raises UsageError with file and line for an entry that is wrong."""
    table = dict(ours())
    for path in user_files():
        table.update(read_catalogue(path))
    return {name: applied(entry) for name, entry in table.items()}


def find(name: str) -> Entry:
    """The entry called ``name``. Raises UsageError with the nearest name there is."""
    entry = ours().get(name)
    if entry is not None and not entry.first_use:
        return entry
    table = catalogue()
    if name not in table:
        raise unknown(name, table, "models", "model")
    return table[name]


def read_catalogue(path: Path) -> dict[str, Entry]:
    """The entries of a models.yaml. Raises UsageError; a name of ours cannot be taken, but where we list no digests."""
    found = {}
    for name, body in read_yaml(path).value.items():
        if path != SOURCE and name in ours() and not ours()[name].first_use:
            raise UsageError(f"{path}:{body.line}: {name} is a model of imajin's own", hint="give yours another name")
        if not isinstance(body.value, dict):
            raise UsageError(f"{path}:{body.line}: {name} must hold task, licence, commercial, files and sources")
        fixed = {"name", "origin"} & set(body.value)
        if fixed:
            raise UsageError(f"{path}:{body.line}: {name}.{sorted(fixed)[0]} cannot be set here")
        origin = "" if path == SOURCE else str(path)
        try:
            found[name] = Entry(name=name, origin=origin, **body.plain())
        except ValidationError as error:
            raise _complaint(error, path, name, body) from None
    return found


def _complaint(error: ValidationError, path: Path, name: str, body: Located) -> UsageError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    line, at = body.line, body
    for step in first["loc"]:
        inner: Any = at.value
        if isinstance(inner, list):
            inner = dict(enumerate(inner))
        # A source's kind stands in the place, but not in the file.
        if not isinstance(inner, dict) or step not in inner:
            continue
        at = inner[step]
        line = at.line or line
    where = ".".join(map(str, (name, *first["loc"])))
    return UsageError(f"{path}:{line}: {where}: {first['msg'].removeprefix('Value error, ')}")


def compiled() -> str:
    """catalogue.json as catalogue.yaml gives it."""
    table = {
        name: entry.model_dump(mode="json", exclude={"name", "origin"}, exclude_defaults=True)
        for name, entry in read_catalogue(SOURCE).items()
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COMPILED.write_text(compiled(), encoding="utf-8")
