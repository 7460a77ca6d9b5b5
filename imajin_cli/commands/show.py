"""`imajin show`: an asset's history for a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import ImajinError, InputError, NoVerdictError
from imajin_cli.contract.sidecar import Record, Score, Sidecar
from imajin_cli.run.found import find_sidecar
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.report import Report, show_json
from imajin_cli.run.store import WORK, decode_picture
from imajin_cli.run.why import as_document, explained
from imajin_cli.run.why import why as worked_out


def _body(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Pictures, sidecars or requests.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the sidecars as a JSON list.", show_default=False)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also defaults, keys and licences.", show_default=False)
    ] = False,
    why: Annotated[
        bool,
        typer.Option("--why", help="How it was chosen, worked out again from the sidecars alone.", show_default=False),
    ] = False,
    within: Annotated[
        list[str] | None,
        typer.Option(
            "--in",
            metavar="FOLDER",
            help="Where --why looks for the other candidates, beside FILE's folder and .imajin/work.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print an asset's history: what was asked for, what each stage did and measured, and the verdict."""
    report = Report("show")
    documents: list[Any] = []
    for name in files:
        if why:
            _why(name, list(map(Path, within or [])), report, documents if as_json else None)
            continue
        try:
            sidecar = find_sidecar(Path(name))
            edited = _edited(Path(name), sidecar)
        except ImajinError as error:
            report.error(error)
            continue
        if edited:
            report.say(f"{name}: changed since its sidecar was written: verdicts on the old pixels do not count")
        if as_json:
            documents.append(sidecar.model_dump(mode="json"))
        else:
            # A sidecar is data: nothing in it reaches the terminal as a control character.
            lines = map(printable, describe(name, sidecar, verbose=verbose))
            write_out(("\n".join(lines) + "\n\n").encode())
    if as_json:
        show_json(documents)
    raise typer.Exit(report.finish())


def _why(name: str, folders: list[Path], report: Report, documents: list[Any] | None) -> None:
    """Explain one asset's choice, as lines or into ``documents``; what does not agree, or is not there, is an error."""
    try:
        found = worked_out(find_sidecar(Path(name)), name, [Path(name).parent, WORK, *folders])
    except ImajinError as error:
        report.error(error)
        return
    if documents is not None:
        documents.append(as_document(name, found))
    else:
        write_out(("\n".join(map(printable, explained(name, found))) + "\n\n").encode())
    if found.differences:
        report.error(InputError(f"{name}: another choice follows from the sidecars than they record"))
    elif found.missing:
        report.error(
            NoVerdictError(f"{name}: {len(found.missing)} sidecars of its draw were not found", hint="--in FOLDER")
        )


def _edited(path: Path, sidecar: Sidecar) -> bool:
    """Whether the picture at ``path`` shows other pixels than ``sidecar`` tells of. Raises InputError for no picture."""
    image = sidecar.image
    if path.suffix == ".json" or image is None:
        return False
    data = read_bytes(path)
    return sha256(data) != image.file_sha256 and decode_picture(path, data).sha256 != image.sha256


def describe(name: str, sidecar: Sidecar, *, verbose: bool) -> Iterator[str]:
    """An asset's history, line by line."""
    image = sidecar.image
    size = (
        f"  {image.width}×{image.height} {image.mode}{', vector' if image.vector else ''}" if image is not None else ""
    )
    yield f"{name}{size}"
    if sidecar.request is not None:
        yield f"  prompt   {sidecar.request.prompt!r}"
        for label in ("headline", "caption", "preset"):
            if value := getattr(sidecar.request, label):
                yield f"  {label:<8} {value!r}"
    if sidecar.group is not None and sidecar.group.size > 1:
        yield f"  candidate {sidecar.group.index + 1} of {sidecar.group.size}, ratio {sidecar.group.ratio}"
    if sidecar.seed is not None:
        yield f"  seed     {sidecar.seed}"
    verdict = sidecar.verdict
    yield f"  verdict  {verdict.status}" + (
        f" by {verdict.by}: {verdict.reason} (exit {verdict.code})" if verdict.by else ""
    )
    for record in sidecar.stages:
        yield from _record(record, verbose=verbose)


def _record(record: Record, *, verbose: bool) -> Iterator[str]:
    seconds = f"  {record.seconds * 1000:.0f} ms" if record.seconds is not None else ""
    backend = f" ({record.backend})" if record.backend else ""
    yield f"  {record.stage}{backend}: {record.status}{seconds}"
    if record.reason:
        yield f"      {record.reason}"
    shown = {k: p for k, p in record.params.items() if verbose or p.origin != "default"}
    if shown:
        yield "      " + ", ".join(f"{k}={p.value!r} [{p.origin}]" for k, p in shown.items())
    for score in record.scores:
        yield f"      {_score(score)}"
    for line in record.notes.get("explain", ()):
        yield f"      {printable(str(line))}"
    if verbose:
        for credit in record.credits:
            yield f"      {credit.name}: {credit.licence}" + (f", {credit.by}" if credit.by else "")
        yield f"      key {record.key[:12]}, version {record.version}"


def _score(score: Score) -> str:
    mark = {True: "✓", False: "✗", None: " "}[score.passed]
    value = "no value" if score.value is None else f"{score.value:g}"
    limit = f" {score.op} {score.threshold:g}" if score.threshold is not None and score.op != "info" else ""
    return f"{mark} {score.name} {value}{' ' + score.unit if score.unit else ''}{limit}"


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("show")(_body)
show = typer.main.get_command(_app)
