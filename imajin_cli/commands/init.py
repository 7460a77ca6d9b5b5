"""`imajin init`: an asset repository in one command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from imajin_cli import __version__
from imajin_cli.contract.errors import OutputError
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.report import Report

_STARTER = Path(__file__).parent.parent / "repository" / "starter"
# Where each file of the starter goes.
FILES = {
    "assets.yaml": "assets.yaml",
    "Makefile": "Makefile",
    "assets.yml": ".github/workflows/assets.yml",
    "pre-commit": ".githooks/pre-commit",
    "gitignore": ".gitignore",
    "README.md": "README.md",
}
_PROGRAMS = frozenset({"pre-commit"})


def _body(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where; it is made if it is not there.", show_default=False)
    ] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there already.", show_default=False)
    ] = False,
) -> None:
    """Begin an asset repository: assets.yaml with examples, a Makefile, a CI workflow, a pre-commit hook, a README.

    Files that are there already are left as they are, and named.
    """
    report = Report("init")
    make_folder(folder)
    written = 0
    for name, place in FILES.items():
        path = folder / place
        if os.path.lexists(path) and not force:
            report.say(f"{path}: is there already, and stays as it is (--force writes over it)")
            continue
        make_folder(path.parent)
        text = (_STARTER / name).read_text(encoding="utf-8")
        write_atomic(path, _filled(text, folder).encode("utf-8", "surrogateescape"))
        if name in _PROGRAMS:
            _make_runnable(path)
        report.path(path)
        written += 1
    go = "" if folder == Path() else f"cd {folder} && "
    report.say(f"{written} {'file' if written == 1 else 'files'} written; next: {go}make")
    raise typer.Exit(report.finish())


def _filled(text: str, folder: Path) -> str:
    return text.replace("{version}", __version__).replace("{folder}", _within_repository(folder))


def _within_repository(folder: Path) -> str:
    """The folder as seen from the root of its git repository, "." where there is none or it is the root itself."""
    try:
        # A fixed command line: git is asked where we are.
        done = subprocess.run(["git", "rev-parse", "--show-prefix"], cwd=folder, capture_output=True, check=False)  # noqa: S607
    except OSError:
        return "."
    found = os.fsdecode(done.stdout).strip().rstrip("/") if done.returncode == 0 else ""
    # Into a shell script goes only what no shell reads as anything else.
    plain = all(char.isalnum() or char in "/._- " for char in found)
    return found if found and plain else "."


def _make_runnable(path: Path) -> None:
    try:
        path.chmod(0o755)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made a program: {error.strerror}") from None


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("init")(_body)
init = typer.main.get_command(_app)
