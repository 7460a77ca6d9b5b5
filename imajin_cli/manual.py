"""Manual pages, made from the commands themselves: imajin(1), and imajin-COMMAND(1) for each command and stage.

Text in the macros of man(7), which groff and mandoc both read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer

import imajin_cli
from imajin_cli import __version__
from imajin_cli.contract.exits import MEANING
from imajin_cli.registry import COMMANDS, STAGES, load

_GROUPS = (("STAGES", STAGES), ("COMMANDS", COMMANDS))


def pages() -> dict[str, str]:
    """Every page by its file's name ("imajin-run.1"). Imports every command."""
    return {f"{_title(name)}.1": page(name) for name in ("", *STAGES, *COMMANDS)}


def page(name: str) -> str:
    """The page of the command ``name``, of imajin itself for "". Raises KeyError for a name that is none."""
    lines = list(_overview() if name == "" else _of_command(name))
    text = "\n".join(line for line in lines if line) + "\n"
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)


@cache
def _command(name: str) -> Any:
    if name in STAGES:
        from imajin_cli.stagecommand import command_for

        return command_for(name, STAGES[name].summary)
    target = load(COMMANDS[name].target)
    return typer.main.get_command(target) if isinstance(target, typer.Typer) else target


def _title(name: str) -> str:
    return f"imajin-{name}" if name else "imajin"


def _head(name: str, summary: str) -> Iterator[str]:
    title = _title(name)
    yield f'.TH {_word(title.upper())} 1 "{_date()}" "imajin {_word(__version__)}" "imajin manual"'
    yield ".SH NAME"
    yield f"{_word(title)} \\- {_text(summary[:1].lower() + summary[1:].rstrip('.'))}"


@cache
def _date() -> str:
    """When this version came onto this machine: the same pages by the same installation."""
    return time.strftime("%Y-%m-%d", time.gmtime(Path(str(imajin_cli.__file__)).stat().st_mtime))


def _overview() -> Iterator[str]:
    yield from _head("", "Make UI asset pictures, and prove that each is fit to publish.")
    yield ".SH SYNOPSIS"
    yield ".B imajin"
    yield ".I COMMAND"
    yield r"[\fIOPTION\fR]... [\fIARGUMENT\fR]..."
    yield ".SH DESCRIPTION"
    yield from _paragraphs(
        "A picture goes through stages; each is a command that reads names of pictures and prints the name of each as soon "
        "as it is finished, so that they make a pipe. imajin run is all of them in one process, imajin batch many such runs "
        "out of a file.\n\nStandard output carries names alone, or JSON lines with --json; the rest is on standard error."
    )
    for title, table in _GROUPS:
        yield f".SH {title}"
        for name, entry in table.items():
            yield ".TP"
            yield f".BR {_word(_title(name))} (1)"
            yield _text(entry.summary)
    yield from _exits()
    yield from _files()


def _of_command(name: str) -> Iterator[str]:
    entry: Mapping[str, Any] = {**STAGES, **COMMANDS}
    command = _command(name)
    yield from _head(name, entry[name].summary)
    yield ".SH SYNOPSIS"
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    for at, (sub, one) in enumerate(inner.items() or [("", command)]):
        yield ".br" if at else ""
        yield from _synopsis(f"{name} {sub}".strip(), one)
    yield ".SH DESCRIPTION"
    yield from _paragraphs(command.help or entry[name].summary)
    if inner:
        yield ".SH COMMANDS"
        for sub, one in inner.items():
            yield f".SS {_word(f'imajin {name} {sub}')}"
            yield from _paragraphs(one.help or "")
            yield from _params(one)
    else:
        yield ".SH OPTIONS"
        yield from _params(command)
    yield from _exits()
    yield ".SH SEE ALSO"
    yield ".BR imajin (1)"


def _synopsis(name: str, command: Any) -> Iterator[str]:
    yield f".B imajin {_word(name)}"
    arguments = [one.metavar or one.name.upper() for one in _arguments(command)]
    yield " ".join([r"[\fIOPTION\fR]...", *map(_text, arguments)])


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _params(command: Any) -> Iterator[str]:
    for one in [*_arguments(command), *(one for one in command.params if one.param_type_name == "option")]:
        yield ".TP"
        if one.param_type_name == "argument":
            yield f".I {_quoted(one.metavar or one.name.upper())}"
        else:
            yield _flags(one)
        yield _text(one.help or "")


def _flags(option: Any) -> str:
    names = [rf"\fB{_word(flag)}\fR" for flag in (*option.opts, *option.secondary_opts)]
    value = "" if option.is_flag else rf" \fI{_word(option.metavar or 'VALUE')}\fR"
    return ", ".join(names) + value


def _exits() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in MEANING.items():
        yield ".TP"
        yield f".B {int(code)}"
        yield _text(meaning)


def _files() -> Iterator[str]:
    yield ".SH FILES"
    for path, what in (
        ("~/.config/imajin/config.yaml", "The user's settings; imajin config shows all of them with their origins."),
        ("imajin.yaml", "A project's settings, from the working folder upwards."),
        ("assets.yaml", "What imajin batch makes."),
        ("imajin.lock", "What each asset was made of, and the digests of its files."),
        (".imajin/", "Intermediate pictures, journals and what stages took; nothing that cannot be made again."),
    ):
        yield ".TP"
        yield f".I {_word(path)}"
        yield _text(what)


def _paragraphs(text: str) -> Iterator[str]:
    for at, part in enumerate(re.split(r"\n\s*\n", text.replace("\b\n", "").strip())):
        yield ".PP" if at else ""
        yield _text(" ".join(part.split()))


def _quoted(text: str) -> str:
    return f'"{_word(text)}"' if " " in text else _word(text)


def _word(text: str) -> str:
    """``text`` where nothing in it is a request or an escape, and hyphens are such that can be copied into a shell."""
    plain = (
        text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq").replace("`", "\\(ga")
    )
    return plain.replace("^", "\\(ha").replace("~", "\\(ti")


def _text(text: str) -> str:
    """One line of running text. Options in it keep hyphens that can be copied."""
    line = " ".join(text.split())
    plain = re.sub(r"(?<!\w)-|-(?=-)", "\0", line.replace("\\", "\\e")).replace("\0", "\\-")
    plain = plain.replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{plain}" if plain[:1] in (".", "'") else plain
