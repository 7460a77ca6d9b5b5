"""One stage over a stream of assets: what every stage's subcommand does."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imajin_cli import __version__
from imajin_cli.config.layers import Settings, load_settings
from imajin_cli.contract import steps
from imajin_cli.contract.errors import (
    ImajinError,
    InputError,
    MissingError,
    NoCapacityError,
    NoVerdictError,
    OutputError,
    UsageError,
)
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Kind
from imajin_cli.run import onway, streams
from imajin_cli.run.assets import Entry, request_entry
from imajin_cli.run.bind import Flags, bind, request_params
from imajin_cli.run.execute import Bound, Keeper, Memory, Result, process
from imajin_cli.run.inputs import are_files, names, names_are_piped
from imajin_cli.run.leasing import residence
from imajin_cli.run.maps import map_asset, steered
from imajin_cli.run.publish import Publisher
from imajin_cli.run.ranking import Ranking
from imajin_cli.run.report import Report, reported
from imajin_cli.run.shelf import shelf_of
from imajin_cli.run.store import Store
from imajin_cli.run.telling import tell_result


@dataclass(frozen=True)
class Common:
    """The options that every stage's subcommand has."""

    preset: str | None = None
    null: bool = False
    as_json: bool = False
    events: bool = False
    keep_rejected: bool = False
    out_dir: str | None = None
    force: bool = False
    expect: int | None = None
    best: int | None = None
    allow_empty: bool = False
    quiet: bool = False


def run_stage(name: str, arguments: Sequence[str], flags: Flags, common: Common) -> Exit:
    """Run stage ``name`` over what it is given, print each asset that passes, and give the exit code."""
    report = Report(name, as_json=common.as_json, events=common.events, null=common.null, quiet=common.quiet)
    try:
        return reported(report, lambda: _run_stage(name, arguments, flags, common, report))
    finally:
        residence.settle()


def _run_stage(name: str, arguments: Sequence[str], flags: Flags, common: Common, report: Report) -> Exit:
    settings = load_settings(common.preset)
    bound = bind(name, settings, flags, force=common.force)
    residence.begin(name, settings, report.say)
    steps.listen(report.step, report.say, onway.keeper(report))
    keep_loaded()
    if "-" in arguments:
        return _as_bytes(bound, arguments, settings, flags, common, report)
    store = Store(Path(common.out_dir) if common.out_dir else None, warn=report.say)
    worker = Worker(bound, store, report)
    report.every("started", version=__version__, stages=[name])
    results: Iterable[Result] = worker.results(_entries(bound, arguments, settings, flags, common, store, report))
    ranking = Ranking(common.best, report.say) if common.best is not None and bound.stage.ranks else None
    if ranking is not None:
        results = ranking.best(map(_without_picture, results))
    try:
        for result in results:
            report.result(result, show=common.keep_rejected)
    finally:
        worker.close()
    return report.finish(
        expect=common.expect,
        enough=None if ranking is None else not ranking.short(),
        empty=worker.seen == 0 and not common.allow_empty,
    )


@functools.cache
def keep_loaded() -> None:
    """What is loaded by now stays: without this, the collector walks all of it again for every few images.

    Once a process: what a later command of a long-lived one drops must be found and freed.
    """
    gc.freeze()


def _without_picture(result: Result) -> Result:
    """A result whose picture is in its file: a ranking that waits for the end of a stream holds names, not pixels."""
    if result.entry.path is None:
        return result
    return replace(result, entry=replace(result.entry, asset=replace(result.entry.asset, picture=None, raw=None)))


class Worker:
    """Runs one stage on entry after entry. A failing asset is left out; a missing model, no capacity, a full disk end it."""

    def __init__(self, bound: Bound, keeper: Keeper, report: Report) -> None:
        self.bound = bound
        self.keeper = keeper
        self.report = report
        self.seen = 0
        self._publisher = publisher_of(bound)

    def results(self, entries: Iterable[Entry]) -> Iterator[Result]:
        """The results of all entries, each as soon as it is there."""
        for entry in entries:
            self.seen += 1
            self.report.at(self.bound.name, entry)
            try:
                for result in self._one(entry):
                    tell_result(self.report, self.bound, result)
                    yield result
            except (MissingError, NoCapacityError, OutputError):
                raise
            except NoVerdictError as error:
                # A stage knows no paths, and in a stream nobody would know of which picture it speaks.
                if entry.path is not None and entry.label not in error.message:
                    error.message = f"{entry.label}: {error.message}"
                self.report.error(error)
            except ImajinError as error:
                self.report.error(error)

    def close(self) -> None:
        """End the stream: a sink brings its manifest up to date. Raises OutputError."""
        if self._publisher is not None:
            self._publisher.close()

    def _one(self, entry: Entry) -> Iterator[Result]:
        # Before, since what is published cannot be taken back, and after, since the stage may have added to it.
        self._hold_licences(entry)
        if self._publisher is None:
            for made in process(self.bound, entry, self.keeper):
                self._hold_licences(made.entry)
                yield made
            return
        result = self._publisher.publish(self.bound, entry)
        if not result.passed:
            # What was not published keeps the reason in its own sidecar.
            result = replace(result, entry=self.keeper.keep_record(entry, result.entry.sidecar.stages[-1]))
        yield result

    def _hold_licences(self, entry: Entry) -> None:
        if self.bound.policy != "any":
            from imajin_cli.models.policy import check_chain

            check_chain(entry.sidecar, self.bound.policy)


