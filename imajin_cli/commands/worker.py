"""`imajin worker`: see, stop or run the worker that keeps models loaded."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from imajin_cli.config.layers import load_settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.errors import UsageError
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import say, show_json
from imajin_cli.worker import place, protocol
from imajin_cli.worker.options import WorkerParams

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="See, stop or run the worker that keeps models loaded.",
)


@app.command("status")
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)] = False) -> None:
    """Print which workers of yours run here, and what each of their processes does."""
    found = _ask({"do": "status"})
    if as_json:
        show_json(found)
    elif not found:
        say("no worker runs")
    else:
        write_out("".join(map(_shown, found)).encode())


@app.command("stop")
def stop(
    now: Annotated[
        bool, typer.Option("--now", help="Also end the commands at work, as by SIGTERM.", show_default=False)
    ] = False,
) -> None:
    """Stop every worker of yours here: each ends when the commands at work have ended."""
    found = _ask({"do": "stop", "now": now})
    for one in found:
        say(f"worker {one['pid']} stops" + (f" after {one['at_work']} commands" if one["at_work"] and not now else ""))
    if not found:
        say("no worker runs")


@app.command("run")
def run(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="In this process, its log on standard error.", show_default=False)
    ] = False,
) -> None:
    """Start the worker now, before the first command needs it."""
    from imajin_cli.worker import launch, server

    _supported()
    settings = resolve("worker", WorkerParams, load_settings(), {}).params.model_dump()
    settings.pop("use")
    name = place.identity()
    try:
        if not foreground:
            launch.connected(settings).close()
        elif not server.serve(name, settings):
            raise UsageError("this worker runs already", hint="imajin worker status")
    except place.Unusable as error:
        raise UsageError(f"the worker cannot run: {error}") from None


def _supported() -> None:
    if not place.SUPPORTED:
        raise UsageError("the worker needs Linux", hint="every command works without it")


def _ask(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer of each worker of this user, by name; one that does not answer is passed over."""
    _supported()
    try:
        folder = place.open_folder(create=False)
    except place.Unusable:
        return []
    try:
        names = sorted(name for name in os.listdir(folder) if name.startswith("worker-") and name.endswith(".sock"))
        return [answer for name in names if (answer := _answer(folder, name, message)) is not None]
    finally:
        os.close(folder)


def _answer(folder: int, name: str, message: dict[str, Any]) -> dict[str, Any] | None:
    try:
        sock = place.connect(folder, name)
        if sock is None:
            return None
        with sock:
            sock.settimeout(10)
            protocol.send(sock, message)
            return protocol.Reader(sock).read()
    except (place.Unusable, OSError, protocol.ProtocolError) as error:
        say(f"{name}: {error}")
        return None


def _shown(one: dict[str, Any]) -> str:
    lines = [
        f"worker {one['pid']} of imajin {one['version']}: {one['served']} commands in {one['seconds']:.0f} s, "
        f"{one['queued']} waiting, log {one['log']}"
    ]
    for process in one["processes"]:
        what = process["stage"] or f"{process['idle_seconds']:.0f} s, last {', '.join(process['knows'][-3:])}"
        lines.append(f"  {process['pid']:>8}  {process['state']:<8}  {process['mib']:>5} MiB  {what}")
    for host in one["hosts"]:
        state = "working" if host["serving"] else "idle"
        lines.append(f"  {host['pid']:>8}  {state:<8}  {host['mib']:>5} MiB  shared {host['backend']}")
    return "\n".join(lines) + "\n"
