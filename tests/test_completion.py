"""Shell completion, by the protocol of each shell's script, and in bash for real."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, environment
from imajin_cli import registry

SHELLS = ("bash", "zsh", "fish")


def complete(shell: str, line: str) -> list[str]:
    """What ``shell`` would offer for the last word of ``line`` (empty where the line ends in a space)."""
    words = line.split(" ")
    protocol = {
        "bash": {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = subprocess.run(
        [sys.executable, "-m", "imajin_cli"],
        env=environment(_IMAJIN_COMPLETE=f"complete_{shell}", **protocol),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    if shell == "zsh":
        return re.findall(r'"((?:[^"\\]|\\.)+?)"(?::"|\n|\))', done.stdout)
    return [row.partition("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_stages_and_commands(shell):
    offered = complete(shell, "imajin ")
    assert set(offered) >= registry.STAGES.keys() | registry.COMMANDS.keys() | {"tint"}
    assert complete(shell, "imajin gen") == ["generate"]
    assert set(complete(shell, "imajin config ")) == {"show", "path", "check"}


@pytest.mark.parametrize("shell", SHELLS)
def test_options_of_a_stage(shell):
    assert complete(shell, "imajin bright --thr") == ["--threshold"]
    offered = complete(shell, "imajin generate --")
    assert {"--layout", "--theme", "--seed", "--preset", "--json"} <= set(offered)


@pytest.mark.parametrize("shell", SHELLS)
def test_presets_a_projects_own_among_them(shell, work):
    (work / "presets").mkdir()
    (work / "presets" / "mine.yaml").write_text("summary: Mine.\n")
    shipped = {path.stem for path in (ROOT / "presets").glob("*.yaml")}
    assert set(complete(shell, "imajin run -p ")) == shipped | {"mine"}
    assert complete(shell, "imajin run --preset mi") == ["mine"]
    assert "mine" in complete(shell, "imajin presets ")


@pytest.mark.parametrize("shell", SHELLS)
def test_choices_and_backends(shell):
    assert set(complete(shell, "imajin generate --backend ")) == {"auto", "compose", "diffusers"}
    assert complete(shell, "imajin generate --theme da") == ["dark"]
    assert complete(shell, "imajin run --theme da") == ["dark"]
    assert "sidecar" in complete(shell, "imajin schema ")
    assert complete(shell, "imajin run --skip sem") == ["semantic"]
    assert complete(shell, "imajin run --from out") == ["output"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_long_help_is_one_answer(shell):
    assert complete(shell, "imajin generate --layo") == ["--layout"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_broken_stage_or_config_spoils_no_completion(shell, work):
    (work / "imajin.yaml").write_text("nonsense: [\n")
    assert complete(shell, "imajin gen") == ["generate"]
    assert complete(shell, "imajin broken --") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shells_script_calls_imajin_back(shell):
    done = subprocess.run(
        [sys.executable, "-m", "imajin_cli"],
        env=environment(_IMAJIN_COMPLETE=f"source_{shell}"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"complete_{shell}" in done.stdout
    assert "imajin" in done.stdout


@pytest.fixture
def program(work: Path) -> dict[str, str]:
    """The environment of a shell on whose PATH there is an `imajin`."""
    (work / "bin").mkdir()
    script = work / "bin" / "imajin"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m imajin_cli "$@"\n')
    script.chmod(0o755)
    return environment(PATH=f"{work / 'bin'}{os.pathsep}{os.environ['PATH']}")


def bash(script: str, env: dict[str, str]) -> str:
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["imajin", "gen"], ["generate"]), (["imajin", "generate", "--theme", "da"], ["dark"])],
)
def test_bash_completes_for_real(program, words, expected):
    script = (
        'eval "$(_IMAJIN_COMPLETE=source_bash imajin)"\n'
        "[[ $(complete -p imajin) == *'-F _imajin_completion imajin' ]] || exit 1\n"
        f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}\n"
        "_imajin_completion imajin\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    assert bash(script, program).splitlines() == expected


def test_completion_can_be_installed(program, tmp_path):
    told = bash("imajin --install-completion; true", program)
    assert "bash completion installed" in told
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert any("_IMAJIN_COMPLETE=complete_bash" in path.read_text() for path in written)
