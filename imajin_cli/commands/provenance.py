"""`imajin provenance`: sign files, and tell whether they are what was signed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from imajin_cli.config.layers import load_settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.errors import ImajinError, InputError
from imajin_cli.contract.exits import Exit, most_serious
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.registry import TOOLS, load
from imajin_cli.run.atomic import folder_lock, write_atomic
from imajin_cli.run.inputs import names
from imajin_cli.run.manifest import Manifest
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.report import Report, show_json
from imajin_cli.run.sidecars import read_sidecar
from imajin_cli.run.store import decode_picture
from imajin_cli.stagecommand import Assign, assigned

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Sign files with Content Credentials (C2PA), and tell valid, gone and tampered apart.",
)
SUFFIX = ".c2pa"
_MAX_MANIFEST = 16 << 20
_GOOD = ("valid", "trusted")
Files = Annotated[list[str] | None, typer.Argument(metavar="FILE...", help="Pictures; none: names on standard input.")]
Null = Annotated[bool, typer.Option("-0", "--null", help="Names end in NUL.", show_default=False)]


@app.command("verify")
def verify(
    files: Files = None,
    trust: Annotated[
        str | None, typer.Option("--trust", metavar="FILE", help="PEM file of the roots that signers must come from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.", show_default=False)] = False,
    null: Null = False,
) -> None:
    """Check files against the manifest inside them, or beside them as NAME.c2pa.

    Each is valid (trusted with --trust), untrusted, tampered or gone. Anything but valid or trusted ends with 16.
    """
    report = Report("provenance")
    anchors: bytes | None = load(TOOLS["read-pem"])(trust, "the trusted certificates") if trust is not None else None
    found: list[dict[str, Any]] = []

    def one(path: Path) -> Exit:
        told = verified(path, anchors)
        found.append(told)
        if not as_json:
            write_out(f"{printable(told['file'])}: {in_words(told)}\n".encode())
        return Exit.OK if told["status"] in _GOOD else Exit.PROVENANCE

    code = _each(files, null, report, one)
    if as_json:
        show_json(found)
    raise typer.Exit(code)


@app.command("sign")
def sign(files: Files = None, assign: Assign = None, null: Null = False) -> None:
    """Sign files in place, by the provenance section of the settings: after whatever made them smaller, and last.

    What is claimed comes from the sidecar beside the file, or that of the asset which manifest.json lists it under; where
    there is none, only that the file was opened.
    """
    report = Report("provenance")
    given = assigned(assign or ()).get("provenance", {})
    params = resolve("provenance", ProvenanceParams, load_settings(), given).params
    sealer = load(TOOLS["sealer"])(params)

    def one(path: Path) -> Exit:
        _sign(path, sealer)
        write_out(os.fsencode(path) + b"\n")
        return Exit.OK

    raise typer.Exit(_each(files, null, report, one))


def _each(files: Iterable[str] | None, null: bool, report: Report, work: Callable[[Path], Exit]) -> Exit:
    """``work`` on each file, and the most serious code of all; an error is said, and the next file is taken."""
    codes: list[int] = []
    for name in names(list(files or ()), null=null):
        try:
            codes.append(work(Path(name)))
        except ImajinError as error:
            report.error(error)
    return most_serious([*codes, report.finish(empty=not codes and not report.errors)])


def verified(path: Path, anchors: bytes | None) -> dict[str, Any]:
    """What a file's Content Credentials come to, as `Checked.as_json` tells it. Raises InputError."""
    data = read_bytes(path)
    beside = path.with_name(path.name + SUFFIX)
    manifest = read_bytes(beside, _MAX_MANIFEST) if beside.is_file() else None
    check = load(TOOLS["verify"])
    try:
        checked = check(data, None, None, anchors)
        # What is inside counts; a manifest beside it is of the file without one.
        if checked.status == "gone" and manifest is not None:
            checked = check(data, None, manifest, anchors)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from None
    return {"file": str(path), **checked.as_json()}


def in_words(told: dict[str, Any]) -> str:
    """A file's status for a person."""
    parts = [str(told["status"])]
    if told.get("signer"):
        parts.append(f"signed by {printable(str(told['signer']))} ({told['where']})")
    if told.get("source_type"):
        parts.append(printable(str(told["source_type"])))
    parts += [", ".join(map(printable, told["failures"]))] if told["failures"] else []
    parts += [printable(str(told["why"]))] if told.get("why") else []
    return "; ".join(parts)


def _sign(path: Path, sealer: Any) -> None:
    data = read_bytes(path)
    try:
        kind, pixels = _described(path, data)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from None
    sidecar = sidecar_of(path)
    base = (sidecar.image.width, sidecar.image.height) if sidecar is not None and sidecar.image is not None else pixels
    known = sidecar or Sidecar(id="unknown")
    sealed = sealer.seal(data, kind, path.name, known, load(TOOLS["derived"])(pixels, base))
    beside = path.with_name(path.name + SUFFIX)
    with folder_lock(path.parent):
        # The manifest first: killed in between, the file is as it was, and its new manifest is of it.
        if sealed.beside is not None:
            write_atomic(beside, sealed.beside, sync=True)
        write_atomic(path, sealed.data, sync=True)
        if sealed.beside is None:
            beside.unlink(missing_ok=True)


def _described(path: Path, data: bytes) -> tuple[str, tuple[int, int]]:
    """A file's format, as the signer calls it, and its size in pixels. Raises InputError."""
    kind = (load(TOOLS["sniff"])(data) or "").lower()
    return kind, decode_picture(path, data).size


def sidecar_of(path: Path) -> Sidecar | None:
    """The sidecar that tells of the file ``path``: its own, or its asset's by the folder's manifest; None without one."""
    own = path.with_name(path.name + ".json")
    if own.is_file():
        return read_sidecar(own)
    for asset in Manifest(path.parent).assets():
        listed = [file["name"] for file in asset["files"]]
        if path.name in listed:
            target = path.with_name(listed[0] + ".json")
            return read_sidecar(target) if target.is_file() else None
    return None
