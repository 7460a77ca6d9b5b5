"""imajin from Python: what ``import imajin_cli`` offers, loaded when it is first used.

Everything runs in the calling process, over the same stages, settings, files and leases as the command line. Calls of several
threads wait for one another. Nothing is printed; what a person would read goes to the logger "imajin".
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from imajin_cli.config.presets import preset_names, preset_summary
from imajin_cli.contract.errors import (
    BackendError,
    ImajinError,
    InputError,
    MissingError,
    NoCapacityError,
    NoVerdictError,
    OutputError,
    RejectedError,
    UsageError,
)
from imajin_cli.contract.events import EVENT, Event
from imajin_cli.contract.exits import MEANING, Exit, most_serious
from imajin_cli.contract.sidecar import EVENTS_VERSION, Request, Sidecar
from imajin_cli.contract.stage import Kind
from imajin_cli.registry import STAGES, TOOLS, load
from imajin_cli.run.execute import Result as _StageResult
from imajin_cli.run.pipeline import RunOptions, run_reported
from imajin_cli.run.report import Report
from imajin_cli.run.sidecars import read_sidecar as _read_sidecar
from imajin_cli.run.sidecars import sidecar_path

__all__ = [
    "Asset", "BackendError", "Event", "Exit", "ImajinError", "InputError", "MissingError", "NoCapacityError",
    "NoVerdictError", "OutputError", "Preset", "Provenance", "RejectedError", "Request", "Result", "Sidecar", "UsageError",
    "generate", "judge", "list_presets", "make", "moderate", "read_sidecar", "verify_provenance",
]  # fmt: skip

PathLike = str | os.PathLike[str]
Settings = Mapping[str, Mapping[str, Any]]
_log = logging.getLogger("imajin")
# Leases, listeners and loaded models are the process's.
_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class Asset:
    """One picture that came out of a call.

    ``path`` is its file, None where nothing was kept; an address (s3://…) is in ``place``. ``status`` is how the last stage
    ended, ``by`` which stage that was, ``code`` the exit code that it stands for, ``reason`` why it was not passed on.
    """

    id: str
    place: str | None
    status: Literal["passed", "changed", "rejected", "skipped", "error"]
    by: str
    code: Exit
    reason: str | None
    sidecar: Sidecar

    @property
    def path(self) -> Path | None:
        """Its file; None where there is none on this machine."""
        return None if self.place is None or "://" in self.place else Path(self.place)


@dataclass(frozen=True)
class Result:
    """What came of a call: the assets that passed, those that a gate rejected, and what failed on the way.

    ``code`` is the exit code that the command line would have ended with.
    """

    assets: tuple[Asset, ...]
    rejected: tuple[Asset, ...]
    failures: tuple[ImajinError, ...]
    code: Exit

    @property
    def ok(self) -> bool:
        """Whether everything passed."""
        return self.code is Exit.OK

    @property
    def meaning(self) -> str:
        """What ``code`` means."""
        return MEANING[self.code]

    def check(self) -> Result:
        """The same result, where all is well. Raises the first failure, else RejectedError with ``code`` and the first reason."""
        if self.failures:
            raise self.failures[0]
        if not self.ok:
            why = next((asset.reason for asset in self.rejected if asset.reason), self.meaning)
            raise RejectedError(why, code=self.code)
        return self


@dataclass(frozen=True)
class Preset:
    """A named set of settings: ``name`` as `make` takes it, what it ``makes``, and the YAML file that it is."""

    name: str
    makes: str
    file: Path


@dataclass(frozen=True)
class Provenance:
    """What a file's Content Credentials (C2PA 2) come to.

    ``status``: trusted (signed, whole, of a signer below the given roots), valid (the same, no roots were given), untrusted
    (whole, of another signer), tampered, gone. ``where`` the manifest was, ``signer`` its issuer, ``source_type`` the last
    part of the IPTC digital source type, ``failures`` the validation's codes.
    """

    status: Literal["trusted", "valid", "untrusted", "tampered", "gone"]
    where: Literal["inside", "beside"] | None
    signer: str | None
    source_type: str | None
    failures: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the file is what was signed, by a signer that is trusted where roots were given."""
        return self.status in ("trusted", "valid")


def make(
    request: str | Request,
    *,
    out: PathLike = "dist",
    best: int | None = None,
    until_pass: bool = False,
    settings: Settings | None = None,
    force: bool = False,
    work: PathLike | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Result:
    """Make pictures from a prompt, hold them to every gate, and publish what passed into the folder ``out``.

    A `Request` says more than a prompt: sizes ("WIDTHxHEIGHT", pixels), seed, count of candidates, headline, caption, preset.
    ``best`` keeps so many of its candidates; with ``until_pass`` candidates are drawn until ``count`` have passed.
    ``settings`` are parameters by stage, as in a config file: ``{"generate": {"theme": "dark"}}``. Pictures that are not
    published go to ``work``, by default .imajin/work. ``on_event`` is told of every event as it happens; what it raises ends
    the work. A prompt is never read as a file's name.

    Rejections are in the result. Raises UsageError for wrong settings, MissingError where a model is not there,
    NoCapacityError where no device has room, OutputError where nothing can be written.
    """
    flags = _flags(settings, _asked(request))
    flags.setdefault("output", {}).setdefault("to", os.fspath(out))
    flags.setdefault("run", {}).update(
        {"until_pass": until_pass} if best is None else {"until_pass": until_pass, "best": best}
    )
    return _run([], flags, _options(request, force, work), on_event)


def generate(
    request: str | Request,
    *,
    settings: Settings | None = None,
    force: bool = False,
    work: PathLike | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Result:
    """Make pictures and judge nothing but the request: PNG files with sidecars in ``work``, by default .imajin/work.

    One for each candidate and ratio. No gate has looked at them: `judge` does. Arguments and errors as for `make`.
    """
    flags = _flags(settings, _asked(request))
    flags.setdefault("run", {})["until"] = "generate"
    return _run([], flags, _options(request, force, work), on_event)


def judge(
    files: Iterable[PathLike],
    *,
    gates: Sequence[str] = ("moderate", "aesthetic", "quality"),
    settings: Settings | None = None,
    force: bool = False,
    on_event: Callable[[Event], object] | None = None,
) -> Result:
    """Hold pictures to gates (stage names), in the order of the stages. Each verdict is appended to the picture's sidecar.

    A picture that one gate rejects is not shown to the next. Scores and their thresholds are in the sidecars' records, whose
    units are given there. Raises UsageError for what is no gate or where there is no file.
    """
    given = [os.fspath(file) for file in files]
    if not given:
        raise UsageError("there are no pictures to judge")
    for name in gates:
        if name not in STAGES or load(STAGES[name].target).kind is not Kind.GATE:
            raise UsageError(f"{name!r} is no gate")
    names = [name for name in STAGES if name in gates]
    if not names:
        raise UsageError("there are no gates to judge by")
    every = list(STAGES)
    between = every[every.index(names[0]) : every.index(names[-1])]
    flags = _flags(settings, {})
    run = {"start": names[0], "until": names[-1], "skip": [name for name in between if name not in names]}
    flags.setdefault("run", {}).update(run)
    results = [
        _run([file], flags, RunOptions(force=force, quiet=True, embedded=True), on_event) for file in map(_named, given)
    ]
    return Result(
        tuple(asset for result in results for asset in result.assets),
        tuple(asset for result in results for asset in result.rejected),
        tuple(failure for result in results for failure in result.failures),
        most_serious(result.code for result in results),
    )


def moderate(files: Iterable[PathLike], *, settings: Settings | None = None) -> Result:
    """Judge whether pictures are safe to publish. A file that cannot be judged is rejected with 22, never passed."""
    return judge(files, gates=("moderate",), settings=settings)


def read_sidecar(path: PathLike) -> Sidecar:
    """The sidecar of a picture or a request, or the one at ``path`` itself. Raises InputError where there is none of ours."""
    place = Path(path)
    target = place if place.suffix == ".json" else sidecar_path(place)
    known = _read_sidecar(target)
    if known is None:
        raise InputError(f"{target}: no such sidecar")
    return known


def verify_provenance(path: PathLike, *, trust: PathLike | None = None) -> Provenance:
    """Check a file's Content Credentials, inside it or beside it as NAME.c2pa. Nothing is asked of the network.

    ``trust`` is a PEM file of the roots that signers must come from. Raises InputError for what cannot be read.
    """
    from imajin_cli.commands.provenance import verified

    anchors = load(TOOLS["read-pem"])(os.fspath(trust), "the trusted certificates") if trust is not None else None
    told = verified(Path(path), anchors)
    return Provenance(
        told["status"], told["where"], told.get("signer"), told.get("source_type"), tuple(told["failures"])
    )


def list_presets() -> tuple[Preset, ...]:
    """Every preset: ours, the user's and those of the working folder, by name."""
    return tuple(Preset(name, preset_summary(path), path) for name, path in preset_names().items())


class _Collected(Report):
    """A report that keeps what it is told for the caller, and prints nothing."""

    def __init__(self, on_event: Callable[[Event], object] | None) -> None:
        super().__init__("run", events=on_event is not None)
        self._on_event = on_event
        self.passed_assets: list[Asset] = []
        self.rejected_assets: list[Asset] = []
        self.failures: list[ImajinError] = []

    def result(self, result: _StageResult, *, show: bool) -> None:  # noqa: ARG002 (the base's signature)
        """Keep one result."""
        self.count(result)
        status: Any = result.status
        known = result.entry.sidecar
        by = result.stage or self.stage
        asset = Asset(known.id, result.entry.place, status, by, result.code, result.reason, known)
        (self.passed_assets if result.passed else self.rejected_assets).append(asset)
        if self.as_json:
            self.event("asset" if result.passed else "rejected", **self._described(result))

    def event(self, event: str, **fields: Any) -> None:
        """Hand on one event."""
        if self._on_event is not None:
            self._on_event(
                EVENT.validate_python({"imajin": EVENTS_VERSION, "event": event, "stage": self.stage, **fields})
            )

    def error(self, error: ImajinError) -> None:
        """Keep an error; the work goes on."""
        self.errors.append(error.code)
        self.failures.append(error)
        if self.as_json:
            self.event("error", code=int(error.code), message=error.message, hint=error.hint)

    def say(self, text: str) -> None:
        """Log a line."""
        _log.info("%s", text)

    def insist(self, text: str) -> None:
        """Log a line that matters."""
        _log.warning("%s", text)


def _run(
    arguments: Sequence[str], flags: Settings, options: RunOptions, on_event: Callable[[Event], object] | None
) -> Result:
    report = _Collected(on_event)
    with _one_at_a_time:
        code = run_reported(arguments, flags, options, report)
    return Result(tuple(report.passed_assets), tuple(report.rejected_assets), tuple(report.failures), code)


def _asked(request: str | Request) -> dict[str, Any]:
    """The request's settings: what was said of it, and not its defaults, which are a preset's to give."""
    if isinstance(request, str):
        return {"prompt": request}
    given = request.model_dump(include=request.model_fields_set - {"preset"})
    # A preset has a prompt of its own.
    return given if given.get("prompt") else {key: value for key, value in given.items() if key != "prompt"}


def _flags(settings: Settings | None, asked: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    flags = {section: dict(values) for section, values in (settings or {}).items()}
    flags.setdefault("request", {}).update(asked)
    return flags


def _options(request: str | Request, force: bool, work: PathLike | None) -> RunOptions:
    preset = None if isinstance(request, str) else request.preset
    folder = None if work is None else os.fspath(work)
    return RunOptions(preset=preset, force=force, quiet=True, out_dir=folder, embedded=True)


def _named(file: str) -> str:
    """A file's name as an argument: "-" alone would be standard input."""
    return f"./{file}" if file.startswith("-") else file