def publisher_of(bound: Bound) -> Publisher | None:
    """The publisher that a sink needs, None for other stages."""
    return Publisher(shelf_of(bound.stage.params.to)) if bound.stage.kind is Kind.SINK else None


def _entries(
    bound: Bound,
    arguments: Sequence[str],
    settings: Settings,
    flags: Flags,
    common: Common,
    store: Store,
    report: Report,
) -> Iterator[Entry]:
    own_prompt = not arguments and settings.preset is not None and not names_are_piped()
    if bound.stage.takes_request and (own_prompt or (arguments and not are_files(arguments))):
        entry = prompt_entry(arguments, settings, flags)
        if bound.stage.maps_wanted() == "needed" and names_are_piped():
            yield from _steered(entry, opened(names([], null=common.null), store, report, bound), report)
        else:
            yield entry
        return
    yield from opened(names(arguments, null=common.null), store, report, bound)


def _steered(entry: Entry, piped: Iterable[Entry], report: Report) -> Iterator[Entry]:
    """One request for each asset of the pipe, with that asset's control maps."""
    for by in piped:
        try:
            yield steered(entry, by)
        except InputError as error:
            report.error(error)


def opened(given: Iterable[str], store: Store, report: Report, first: Bound) -> Iterator[Entry]:
    """The assets that can be opened, as they come, as the ``first`` stage wants them; of the others the report is told."""
    for name in given:
        try:
            entry = store.open(name, raw=first.stage.reads_raw, beside=first.stage.sees_file)
        except ImajinError as error:
            report.error(error)
        else:
            yield entry


def prompt_entry(arguments: Sequence[str], settings: Settings, flags: Flags) -> Entry:
    """The request that a prompt on the command line, or the preset's own, stands for. Raises UsageError for several."""
    if len(arguments) > 1:
        raise UsageError(f"{len(arguments)} prompts were given", hint='put the prompt in quotes: "a lost robot"')
    prompt = arguments[0] if arguments else None
    request = request_params(settings, flags).params.request(prompt, settings.preset)
    # One preset serves many prompts: its name stands for its own prompt alone.
    return request_entry(request, request.prompt if prompt is not None or settings.preset is None else settings.preset)


def _as_bytes(
    bound: Bound, arguments: Sequence[str], settings: Settings, flags: Flags, common: Common, report: Report
) -> Exit:
    """`-`: a picture's bytes in on standard input, PNG bytes out on standard output, the sidecar inside them."""
    entry = _bytes_in(bound, arguments, settings, flags, report)
    if entry is None:
        return report.finish(empty=not common.allow_empty)
    worker = Worker(bound, Memory(), report)
    try:
        results = list(worker.results([entry]))
    finally:
        worker.close()
    if len(results) > 1:
        raise UsageError(
            f"- writes one picture, and {len(results)} sizes of other ratios were asked for", hint="ask for one --size"
        )
    for result in results:
        if bound.stage.kind is Kind.SINK:
            report.result(result, show=False)
            continue
        report.count(result)
        if result.passed or common.keep_rejected:
            _emit(_shown(result))
    return report.finish()


def _bytes_in(bound: Bound, arguments: Sequence[str], settings: Settings, flags: Flags, report: Report) -> Entry | None:
    """The one asset that `-` is about, None where standard input holds nothing. Raises UsageError."""
    prompts = [argument for argument in arguments if argument != "-"]
    if report.as_json:
        report.as_json = report.events = False
        raise UsageError("JSON events and - both want standard output", hint="leave one out")
    if len(arguments) - len(prompts) > 1 or (prompts and not bound.stage.takes_request):
        raise UsageError("- stands alone: it reads the one picture that standard input holds")
    entry = prompt_entry(prompts, settings, flags) if prompts else streams.read_entry(bound, report.say)
    makes = bound.stage.takes_request and bound.stage.kind is Kind.SOURCE
    request = entry.sidecar.request if entry is not None else None
    if makes and request is not None and request.count > 1:
        raise UsageError("- writes one picture", hint="leave -n out")
    return entry


def _shown(result: Result) -> Result:
    """A result as `-` carries it: of a stage that made a control map it is that map, not the picture that was there before.

    Raises UsageError for several.
    """
    record = result.entry.sidecar.stages[-1]
    if record.stage != result.stage or not record.maps:
        return result
    if len(record.maps) > 1:
        raise UsageError(f"- writes one picture, and {len(record.maps)} maps were made", hint="ask for one --kind")
    (kind,) = record.maps
    asset = result.entry.asset
    return replace(result, entry=Entry(map_asset(asset, kind, asset.maps[kind], record)))


def _emit(result: Result) -> None:
    if result.entry.asset.picture is None:
        raise InputError("- carries a picture, and there is none yet", hint="write request files instead: leave - out")
    streams.write_entry(result.entry)
