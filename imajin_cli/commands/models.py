"""`imajin models`: which models there are, getting them, and whether what is here is whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imajin_cli.contract.errors import ImajinError, MissingError, UsageError
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report, say, show_json

if TYPE_CHECKING:
    from imajin_cli.models.capabilities import Family
    from imajin_cli.models.entry import Entry
    from imajin_cli.run.options import RunParams

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="List, get and check the models that stages use; your own go into models.yaml beside your config.",
)


def _complete(incomplete: str) -> list[str]:
    from imajin_cli.models.catalogue import catalogue

    return [name for name in catalogue() if name.startswith(incomplete)]


Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Models.", autocompletion=_complete)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)]
Task = Annotated[str | None, typer.Option("--task", metavar="TASK", help="Only models for this task.")]


@app.command("list")
def list_(names: Names = None, task: Task = None, as_json: Json = False) -> None:
    """Print every model of the catalogue: what for, which stages use it, size, licence, and whether it is here."""
    users = _users()
    rows = [{**_described(entry), "used_by": users.get(entry.name, [])} for entry in _chosen(names, task)]
    if as_json:
        show_json(rows)
        return
    _print_table(
        ("name", "task", "size", "licence", "commercial use", "here", "used by"),
        [
            (
                row["name"],
                row["task"],
                _size(row),
                row["licence"],
                row["commercial"],
                "yes" if row["here"] else "no",
                ", ".join(row["used_by"]) or "-",
            )
            for row in rows
        ],
    )


@app.command("pull")
def pull(
    names: Names = None,
    task: Task = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every model whose digest is listed.", show_default=False)
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Use no network.", show_default=False)] = False,
    licence_policy: Annotated[
        str | None,
        typer.Option("--licence-policy", metavar="any|commercial", help="Refuse models without commercial use."),
    ] = None,
    digests: Annotated[
        str | None,
        typer.Option("--digests", metavar="first-use|listed", help="listed: refuse models whose digest is not listed."),
    ] = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.", show_default=False)] = False,
) -> None:
    """Get models, saying size and licence first; print the path of each file. What is here is not fetched again."""
    from imajin_cli.models.catalogue import find
    from imajin_cli.models.policy import check_digests, check_licences
    from imajin_cli.models.pull import Talk
    from imajin_cli.models.pull import pull as get

    if not names and task is None and not everything:
        raise UsageError("name the models to get", hint="imajin models list; --task TASK or --all for several")
    run = _run_params(licence_policy=licence_policy, digests=digests)
    policy = run.licence_policy
    entries = _chosen(names, task)
    if everything and not names and task is None:
        # Gigabytes that nobody asked for by name are not taken on trust.
        entries = [entry for entry in entries if not entry.first_use]
    check_licences(entries, policy)
    check_digests(entries, run.digests)
    report = Report("models", as_json=as_json)
    for entry in entries:
        try:
            # The licence and size are said whatever else is quiet.
            found = get(
                entry, Talk(lambda text: say(f"imajin models: {text}"), quiet), policy=policy, no_network=offline
            )
        except ImajinError as error:
            report.error(error)
            continue
        report.passed += 1
        for file, item in zip(find(entry.name).files, found, strict=True):
            if as_json:
                report.event("model", model=entry.name, file=file.name, path=str(item.path), place=item.place)
            else:
                report.path(item.path)
    raise typer.Exit(report.finish())


@app.command("verify")
def verify(names: Names = None, as_json: Json = False) -> None:
    """Hash every file again. Exit 20 where one is damaged, or a model that was named is not here."""
    from imajin_cli.models.verify import verify as check

    rows: list[dict[str, Any]] = []
    report = Report("models", as_json=False)
    for item in check(_chosen(names, None)):
        if item.status == "absent" and not names:
            continue
        said = {"model": item.model, "file": item.file, "status": item.status}
        rows.append({**said, "path": _text(item.path), "place": item.place})
        if item.status == "damaged":
            report.error(MissingError(f"{item.path}: damaged or of another version", hint=item.hint))
        elif item.status == "absent":
            report.error(MissingError(f"{item.model}: {item.file} is not on this machine", hint=item.hint))
    if as_json:
        show_json(rows)
    else:
        _print_table(
            ("model", "file", "status", "place"), [(r["model"], r["file"], r["status"], r["place"]) for r in rows]
        )
    raise typer.Exit(report.finish())


@app.command("path")
def path(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model.", autocompletion=_complete)],
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="One of its files; by default all.")] = None,
    as_json: Json = False,
) -> None:
    """Print where a model's files are, their digests checked; exit 20 where one is missing."""
    from imajin_cli.models.store import path_of, paths_of

    found = {file: path_of(name, file)} if file is not None else paths_of(name)
    if as_json:
        show_json({key: str(value) for key, value in found.items()})
        return
    report = Report("models")
    for value in found.values():
        report.path(value)


