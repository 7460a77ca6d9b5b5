"""`imajin gpu`: who holds how much of which device, and running any program under a lease."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from imajin_cli.contract.errors import ImajinError, NoCapacityError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report, reported, say, show_json

if TYPE_CHECKING:
    from imajin_cli.devices.status import DeviceStatus

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Share devices between programs by leases: see who holds what, run a program under one.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON lines; the last is a summary.", show_default=False)]
DeviceOption = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", help="An id such as cuda:0 or cpu, a UUID, or auto: any GPU, else cpu."),
]


@app.command("status")
def status(
    as_json: Json = False,
    once: Annotated[
        bool, typer.Option("--once", help="Print once, also on a terminal, instead of a live view.", show_default=False)
    ] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, max=60, help="Seconds between two looks of the live view.")
    ] = 1.0,
) -> None:
    """Show every device, its leases and who waits; on a terminal a live view until Ctrl-C."""
    if as_json:
        report = Report("gpu", as_json=True)
        raise typer.Exit(reported(report, lambda: _events(report)))
    if once or sys.stdout is None or not sys.stdout.isatty():
        found, notes = _survey()
        for note in notes:
            say(f"imajin gpu: {note}")
        write_out("".join(_lines(found)).encode("utf-8", "backslashreplace"))
        return
    _watch(interval)


@app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    program: Annotated[list[str], typer.Argument(metavar="PROGRAM [ARGUMENT]...", help="What to run.")],
    vram: Annotated[str, typer.Option("--vram", metavar="AMOUNT", help="Memory to lease, such as 8GiB.")],
    device: DeviceOption = "auto",
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="TIME", help="How long to wait, such as 60s or 0; by default as configured."),
    ] = None,
    priority: Annotated[
        Literal["batch", "normal", "interactive"], typer.Option("--priority", help="Who goes first where several wait.")
    ] = "normal",
) -> None:
    """Run PROGRAM under a lease that lasts as long as it does; its GPU is the only one that it sees."""
    from imajin_cli.devices import lease
    from imajin_cli.devices.start import start
    from imajin_cli.devices.units import mebibytes, seconds

    amount, limit = mebibytes(vram), None if wait is None else seconds(wait)
    held = lease.acquire(
        device, amount, limit, priority, label=program[0].rpartition("/")[2],
        on_wait=lambda text: say(f"imajin gpu: {text}"), say=lambda text: say(f"imajin gpu: {text}"),
    )  # fmt: skip
    _start(start, held, program)


def _start(start: Any, held: Any, program: list[str]) -> NoReturn:
    try:
        start(held, program)
    except OSError as error:
        raise UsageError(f"{program[0]}: cannot be run: {error.strerror}") from None
    finally:
        held.release()
    raise AssertionError("exec came back")


@app.command("release")
def release(
    lease: Annotated[str, typer.Argument(metavar="ID", help="A lease's id, as status shows it, or its beginning.")],
    wait: Annotated[str, typer.Option("--wait", metavar="TIME", help="How long its holder may take.")] = "2s",
) -> None:
    """Ask the holder of a lease to give it up. Exit 21 where it does not: nobody can take memory from a program that uses it."""
    from imajin_cli.devices.status import ask, find, is_live
    from imajin_cli.devices.units import seconds, shown

    limit = seconds(wait)
    found = find(lease, _note)
    ask(found, _note)
    deadline = time.monotonic() + limit
    while is_live(found, _note):
        if time.monotonic() >= deadline:
            raise NoCapacityError(
                f"lease {found.id} of {shown(found.mib)} on {found.device} is still held by {found.holder}",
                hint="it gives way when it is idle, or when that program ends",
            )
        time.sleep(0.05)
    say(f"imajin gpu: lease {found.id} of {shown(found.mib)} on {found.device} was given up")


@app.command("log")
def log(
    device: Annotated[
        str | None, typer.Option("--device", metavar="DEVICE", help="Only this device; by default all.")
    ] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, max=10_000, help="The last N entries.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)] = False,
) -> None:
    """Print what happened to leases: granted, released, ended with their holder, refused."""
    from imajin_cli.devices.status import history

    entries = history(device, _note)[-lines:]
    if as_json:
        show_json(entries)
        return
    rows = [" ".join(f"{key}={value}" for key, value in _plain(entry).items()) for entry in entries]
    write_out("".join(f"{row}\n" for row in rows).encode("utf-8", "backslashreplace"))


def _plain(entry: dict[str, Any]) -> dict[str, str]:
    return {key: "".join(c if c.isprintable() else "?" for c in str(value)[:120]) for key, value in entry.items()}


def _note(text: str) -> None:
    say(f"imajin gpu: {text}")


def _survey() -> tuple[list[DeviceStatus], list[str]]:
    from imajin_cli.devices.status import survey

    return survey()


def _events(report: Report) -> Exit:
    found, notes = _survey()
    for note in notes:
        report.event("note", text=note)
    for device in found:
        report.event("device", **device.described())
        for row in device.leases:
            report.event("lease", **row.described())
        for place, waiter in enumerate(device.waiting):
            report.event("waiting", place=place + 1, **waiter.described())
        report.passed += 1
    return report.finish()


def _lines(found: list[DeviceStatus]) -> list[str]:
    from imajin_cli.devices.units import shown

    lines = []
    for status in found:
        device = status.device
        free = "?" if device.free_mib is None else shown(device.free_mib)
        amounts = f"{shown(device.total_mib)}, {shown(status.leased_mib)} leased, {free} unused"
        lines.append(f"{device.id}  {device.name}  {amounts}  {device.uuid}\n")
        rows = [(row.id, row, row.holder.since) for row in status.leases]
        rows += [(f"waits {place}", row, "") for place, row in enumerate(status.waiting, 1)]
        lines += [
            f"  {name:<8}  {shown(row.mib):>9}  {row.priority:<11}  {row.holder}  {since}".rstrip() + "\n"
            for name, row, since in rows
        ]
    return lines


def _watch(interval: float) -> None:
    """The live view; Ctrl-C is its usual end, and no failure."""
    from rich.console import Console
    from rich.live import Live

    from imajin_cli.devices.view import view

    console = Console()
    try:
        with Live(view(*_survey()), console=console, screen=False, auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                try:
                    live.update(view(*_survey()), refresh=True)
                except ImajinError as error:
                    live.update(view([], [error.line()]), refresh=True)
    except KeyboardInterrupt:
        return
