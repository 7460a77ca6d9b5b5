"""`imajin classify`: what a request in plain words asks for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from imajin_cli.asking.options import AskingParams
from imajin_cli.contract.classification import UNSAID, Classification, Guess
from imajin_cli.contract.exits import Exit
from imajin_cli.options import options_of, split
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import show_json
from imajin_cli.stagecommand import Assign, Preset, assign_over, make_command

HELP = """Say what a request in plain words asks for.

Kind, style, theme, preset, layout, sizes, subjects, mood, words to set and pictures it names, each with a reason and how sure.
By meaning, in any of the embedder's languages. What the prompt policy refuses is refused (10).
"""
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="What you want, in quotes.", show_default=False)]
AsDocument = Annotated[
    bool, typer.Option("--json", help="Print JSON; `imajin schema classification` has its schema.", show_default=False)
]


def _body(**given: Any) -> None:
    from imajin_cli.asking.classified import classified
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve

    flags = split(given)
    assign_over(flags, given["assign"] or [])
    settings = load_settings(given["preset"])
    params = resolve("asking", AskingParams, settings, flags.get("asking", {})).params
    found = classified(given["request"], settings, flags, params)
    if given["as_json"]:
        show_json(found.model_dump(mode="json"))
    else:
        write_out(("\n".join(map(printable, described(found))) + "\n").encode())
    raise typer.Exit(Exit.OK)


def described(found: Classification) -> Iterator[str]:
    """A classification for a person, a line an answer."""
    for name in ("kind", "operation", "style", "theme", "maturity", "language", "preset", "layout", "size_family"):
        guess: Guess = getattr(found, name)
        if guess.value not in (UNSAID, "") or name == "kind":
            yield _line(name.replace("_", " "), guess.value, guess.probability, guess.reason)
    if found.sizes:
        yield f"{'sizes':<12} {', '.join(found.sizes)}"
    if found.count.value:
        yield _line("count", str(found.count.value), found.count.probability, found.count.reason)
    for subject in found.subjects:
        words = f'"{subject.words}"' if subject.words else "by meaning"
        yield _line("subject", f"{subject.name} ({subject.kind})", subject.probability, words)
    for keyword in found.keywords:
        yield _line("feels", keyword.word, keyword.probability, keyword.reason)
    if found.colours:
        yield f"{'colours':<12} {', '.join(found.colours)}"
    if found.text is not None:
        yield _line("text", f'"{found.text.value}"', found.text.probability, found.text.reason)
    for reference in found.references:
        yield f"{'reference':<12} {reference.value} ({reference.kind})"
    yield f"{'by':<12} {found.by}"


def _line(name: str, value: str, sure: float, reason: str) -> str:
    return f"{name:<12} {value:<28} {sure:.2f}  {reason}"


def _parameters() -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: list[tuple[str, Any, Any]] = [
        ("preset", Preset, None),
        ("assign", Assign, None),
        ("as_json", AsDocument, False),
    ]
    return [
        inspect.Parameter("request", keyword, annotation=Request),
        *options_of(AskingParams, "asking"),
        *(
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, annotation, default in own
        ),
    ]


classify = make_command("classify", _body, _parameters(), HELP)
