"""Manual pages: of every command, with all of its options, and such that man reads them without a complaint."""

from __future__ import annotations

import subprocess

import pytest

from imajin_cli import registry
from imajin_cli.contract.exits import MEANING
from imajin_cli.manual import page, pages
from test_help import commands


@pytest.mark.parametrize("name", [*registry.STAGES, *registry.COMMANDS])
def test_a_page_holds_every_option_of_its_command(name):
    text = page(name)
    for called, command in commands().items():
        if called == name or called.startswith(f"{name} "):
            for parameter in command.params:
                if parameter.param_type_name == "option":
                    for flag in (*parameter.opts, *parameter.secondary_opts):
                        assert flag.replace("-", "\\-") in text, (called, flag)


def test_the_first_page_names_every_command_and_exit_code():
    text = page("")
    for name in (*registry.STAGES, *registry.COMMANDS):
        assert f".BR imajin\\-{name.replace('-', chr(92) + '-')} (1)" in text
    for code in MEANING:
        assert f".B {int(code)}\n" in text


def test_no_line_of_text_is_taken_for_a_request():
    known = {"TH", "SH", "SS", "TP", "PP", "B", "I", "BR", "br"}
    for name, text in pages().items():
        for line in text.splitlines():
            assert not line.startswith("'"), (name, line)
            if line.startswith("."):
                assert line[1:].split()[0] in known, (name, line)


def test_pages_are_printed_and_installed(cli, work):
    shown = cli("man", "run")
    assert shown.returncode == 0
    assert shown.stdout.decode() == page("run")
    done = cli("man", "--install", XDG_DATA_HOME=str(work / "share"))
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (work / "share/man/man1").iterdir()}
    assert names == {f"imajin-{name}.1" for name in (*registry.STAGES, *registry.COMMANDS)} | {"imajin.1"}
    assert cli("man", "rum").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("check", [("groff", "-man", "-Tutf8", "-ww", "-z"), ("mandoc", "-Tlint", "-Wwarning")])
def test_other_programs_find_nothing_wrong(check, work):
    for name, text in pages().items():
        (work / name).write_text(text)
    done = subprocess.run([*check, *sorted(pages())], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0
