"""A stage's subcommand, made from its class: arguments, its params, the request's where it takes one, common options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.request import RequestParams
from imajin_cli.contract.stage import Kind, Stage
from imajin_cli.options import options_of, split
from imajin_cli.registry import stages
from imajin_cli.run.bind import stage_class
from imajin_cli.run.single import Common, run_stage


def complete_preset(incomplete: str) -> list[str]:
    """Preset names for the shell."""
    from imajin_cli.config.presets import preset_names

    return [name for name in preset_names() if name.startswith(incomplete)]


Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        help="Settings to start from: a preset's name, or a .yaml file.",
        autocompletion=complete_preset,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON events, a summary last.", show_default=False)]
Events = Annotated[
    bool,
    typer.Option(
        "--events",
        help="--json, and how the work goes on: started, progress, candidate, record.",
        show_default=False,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.", show_default=False)
]
Force = Annotated[
    bool, typer.Option("--force", help="Do the work again, even if its result is there.", show_default=False)
]
Expect = Annotated[
    int | None, typer.Option("--expect", min=0, help="Succeed when at least N assets pass.", show_default=False)
]
Best = Annotated[
    int | None,
    typer.Option("--best", min=1, help="Pass on the K best candidates of each group.", show_default=False),
]

Assign = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.PARAM=VALUE",
        help="Set any stage's parameter; repeat it for several.",
        show_default=False,
    ),
]

_COMMON: dict[str, tuple[Any, Any]] = {
    "preset": (Preset, None),
    "null": (
        Annotated[bool, typer.Option("-0", "--null", help="Names end in NUL, in and out.", show_default=False)],
        False,
    ),
    "as_json": (AsJson, False),
    "events": (Events, False),
    "keep_rejected": (
        Annotated[bool, typer.Option("--keep-rejected", help="Print rejected assets too.", show_default=False)],
        False,
    ),
    "out_dir": (
        Annotated[
            str | None, typer.Option("--out-dir", help="Folder for new pictures [.imajin/work].", show_default=False)
        ],
        None,
    ),
    "force": (Force, False),
    "expect": (Expect, None),
    "best": (Best, None),
    "allow_empty": (
        Annotated[bool, typer.Option("--allow-empty", help="An empty stream is no failure.", show_default=False)],
        False,
    ),
    "quiet": (Quiet, False),
}


_READ = inspect.Parameter(
    "read",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool, typer.Option("--read", help="Print what marks a file carries, and do nothing else.", show_default=False)
    ],
)


def command_for(name: str, summary: str) -> Any:
    """The Typer command of stage ``name``. Imports the stage's module. Raises UsageError for a broken one."""
    cls = stage_class(name)

    def body(**given: Any) -> None:
        arguments = given.pop("arguments") or []
        if given.pop("read", False):
            from imajin_cli.run.carrying import tell

            raise typer.Exit(tell(cls, arguments, null=given["null"], as_json=given["as_json"]))
        common = Common(**{key: given.pop(key) for key in list(given) if key in _COMMON})
        raise typer.Exit(run_stage(name, arguments, _dashed(split(given), name), common))

    parameters = [_arguments(cls), *options_of(cls.Params, "stage")]
    if cls.takes_request:
        parameters += options_of(RequestParams, "request")
    if cls.signs:
        parameters += options_of(ProvenanceParams, "provenance")
    parameters += [_READ] if cls.tells_marks else []
    parameters += _common(cls)
    return make_command(name, body, parameters, _doc(cls, summary))


def make_command(name: str, body: Callable[..., None], parameters: list[inspect.Parameter], help_text: str) -> Any:
    """A Typer command out of ``body`` and a computed signature. Typer reads both ``__signature__`` and ``__annotations__``."""
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    body.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, help=help_text)(body)
    return typer.main.get_command(app)


def assigned(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What --set gave, by section. Raises UsageError for a text that is no assignment, or to what there is not."""
    flags: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        section, key, value = _assignment(assignment)
        if flags.setdefault(section, {}).setdefault(key, value) != value:
            hint = "write one of them; several values of a list stand behind one another: a,b"
            raise UsageError(f"--set {section}.{key} is there twice, each to something else", hint=hint)
    return flags


def assign_over(flags: dict[str, dict[str, Any]], assignments: Iterable[str]) -> None:
    """Put into ``flags`` what --set gave. Raises UsageError where an option sets the same to something else."""
    for section, values in assigned(assignments).items():
        for key, value in values.items():
            if flags.setdefault(section, {}).setdefault(key, value) != value:
                raise UsageError(
                    f"--set {section}.{key} and an option set the same, each to something else", hint="leave one out"
                )


def _assignment(text: str) -> tuple[str, str, Any]:
    """("quality", "min_contrast", "3") from "quality.min-contrast=3". Raises UsageError."""
    target, equals, value = text.partition("=")
    section, dot, key = target.strip().partition(".")
    if not (equals and dot and key):
        raise UsageError(f"--set {text[:60]}: write STAGE.PARAM=VALUE, such as generate.layout=hero")
    from imajin_cli.config.layers import section_model
    from imajin_cli.config.values import from_text, known_field

    model = section_model(section)
    if model is None:
        raise UsageError(
            f"--set {text[:60]}: there is no stage {section!r}", hint=f"there are: request, {', '.join(stages())}"
        )
    name = known_field(model, key.replace("-", "_"), f"--set {section}")
    return section, name, from_text(value, model.model_fields[name].annotation)


def _dashed(sections: dict[str, dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {name if section == "stage" else section: values for section, values in sections.items()}


def _arguments(cls: type[Stage[Any]]) -> inspect.Parameter:
    metavar, text = "FILE", "Pictures; none: their names on standard input; -: one picture's bytes there."
    if cls.takes_request:
        metavar, text = (
            "PROMPT|FILE",
            "What to see, in quotes, or *.request.json files; none: names on standard input.",
        )
    annotation = Annotated[list[str] | None, typer.Argument(metavar=metavar, help=text, show_default=False)]
    return inspect.Parameter("arguments", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _common(cls: type[Stage[Any]]) -> list[inspect.Parameter]:
    left_out = {"best"} if not cls.ranks else set()
    if cls.kind is Kind.SINK:
        left_out.add("out_dir")
    return [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for key, (annotation, default) in _COMMON.items()
        if key not in left_out
    ]


def _doc(cls: type[Stage[Any]], summary: str) -> str:
    text = inspect.cleandoc(cls.__doc__) if cls.__doc__ else ""
    return text if text and not text.startswith("Stage(") else summary
