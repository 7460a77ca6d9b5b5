"""Completion in zsh and fish as a person meets it: real shells, the tab key (tools/validators brings the shells)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import environment

pytestmark = pytest.mark.slow
TYPED = r"""
zmodload zsh/zpty
zpty z "TERM=dumb PS1= zsh -f -i"
zpty -w z "autoload -Uz compinit; compinit -u -D; source $SCRIPT; echo READY"
until [[ $seen == *READY*READY* ]]; do zpty -r z piece && seen+=$piece; done
zpty -n -w z $'imajin gene\t'; sleep ${WAIT}
zpty -n -w z $'--backend comp\t'; sleep ${WAIT}
zpty -w z $'\C-a: \C-e'
zpty -w z "exit"; sleep .5
while zpty -r z piece; do print -r -- "$piece"; done
"""


def shell(*command: str, **extra: str) -> str:
    """Run ``command`` with this environment's imajin first on the path; return its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, env=environment(PATH=path, **extra), capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fish_completes_stages_options_presets_and_backends(tmp_path: Path) -> None:
    lines = ("imajin gene", "imajin run --pres", "imajin run x --preset offl", "imajin generate --backend ")
    asked = "".join(f'complete -C "{line}"; echo; ' for line in lines)
    script = f'imajin --show-completion > "{tmp_path}/c.fish"; source "{tmp_path}/c.fish"; {asked}'
    said = shell("fish", "--no-config", "-c", script)
    for word in ("generate\t", "--preset\t", "offline\n", "compose\n"):
        assert word in said, (word, said)


def test_zsh_completes_at_the_tab_key(tmp_path: Path) -> None:
    script = tmp_path / "_imajin"
    shell("zsh", "-f", "-c", f'imajin --show-completion > "{script}"; true')
    assert script.read_text(encoding="utf-8").startswith("#compdef imajin")
    said = shell("zsh", "-f", "-c", TYPED, SCRIPT=str(script), WAIT="5")
    assert "generate" in said, said
    assert "compose" in said, said
