"""The exit-code table: every code that is raised is in it, and every code in it is raised by a real process here."""

from __future__ import annotations

import ast
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT, environment
from imajin_cli.contract import exits
from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.exits import MEANING, Exit, most_serious

HOME = "imajin_cli/contract/exits.py"


def trees() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("imajin_cli", "stages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def named_codes() -> dict[str, set[str]]:
    """Name of each code that the source mentions as Exit.NAME → the files that do."""
    found: dict[str, set[str]] = {}
    for label, tree in trees():
        for node in ast.walk(tree):
            of_exit = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Exit"
            if of_exit and not node.attr.startswith("_"):
                found.setdefault(node.attr, set()).add(label)
    return found


def test_every_code_that_the_source_names_is_in_the_table():
    table = {code.name for code in MEANING}
    # typer.Exit, which ends a command, is another class, and is never written bare.
    assert {name: files for name, files in named_codes().items() if name not in table} == {}


def test_every_code_of_the_table_is_used_outside_it():
    used = {name for name, files in named_codes().items() if files - {HOME}}
    assert {code.name for code in MEANING} - used == set()


def test_no_code_is_written_as_a_number():
    numbers = []
    for label, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            values = [*node.args, *(k.value for k in node.keywords if k.arg in ("code", "status"))]
            if called in ("sys.exit", "exit", "os._exit", "SystemExit", "typer.Exit", "Outcome"):
                numbers += [
                    f"{label}:{node.lineno}" for v in values if isinstance(v, ast.Constant) and type(v.value) is int
                ]
    # A generator that is run by itself (python -m …) is no command of imajin's.
    assert [place for place in numbers if "/compile.py:" not in place] == []


def test_every_error_class_and_stage_ends_in_a_code_of_the_table():
    for label, _ in trees():
        name = label.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if not name.endswith("__main__"):
            importlib.import_module(name if name.startswith("imajin_cli") else f"imajin_cli.{name}")
    classes = [ImajinError]
    for cls in classes:
        classes += cls.__subclasses__()
        assert cls.code in MEANING, cls
        assert cls.code is not Exit.OK, cls


def test_the_table_and_the_order_of_gravity_hold_every_code_once():
    assert list(MEANING) == sorted(Exit)
    assert sorted(exits._SEVERITY) == sorted(Exit)
    assert len({text.casefold() for text in MEANING.values()}) == len(MEANING)


@pytest.mark.parametrize("first", list(Exit))
def test_the_most_serious_code_wins_whatever_the_order(first):
    for second in Exit:
        winner = min((first, second), key=exits._SEVERITY.index)
        assert most_serious([first, second]) == most_serious([second, first]) == winner


def test_the_published_table_is_the_table(cli):
    shown = json.loads(cli("schema", "--exit-codes").stdout)
    assert shown == {str(int(code)): {"name": code.name, "meaning": text} for code, text in MEANING.items()}


def start(*arguments: str, **streams: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imajin_cli", *arguments]
    return subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, **streams)


def signalled(number: signal.Signals) -> int:
    """The code of a stage that gets ``number`` while it is at work on its second picture."""
    process = start("tint", "a.png", "b.png", "--sleep", "2", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=30)
    return process.returncode


def unread() -> int:
    """The code of a stage whose standard output nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start("bright", "a.png", stdout=writer)
    os.close(writer)
    _, said = process.communicate(timeout=30)
    assert said == b""
    return process.returncode


def without_rasteriser(cli: Callable[..., subprocess.CompletedProcess[bytes]]) -> int:
    """The code of `generate` where resvg is not installed."""
    Path("absent").mkdir()
    Path("absent", "resvg_py.py").write_text("raise ImportError('No module named resvg_py')\n")
    path = os.pathsep.join(["absent", environment()["PYTHONPATH"]])
    done = cli("generate", "a rocket", "--size", "64", PYTHONPATH=path)
    assert b"pip install resvg" in done.stderr
    return done.returncode


def known(cli: Callable[..., subprocess.CompletedProcess[bytes]]) -> int:
    """The code of `moderate` for a picture whose hash is on a list."""
    import numpy as np
    from PIL import Image

    from imajin_cli.stages.imaging.pdq import pdq

    tiles = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    image = Image.fromarray(tiles).resize((192, 192), Image.Resampling.NEAREST)
    image.save("known.png")
    Path("known.txt").write_text(pdq(image).hex() + "\n")
    return cli("moderate", "known.png", "--hash-lists", "known.txt").returncode


def off_prompt(cli: Callable[..., subprocess.CompletedProcess[bytes]]) -> int:
    """The code of `semantic` for a picture that does not hold what is required of it."""
    done = cli("semantic", "dark.png", "--require", "red")
    assert b"nothing to see in it" in done.stderr
    return done.returncode


def unusable(cli: Callable[..., subprocess.CompletedProcess[bytes]]) -> int:
    """The code of `identity` for a reference without a face."""
    import numpy as np
    from PIL import Image

    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save("nobody.png")
    done = cli("identity", "a portrait", "--reference", "nobody.png")
    assert b"no face was found" in done.stderr
    return done.returncode


def stale(cli: Callable[..., subprocess.CompletedProcess[bytes]]) -> int:
    """The code of a check of what was never made."""
    Path("assets.yaml").write_text("- prompt: a robot\n")
    return cli("batch", "assets.yaml", "--check").returncode


CASES: dict[Exit, Callable[..., int]] = {
    Exit.OK: lambda cli: cli("bright", "a.png").returncode,
    Exit.ERROR: lambda cli: cli("bright", "a.png", "--mode", "crash").returncode,
    Exit.USAGE: lambda cli: cli("bright", "absent.png").returncode,
    Exit.INVALID: lambda cli: cli("validate", "x" * 5000).returncode,
    Exit.UNSAFE: known,
    Exit.OFF_PROMPT: off_prompt,
    Exit.AESTHETIC: lambda cli: cli("aesthetic", "dark.png").returncode,
    Exit.IDENTITY: unusable,
    Exit.QUALITY: lambda cli: cli("bright", "dark.png").returncode,
    Exit.PROVENANCE: lambda cli: cli("provenance", "verify", "a.png").returncode,
    Exit.MISSING: without_rasteriser,
    Exit.NO_CAPACITY: lambda cli: cli("gpu", "run", "--vram", "2GiB", "true", IMAJIN_DEVICES="sim:0=1024").returncode,
    Exit.NO_VERDICT: lambda cli: cli("bright", "a.png", "--mode", "absent").returncode,
    Exit.STALE: lambda cli: stale(cli),
    Exit.EMPTY: lambda cli: cli("bright", stdin=b"").returncode,
    Exit.INTERRUPTED: lambda cli: signalled(signal.SIGINT),
    Exit.PIPE_CLOSED: lambda cli: unread(),
    Exit.TERMINATED: lambda cli: signalled(signal.SIGTERM),
}


def test_there_is_a_run_for_every_code_of_the_table():
    assert list(CASES) == list(MEANING)


@pytest.mark.parametrize("code", list(CASES), ids=lambda code: f"{int(code)}-{code.name}")
def test_a_real_process_ends_with_the_code(code, cli, png):
    png("a.png"), png("b.png"), png("dark.png", 5)
    assert CASES[code](cli) == code


def test_a_real_gate_ends_with_its_own_code(cli, png):
    """15 from `quality` itself, not from a stand-in: a flat picture shows nothing."""
    from PIL import Image

    Image.new("RGB", (64, 64), (120, 120, 120)).save("flat.png")
    done = cli("quality", "flat.png")
    assert done.returncode == Exit.QUALITY, done.stderr
    assert done.stdout == b""
