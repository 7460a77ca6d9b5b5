"""`imajin sprite`: one sheet of a set of published pictures, held to being a set."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

from imajin_cli.config.layers import load_settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, NoVerdictError, OutputError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sprite import SpriteParams
from imajin_cli.options import options_of, split
from imajin_cli.registry import TOOLS, load
from imajin_cli.review.folders import Published, published
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.report import Report, reported
from imajin_cli.stagecommand import Preset, make_command

HELP = """Put published pictures into one sheet: an SVG of symbols, a PNG atlas, and a JSON map of both.

Give folders that were published into; --only chooses assets by name. Files are held to the digests that their manifest
states. How like each other the pictures are is measured, and a set with one that is over a limit is rejected with 15.
"""


def _body(**given: Any) -> None:
    folders, to, only, preset = given.pop("folders"), given.pop("to"), given.pop("only"), given.pop("preset")
    report = Report("sprite")
    raise typer.Exit(reported(report, lambda: _made(folders or ["dist"], to, only or [], preset, split(given), report)))


def _made(
    folders: Sequence[str], to: str, only: Sequence[str], preset: str | None, flags: dict[str, Any], report: Report
) -> Exit:
    params = resolve("sprite", SpriteParams, load_settings(preset), flags.get("sprite", {})).params
    member = load(TOOLS["sprite-member"])
    members = [member(*one) for one in _chosen(published(folders), only)]
    if not members:
        raise UsageError("no published asset has a picture of that name", hint="look at --only, or name another folder")
    made = load(TOOLS["sprite-sheet"])(members, params)
    if made.faults:
        for fault in made.faults:
            report.say(f"rejected: {fault}")
        return Exit.QUALITY
    for name in _written(Path(to), made.files):
        write_out(f"{printable(name)}\n".encode())
    return Exit.OK


def _chosen(places: Sequence[Published], only: Sequence[str]) -> Iterator[tuple[str, bytes, bytes | None, str]]:
    """(name, raster, SVG, alternative text) of each asset that is wanted, by name. Raises as `_bytes` does."""
    entries = [(place, entry) for place in places for entry in place.assets]
    for place, entry in sorted(entries, key=lambda pair: str(pair[1].get("name"))):
        name = str(entry.get("name") or entry["files"][0]["name"])
        if only and not any(fnmatchcase(name, pattern) for pattern in only):
            continue
        files = [file for file in entry["files"] if file.get("role") in ("asset", "app-icon")]
        rasters = [file for file in files if file.get("format") in ("png", "webp") and not file.get("cut")]
        if not rasters:
            continue
        if not entry.get("require"):
            raise NoVerdictError(
                f"{name}: was published without any gate's verdict", hint="publish it with --require moderate"
            )
        largest = max(rasters, key=lambda file: (int(file.get("width") or 0), file["format"] == "png"))
        vector = next((file for file in files if file.get("format") == "svg"), None)
        svg = _bytes(place, vector) if vector is not None else None
        yield name, _bytes(place, largest), svg, str(entry.get("alt") or "")


def _bytes(place: Published, file: dict[str, Any]) -> bytes:
    """A published file's bytes. Raises InputError where they are not those that the manifest states."""
    data = read_bytes(place.path / file["name"])
    if sha256(data) != file["sha256"]:
        raise InputError(f"{place.path / file['name']}: is not what was published", hint="publish it again")
    return data


def _written(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Write the sheet, each file whole or not at all; the map last, which names the others."""
    make_folder(folder)
    try:
        with folder_lock(folder):
            for name, data in files.items():
                write_atomic(folder / name, data)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    return [str(folder / name) for name in files]


def _parameters() -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: list[tuple[str, Any, Any]] = [
        ("folders", Annotated[list[str] | None, typer.Argument(metavar="FOLDER...", help="Published folders [dist].")], None),
        ("to", Annotated[str, typer.Option("--to", "-o", metavar="FOLDER", help="Folder for the sheet [sprites].",
                                           show_default=False)], "sprites"),
        ("only", Annotated[list[str] | None, typer.Option("--only", metavar="PATTERN", help="Assets whose name fits, "
                                                          "such as icon-*; repeat it for several.")], None),
        ("preset", Preset, None),
    ]  # fmt: skip
    return [
        *(inspect.Parameter(name, keyword, default=default, annotation=note) for name, note, default in own),
        *options_of(SpriteParams, "sprite"),
    ]


sprite = make_command("sprite", _body, _parameters(), HELP)