@app.command("licenses")
def licenses(names: Names = None, task: Task = None, as_json: Json = False) -> None:
    """Print each model's licence, whether commercial use is allowed, and what is to be known about it."""
    entries = _chosen(names, task)
    rows = [{"name": e.name, "licence": e.licence, "commercial": e.commercial, "note": e.note} for e in entries]
    if as_json:
        show_json(rows)
        return
    _print_table(
        ("name", "licence", "commercial use", "note"),
        [(r["name"], r["licence"], r["commercial"], r["note"]) for r in rows],
    )


@app.command("capabilities")
def capabilities(
    families: Annotated[list[str] | None, typer.Argument(metavar="[FAMILY]...", help="Families of models.")] = None,
    as_json: Json = False,
) -> None:
    """Print what each family of diffusion models can do through diffusers: modes, and what it offers beside them."""
    from imajin_cli.models.capabilities import FAMILIES

    unknown = [name for name in families or [] if name not in FAMILIES]
    if unknown:
        raise UsageError(f"there is no family {unknown[0][:40]}", hint=", ".join(FAMILIES))
    chosen = [FAMILIES[name] for name in dict.fromkeys(families or FAMILIES)]
    if as_json:
        show_json([_capable(family) for family in chosen])
        return
    _print_table(
        ("family", "models", "modes", "also"),
        [(one.name, one.title, ", ".join(one.pipelines), ", ".join(sorted(one.offers))) for one in chosen],
    )


def _capable(family: Family) -> dict[str, Any]:
    return {
        "family": family.name,
        "models": family.title,
        "pipelines": dict(family.pipelines),
        "controlnet": family.controlnet,
        "offers": {
            offer: [mode for mode in family.pipelines if family.offered(offer, mode)] for offer in sorted(family.offers)
        },
        "multiple": family.multiple,
        "steps": family.steps,
        "guidance": family.guidance,
    }


def _users() -> dict[str, list[str]]:
    """Which stages use each model with their default params, by the model's name."""
    from imajin_cli.registry import STAGES
    from imajin_cli.run.bind import stage_class

    found: dict[str, list[str]] = {}
    for name in STAGES:
        cls = stage_class(name)
        for model in cls(cls.Params()).models():
            found.setdefault(model, []).append(name)
    return found


def _chosen(names: Iterable[str] | None, task: str | None) -> list[Entry]:
    from imajin_cli.models.catalogue import catalogue, find

    entries = [find(name) for name in dict.fromkeys(names)] if names else list(catalogue().values())
    if task is None:
        return entries
    chosen = [entry for entry in entries if entry.task == task]
    if not chosen:
        raise UsageError(f"no model is for {task[:40]}", hint=", ".join(sorted({entry.task for entry in entries})))
    return chosen


def _run_params(**flags: str | None) -> RunParams:
    """What `run` says of models: by the flags, else by the config."""
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve
    from imajin_cli.run.options import RunParams

    given = {name: value for name, value in flags.items() if value is not None}
    return resolve("run", RunParams, load_settings(), given).params


def _described(entry: Entry) -> dict[str, Any]:
    from imajin_cli.models.entry import pinned
    from imajin_cli.models.store import candidates, command_for, size_fits

    files = []
    for file in entry.files:
        at = next((path for path, _ in candidates(entry, file) if size_fits(entry, file, path)), None)
        files.append({"name": file.name, "size": file.size, "sha256": file.sha256, "path": _text(at)})
    sources = [
        {**source.model_dump(mode="json", exclude={"paths", "folder"}), "pinned": pinned(source)}
        for source in entry.sources
    ]
    return {
        "name": entry.name,
        "task": entry.task,
        "licence": entry.licence,
        "commercial": entry.commercial,
        "size": entry.size,
        "revision": entry.revision,
        "note": entry.note,
        "files": files,
        "sources": sources,
        "here": not entry.open and all(file["path"] is not None for file in files),
        "digests": "first use" if entry.first_use else "listed",
        "at_most": sum(file.at_most for file in entry.first_use) or None,
        "command": command_for(entry),
        "memory_mib": _memory(entry),
        "catalogue": entry.origin or None,
    }


def _memory(entry: Entry) -> dict[str, dict[str, int]] | None:
    """MiB that a diffusion model takes by number format and size, computed; None where its parameters are not listed."""
    from imajin_cli.models.memory import by_format

    own = entry.diffusion
    if own is None or own.parameters is None:
        return None
    return by_format(own.parameters, tuple(sorted({512, 1024, own.side or 1024})))


def _size(row: dict[str, Any]) -> str:
    """A model's size; for one that is not pinned yet, the bound on it."""
    from imajin_cli.models.progress import amount

    return amount(row["size"]) if row["size"] else f"< {amount(row['at_most'])}"


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
    write_out(("\n".join(lines) + "\n").encode())
