"""`imajin calibrate`: thresholds and error rates of a gate's score, from pictures that a person has labelled."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from imajin_cli.calibration.filing import place_of, write_file
from imajin_cli.calibration.fit import Side, calibration, fitted
from imajin_cli.calibration.measure import measured
from imajin_cli.calibration.samples import labels_of, read_samples
from imajin_cli.config.layers import Settings, load_settings
from imajin_cli.contract.calibration import ANY, Calibration, Rate
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Stage
from imajin_cli.options import scalar_of
from imajin_cli.run.bind import bind
from imajin_cli.run.execute import Bound
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report, reported, show_json
from imajin_cli.stagecommand import AsJson, Assign, Preset, Quiet, assigned

_OPTION = {"show_default": False}


def _body(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with pass/ and fail/ in it, or a .csv or .jsonl of file, label, class, prompt.",
        ),
    ],
    stage: Annotated[
        str, typer.Option("--stage", metavar="GATE", help="The gate whose score it is. [semantic]")
    ] = "semantic",
    score: Annotated[
        str | None,
        typer.Option("--score", metavar="NAME", help="The score; by default the one that the gate calibrates."),
    ] = None,
    asset_class: Annotated[
        str, typer.Option("--asset-class", metavar="CLASS", help="Whose threshold it is, such as icon or photo. [any]")
    ] = ANY,
    target: Annotated[
        float,
        typer.Option(
            "--target-false-reject", metavar="X", min=0, max=0.999, help="Share of good pictures to lose. [0.02]"
        ),
    ] = 0.02,
    reject: Annotated[
        str | None,
        typer.Option("--reject", metavar="below|above", help="Where bad pictures score; by default the gate's side."),
    ] = None,
    write: Annotated[
        str | None,
        typer.Option("--write", metavar="FILE", help="Keep it in a calibration file: project, user, or a path."),
    ] = None,
    assign: Assign = None,
    preset: Preset = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a gate's threshold, and what it does, from labelled pictures."""
    report = Report("calibrate", quiet=quiet)
    wanted = _Wanted(stage, score, asset_class, target, reject, write)
    raise typer.Exit(reported(report, lambda: _calibrate(Path(source), wanted, assign or [], preset, report, as_json)))


class _Wanted:
    """What was asked for, checked. Raises UsageError."""

    def __init__(
        self, stage: str, score: str | None, asset_class: str, target: float, reject: str | None, write: str | None
    ) -> None:
        self.stage, self.score, self.asset_class, self.target, self.write = stage, score, asset_class, target, write
        self.reject: Literal["below", "above"] | None = None
        if reject is not None:
            if reject not in ("below", "above"):
                raise UsageError(f"--reject {reject[:40]}: write below or above")
            self.reject = "below" if reject == "below" else "above"

    def score_of(self, stage: Stage[Any]) -> str:
        """The score, by default the only one that the stage reads a threshold for."""
        if self.score is not None:
            return self.score
        if len(stage.calibrates) != 1:
            known = f"{self.stage} calibrates {', '.join(sorted(stage.calibrates)) or 'none by itself'}"
            raise UsageError("--score is needed", hint=known)
        return next(iter(stage.calibrates))


def _calibrate(
    source: Path, wanted: _Wanted, assign: list[str], preset: str | None, report: Report, as_json: bool
) -> Exit:
    bound = _bound(wanted, assign, preset)
    score = wanted.score_of(bound.stage)
    revision = bound.stage.model_revision(score)
    if wanted.write is not None and (score not in bound.stage.calibrates or revision is None):
        raise UsageError(
            f"{wanted.stage} reads no threshold for {score} from a file",
            hint="leave --write out, and set its parameter",
        )
    samples = read_samples(source, wanted.asset_class)
    good, bad = labels_of(samples)
    report.say(f"{good} pictures are to pass and {bad} to fail: {score} by {wanted.stage}")
    scored, own = measured(bound, score, samples, report.say)
    side: Side = wanted.reject or own or "below"
    made = calibration(
        fitted(scored, side, wanted.target),
        (wanted.stage, score, wanted.asset_class),
        revision or f"version {bound.stage.version}",
        side,
        wanted.target,
    )
    if made.passes + made.fails < len(scored):
        report.say(f"{len(scored) - made.passes - made.fails} pictures stand there twice, and count once")
    if made.passes * wanted.target < 1:
        report.say(f"{made.passes} good pictures are too few to aim at {wanted.target:g}: none of them is rejected")
    if as_json:
        show_json(made.model_dump(mode="json", exclude_none=True) | {"digest": made.digest()})
    else:
        write_out(("\n".join(map(printable, table(made))) + "\n").encode())
    if wanted.write is not None:
        _keep(made, wanted.write, report)
    return Exit.OK


def _bound(wanted: _Wanted, assign: list[str], preset: str | None) -> Bound:
    """The gate with its params, an earlier calibration left out: it may be for a revision that is gone."""
    flags = assigned(assign)
    settings = load_settings(preset)
    own = {key: value for key, value in settings.sections.get(wanted.stage, {}).items() if key != "calibration"}
    settings = Settings({**settings.sections, wanted.stage: own}, settings.preset, settings.sources)
    bound = bind(wanted.stage, settings, flags)
    classes = bound.stage.asset_classes
    if classes and wanted.asset_class not in (ANY, *classes):
        raise UsageError(
            f"{wanted.stage} knows no class {wanted.asset_class[:40]!r}", hint=f"there are: {ANY}, {', '.join(classes)}"
        )
    field = type(bound.stage.params).model_fields.get("asset_class")
    if field is None or wanted.asset_class not in scalar_of(field.annotation).choices:
        # A class that the gate finds by the pixels, and that nobody asks for.
        return bound
    asked = {**flags.get(wanted.stage, {}), "asset_class": wanted.asset_class}
    return bind(wanted.stage, settings, {**flags, wanted.stage: asked})


def _keep(made: Calibration, where: str, report: Report) -> None:
    path = place_of(where)
    dated = made.model_copy(update={"made": datetime.datetime.now(datetime.UTC).date().isoformat()})
    if write_file(path, dated):
        report.say(f"written: {path}; `{made.stage}: {{calibration: {path}}}` in a config file makes the gate use it")
    else:
        report.say(f"{path}: holds this calibration already")


def table(made: Calibration) -> list[str]:
    """The calibration for a person. Rates are by cross-validation, intervals 95 %."""
    sign = "<" if made.reject == "below" else ">="
    return [
        f"{made.stage} {made.score}, {made.asset_class} pictures, revision {made.revision}",
        f"  labelled pass / fail    {made.passes} / {made.fails}",
        f"  rejected where          {made.score} {sign} {made.threshold:.5g}",
        f"  good pictures rejected  {_percent(made.false_reject)}  (aim: {made.target_false_reject:.2%})",
        f"  bad pictures rejected   {_percent(made.caught)}",
        f"  area under the ROC      {made.auc.value:.4f}  [{made.auc.low:.4f}, {made.auc.high:.4f}]",
    ]


def _percent(rate: Rate) -> str:
    return f"{rate.value:.2%}  [{rate.low:.2%}, {rate.high:.2%}]"


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("calibrate")(_body)
calibrate = typer.main.get_command(_app)
