"""One stage over a stream of assets: what every stage's subcommand does."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imajin_cli.config.layers import Settings, load_settings
from imajin_cli.contract.errors import ImajinError, InputError, MissingError, OutputError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Kind
from imajin_cli.run import streams
from imajin_cli.run.assets import Entry, request_entry
from imajin_cli.run.bind import Flags, bind, request_params
from imajin_cli.run.execute import Bound, Keeper, Memory, Result, process
from imajin_cli.run.inputs import names
from imajin_cli.run.publish import Publisher
from imajin_cli.run.ranking import keep_best
from imajin_cli.run.report import Report
from imajin_cli.run.store import Store


@dataclass(frozen=True)
class Common:
    """The options that every stage's subcommand has."""

    preset: str | None = None
    null: bool = False
    as_json: bool = False
    keep_rejected: bool = False
    out_dir: str | None = None
    force: bool = False
    expect: int | None = None
    best: int | None = None
    allow_empty: bool = False
    quiet: bool = False


def run_stage(name: str, arguments: Sequence[str], flags: Flags, common: Common) -> Exit:
    """Run stage ``name`` over what it is given, print each asset that passes, and give the exit code."""
    settings = load_settings(common.preset)
    bound = bind(name, settings, flags, force=common.force)
    if arguments and arguments[-1] == "-":
        return _as_bytes(bound, arguments[:-1], settings, flags, common)
    report = Report(name, as_json=common.as_json, null=common.null, quiet=common.quiet)
    store = Store(Path(common.out_dir) if common.out_dir else None, warn=report.say)
    worker = Worker(bound, store, report)
    results: Iterable[Result] = worker.results(_entries(bound, arguments, settings, flags, common, store, report))
    if common.best is not None and bound.stage.ranks:
        results = keep_best(results, common.best)
    for result in results:
        report.result(result, show=common.keep_rejected)
    return report.finish(expect=common.best or common.expect, empty=worker.seen == 0 and not common.allow_empty)


class Worker:
    """Runs one stage on entry after entry. A failing asset is left out; a missing model or a full disk ends it."""

    def __init__(self, bound: Bound, keeper: Keeper, report: Report) -> None:
        self.bound = bound
        self.keeper = keeper
        self.report = report
        self.seen = 0
        self._publisher = publisher_of(bound)

    def results(self, entries: Iterable[Entry]) -> Iterator[Result]:
        """The results of all entries, each as soon as it is there."""
        # What is loaded by now stays: without this, the collector walks all of it again for every few images.
        gc.freeze()
        for entry in entries:
            self.seen += 1
            try:
                yield from self._one(entry)
            except (MissingError, OutputError):
                raise
            except ImajinError as error:
                self.report.error(error)

    def _one(self, entry: Entry) -> Iterator[Result]:
        if self._publisher is not None:
            yield self._publisher.publish(self.bound, entry)
        else:
            yield from process(self.bound, entry, self.keeper)


def publisher_of(bound: Bound) -> Publisher | None:
    """The publisher that a sink needs, None for other stages."""
    return Publisher(Path(bound.stage.params.to)) if bound.stage.kind is Kind.SINK else None


def _entries(
    bound: Bound,
    arguments: Sequence[str],
    settings: Settings,
    flags: Flags,
    common: Common,
    store: Store,
    report: Report,
) -> Iterator[Entry]:
    piped = sys.stdin is not None and not sys.stdin.isatty()
    own_prompt = not arguments and settings.preset is not None and not piped
    if bound.stage.takes_request and (own_prompt or (arguments and not _are_files(arguments))):
        yield prompt_entry(arguments, settings, flags)
        return
    for name in names(arguments, null=common.null):
        try:
            yield store.open(name, raw=bound.stage.reads_raw)
        except ImajinError as error:
            report.error(error)


def _are_files(arguments: Sequence[str]) -> bool:
    return all(argument.endswith((".json", ".png")) or os.path.isfile(argument) for argument in arguments)


def prompt_entry(arguments: Sequence[str], settings: Settings, flags: Flags) -> Entry:
    """The request that a prompt on the command line, or the preset's own, stands for. Raises UsageError for several."""
    if len(arguments) > 1:
        raise UsageError(f"{len(arguments)} prompts were given", hint='put the prompt in quotes: "a lost robot"')
    prompt = arguments[0] if arguments else None
    request = request_params(settings, flags).params.request(prompt, settings.preset)
    # One preset serves many prompts: its name stands for its own prompt alone.
    return request_entry(request, request.prompt if prompt is not None or settings.preset is None else settings.preset)


def _as_bytes(bound: Bound, arguments: Sequence[str], settings: Settings, flags: Flags, common: Common) -> Exit:
    """`-`: a picture's bytes in on standard input, PNG bytes out on standard output, the sidecar inside them."""
    if common.as_json:
        raise UsageError("--json and - both want standard output", hint="leave one out")
    report = Report(bound.name, quiet=common.quiet)
    makes = bound.stage.takes_request and bound.stage.kind is Kind.SOURCE
    if arguments and not bound.stage.takes_request:
        raise UsageError("- stands alone: it reads the one picture that standard input holds")
    entry = (
        prompt_entry(arguments, settings, flags)
        if arguments
        else streams.read_entry(sys.stdin.buffer, bound, report.say)
    )
    if makes and entry.sidecar.request is not None and entry.sidecar.request.count > 1:
        raise UsageError("- writes one picture", hint="leave -n out")
    results = list(Worker(bound, Memory(), report).results([entry]))
    if len(results) > 1:
        raise UsageError(
            f"- writes one picture, and {len(results)} sizes of other ratios were asked for", hint="ask for one --size"
        )
    for result in results:
        if not result.passed or bound.stage.kind is Kind.SINK:
            report.result(result, show=False)
        else:
            _emit(result, report)
    return report.finish()


def _emit(result: Result, report: Report) -> None:
    if result.entry.asset.picture is None:
        raise InputError("- carries a picture, and there is none yet", hint="write request files instead: leave - out")
    report.passed += 1
    streams.write_entry(result.entry)
