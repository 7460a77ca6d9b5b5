"""All stages in order, in one process: each candidate flows through the whole chain before the next is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imajin_cli.config.layers import Settings, load_settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Kind
from imajin_cli.registry import STAGES
from imajin_cli.run.assets import Entry
from imajin_cli.run.bind import Flags, bind
from imajin_cli.run.execute import Bound, Keeper, Memory, Result
from imajin_cli.run.options import RunParams
from imajin_cli.run.progress import Progress
from imajin_cli.run.ranking import keep_best
from imajin_cli.run.report import Report
from imajin_cli.run.single import Worker, prompt_entry
from imajin_cli.run.store import Store


@dataclass(frozen=True)
class RunOptions:
    """The options of `imajin run` that are no params."""

    preset: str | None = None
    as_json: bool = False
    force: bool = False
    expect: int | None = None
    quiet: bool = False
    keep_work: bool = False
    out_dir: str | None = None


def run_pipeline(arguments: Sequence[str], flags: Flags, options: RunOptions) -> Exit:
    """Run a prompt, or pictures, through all stages. Prints each published asset's first file; gives the exit code."""
    settings = load_settings(options.preset)
    params = resolve("run", RunParams, settings, flags.get("run", {})).params
    files = bool(arguments) and all(Path(argument).is_file() for argument in arguments)
    names = stages_of(params, files=files)
    bounds = [bind(name, settings, flags, force=options.force) for name in names]
    report = Report("run", as_json=options.as_json, quiet=options.quiet)
    with Progress(names, report) as progress:
        pipeline = Pipeline(bounds, params, options, report, progress)
        for result in pipeline.results(_sources(arguments, files, settings, flags, bounds, pipeline.store)):
            report.result(result, show=False)
            progress.done(result)
    return report.finish(expect=params.best or options.expect, empty=pipeline.seen == 0)


def stages_of(params: RunParams, *, files: bool) -> list[str]:
    """The stages to run, in order: with files given, `load` stands in for `validate` and `generate`. Raises UsageError."""
    for name in (params.start, params.until, *params.skip):
        if name is not None and name not in STAGES:
            raise UsageError(f"there is no stage {name!r}", hint=f"there are: {', '.join(STAGES)}")
    # A picture that is taken up at a later stage was loaded before.
    left_out = {"validate", "generate"} if files else {"load"}
    names = [name for name in STAGES if name not in left_out and name not in params.skip]
    if params.start is not None:
        names = names[_index(names, params.start) :]
    if params.until is not None:
        names = names[: _index(names, params.until) + 1]
    if not names:
        raise UsageError("no stage is left to run", hint="look at --from, --until and --skip")
    return names


def _index(names: list[str], name: str) -> int:
    if name not in names:
        raise UsageError(
            f"{name} does not run here: {', '.join(names)} do", hint="files start at load, a prompt at validate"
        )
    return names.index(name)


def _sources(
    arguments: Sequence[str], files: bool, settings: Settings, flags: Flags, bounds: list[Bound], store: Store
) -> Iterator[Entry]:
    if files:
        yield from (store.open(argument, raw=bounds[0].stage.reads_raw) for argument in arguments)
    else:
        yield prompt_entry(arguments, settings, flags)


class Pipeline:
    """Stages chained as generators. Pictures stay in memory; what is rejected is kept as files, so that it can be seen."""

    def __init__(
        self, bounds: list[Bound], params: RunParams, options: RunOptions, report: Report, progress: Progress
    ) -> None:
        self.bounds = bounds
        self.best = params.best
        self.report = report
        self.progress = progress
        self.store = Store(Path(options.out_dir) if options.out_dir else None, warn=report.say)
        self._keeper: Keeper = self.store if options.keep_work else Memory()
        self._ranking = next((b.name for b in reversed(bounds) if b.stage.ranks), None)
        self.seen = 0

    def results(self, entries: Iterable[Entry]) -> Iterator[Result]:
        """What comes out at the end, and every rejection, each as soon as it is known."""
        if self.best is not None and self._ranking is None:
            raise UsageError("--best needs a stage that ranks, and none of those runs")
        results: Iterable[Result] = (Result(entry, "passed") for entry in self._counted(entries))
        for bound in self.bounds:
            results = self._through(bound, results)
            if bound.name == self._ranking and self.best is not None:
                results = keep_best(results, self.best)
        yield from map(self._kept, results)

    def _counted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self.seen += 1
            yield entry

    def _through(self, bound: Bound, results: Iterable[Result]) -> Iterator[Result]:
        worker = Worker(bound, self._keeper, self.report)
        for result in results:
            if not result.passed:
                yield result
                continue
            self.progress.at(bound.name, result.entry)
            yield from worker.results([result.entry])

    def _kept(self, result: Result) -> Result:
        """A result as files: a rejected picture for its reason's sake, an unpublished one since the run ends before `output`."""
        if result.entry.path is not None or result.entry.asset.picture is None:
            return result
        last = result.entry.sidecar.stages[-1]
        published = self.bounds[-1].stage.kind is Kind.SINK
        if published and result.passed:
            return result
        return replace(result, entry=self.store.keep_picture(result.entry.asset, result.entry.asset.name, last.key))
