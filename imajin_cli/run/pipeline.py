"""All stages in order, in one process: each candidate flows through the whole chain before the next is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imajin_cli import __version__
from imajin_cli.config.layers import load_settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract import steps
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Kind
from imajin_cli.registry import STAGES
from imajin_cli.run import onway
from imajin_cli.run.assets import Entry
from imajin_cli.run.bind import Flags, bind
from imajin_cli.run.drawing import Drawing, Limits, forgotten, summary, told
from imajin_cli.run.execute import Bound, Keeper, Memory, Result
from imajin_cli.run.inputs import are_files
from imajin_cli.run.leasing import residence, united
from imajin_cli.run.options import RunParams
from imajin_cli.run.previews import Previews
from imajin_cli.run.progress import Progress
from imajin_cli.run.ranking import Ranking
from imajin_cli.run.report import Report, reported
from imajin_cli.run.sidecars import REQUEST_SUFFIX
from imajin_cli.run.single import Worker, keep_loaded, opened, prompt_entry
from imajin_cli.run.store import Store


@dataclass(frozen=True)
class RunOptions:
    """The options of `imajin run` that are no params."""

    preset: str | None = None
    as_json: bool = False
    events: bool = False
    previews: bool = False
    force: bool = False
    expect: int | None = None
    quiet: bool = False
    keep_work: bool = False
    out_dir: str | None = None
    # Whether the manifest is brought up to date at the end, or left to who runs many such jobs.
    merge: bool = True
    # Whether the process is somebody else's, who has objects of their own to collect.
    embedded: bool = False


def run_pipeline(arguments: Sequence[str], flags: Flags, options: RunOptions) -> Exit:
    """Run a prompt, or pictures, through all stages. Prints each published asset's first file; gives the exit code."""
    events = options.events or options.previews
    report = Report("run", as_json=options.as_json, events=events, quiet=options.quiet)
    return reported(report, lambda: run_reported(arguments, flags, options, report))


def run_reported(arguments: Sequence[str], flags: Flags, options: RunOptions, report: Report) -> Exit:
    """`run_pipeline` over a report of the caller's. Raises ImajinError where it cannot go on."""
    settings = load_settings(options.preset)
    params = resolve("run", RunParams, settings, flags.get("run", {})).params
    if "-" in arguments:
        raise UsageError("a run makes files, and - is for single stages", hint="imajin load - | … | imajin output -")
    files = bool(arguments) and are_files(arguments)
    requests = files and all(argument.endswith(REQUEST_SUFFIX) for argument in arguments)
    names = stages_of(params, files=files and not requests)
    _check_draw(params, flags, names)
    bounds = [bind(name, settings, flags, force=options.force) for name in names]
    # Together, so that no run holds a part of what it needs and waits for the rest.
    needs = united(bound.needs for bound in bounds)
    bounds = [replace(bound, needs=needs) for bound in bounds]
    residence.begin("run", settings, report.say)
    if not options.embedded:
        keep_loaded()
    report.every("started", version=__version__, stages=names)
    with Progress(names, report, drawing=params.until_pass) as progress:
        steps.listen(progress.step, report.say, onway.keeper(report))
        pipeline = Pipeline(bounds, params, options, report, progress)
        if files:
            entries = opened(arguments, pipeline.store, report, bounds[0])
        else:
            entries = iter([prompt_entry(arguments, settings, flags)])
        try:
            for result in pipeline.results(entries):
                progress.done(result)
        finally:
            residence.settle()
    # Who says how many assets are enough means that, however many candidates were to pass.
    enough = None if params.until_pass and options.expect is not None else pipeline.enough
    return report.finish(expect=options.expect, enough=enough, empty=pipeline.seen == 0)


def _check_draw(params: RunParams, flags: Flags, names: Sequence[str]) -> None:
    """Raise UsageError where candidates are to be drawn and none can be, or a draw has limits and there is none."""
    given = flags.get("run", {})
    limits = [name for name in ("max_candidates", "max_seconds") if given.get(name) is not None]
    if not params.until_pass and limits:
        raise UsageError(f"--{limits[0].replace('_', '-')} is a limit of --until-pass", hint="add --until-pass")
    if params.until_pass and "generate" not in names:
        raise UsageError("--until-pass draws candidates, and generate does not run", hint="give a prompt or a request")


def stages_of(params: RunParams, *, files: bool) -> list[str]:
    """The stages to run, in order: with files given, `load` stands in for `validate` and `generate`. Raises UsageError."""
    named = (("--also", params.also), ("--skip", params.skip))
    asked = [("--from", params.start), ("--until", params.until), *((o, name) for o, names in named for name in names)]
    for option, name in asked:
        if name is not None and name not in STAGES:
            raise UsageError(f"{option}: there is no stage {name!r}", hint=f"there are: {', '.join(STAGES)}")
    # A picture that is taken up at a later stage was loaded before.
    left_out = {"validate", "generate"} if files else {"load"}
    wanted = {*params.also, params.start, params.until}
    left_out |= {name for name, entry in STAGES.items() if entry.optional and name not in wanted}
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


class Pipeline:
    """Stages chained as generators. Pictures stay in memory; what is rejected is kept as files, so that it can be seen."""

    def __init__(
        self, bounds: list[Bound], params: RunParams, options: RunOptions, report: Report, progress: Progress
    ) -> None:
        self.bounds = bounds
        self.report = report
        self.progress = progress
        self._merge = options.merge
        self.store = Store(Path(options.out_dir) if options.out_dir else None, warn=report.say)
        self._keeper: Keeper = self.store if options.keep_work else Memory(self.store)
        self._ranks = next((b.name for b in reversed(bounds) if b.stage.ranks), None)
        self._limits = Limits(params.max_candidates, params.max_seconds, params.best) if params.until_pass else None
        # A draw ranks for itself, when it has ended.
        best = params.best if self._limits is None else None
        self._ranking = Ranking(best, report.say, by_records=True) if best is not None else None
        self._short = False
        self._previews = Previews(self.store, report) if options.previews else None
        self._judged_by = next((b for b in reversed(bounds) if b.stage.kind is not Kind.SINK), None)
        self.seen = 0

    @property
    def enough(self) -> bool | None:
        """Whether the K best of each group have gone all the way, None where nobody asked for the best."""
        if self._limits is not None:
            return not self._short
        return None if self._ranking is None else not self._ranking.short()

    def results(self, entries: Iterable[Entry]) -> Iterator[Result]:
        """What comes out at the end, and every rejection, each as soon as it is known."""
        if self._ranking is not None and self._ranks is None:
            raise UsageError("--best needs a stage that ranks, and none of those runs")
        if self._limits is not None:
            for entry in self._counted(entries):
                yield from self._drawn(entry, self._limits)
            return
        results: Iterable[Result] = (Result(entry, "passed") for entry in self._counted(entries))
        for bound in self.bounds:
            results = self._through(bound, results)
            if bound.name == self._ranks and self._ranking is not None:
                results = self._ranking.best(results)
        for result in results:
            if self._ranking is not None and not result.passed:
                self._ranking.lost(result)
            yield self._kept(result)

    def _drawn(self, entry: Entry, limits: Limits) -> Iterator[Result]:
        """One request's candidates, drawn one after another: rejections at once, the chosen ones when the draw is over."""
        if entry.sidecar.request is None:
            raise UsageError(f"{entry.label}: holds no request to draw candidates for")
        drawing = Drawing(entry.sidecar.request, limits)
        gates, sinks = self._split()
        results: Iterable[Result] = [Result(entry, "passed")]
        for bound in gates:
            makes = bound.stage.kind is Kind.SOURCE and bound.stage.takes_request
            results = self._through(bound, drawing.widened(results) if makes else results)
            results = drawing.begun(results) if makes else results
        for result in results:
            kept = result if result.passed else self._kept(result)
            drawing.add(kept if kept.passed else replace(kept, entry=forgotten(kept.entry)))
            if not kept.passed:
                yield kept
        chosen = self._chosen(drawing)
        for bound in sinks:
            chosen = self._through(bound, chosen)
        for result in chosen:
            self._short |= not result.passed
            yield self._kept(result)

    def _split(self) -> tuple[list[Bound], list[Bound]]:
        """The stages that judge a candidate, and those from the first sink on, which only see what was chosen."""
        at = next((i for i, bound in enumerate(self.bounds) if bound.stage.kind is Kind.SINK), len(self.bounds))
        return self.bounds[:at], self.bounds[at:]

    def _chosen(self, drawing: Drawing) -> Iterator[Result]:
        """What a draw that has ended chose. Every sidecar is told of the draw, the losers' are kept as files."""
        draw = drawing.draw()
        self._short |= len(draw.order) < draw.wanted
        self.report.say(summary(draw))
        if self.report.as_json:
            self.report.event("draw", **draw.model_dump(mode="json"))
        for result, chosen in list(drawing.results(draw)):
            group = result.entry.sidecar.group
            if group is None:
                continue
            entry = result.entry
            if entry.path is None and not chosen:
                entry = self.store.keep_picture(entry.asset, entry.asset.name, entry.sidecar.stages[-1].key)
            entry = self.store.keep_group(entry, told(group, draw))
            if chosen:
                yield replace(result, entry=entry)

    def _counted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self.seen += 1
            yield entry

    def _through(self, bound: Bound, results: Iterable[Result]) -> Iterator[Result]:
        worker = Worker(bound, self._keeper, self.report)
        try:
            for result in results:
                if not result.passed:
                    yield result
                    continue
                self.progress.at(bound.name, result.entry)
                for made in worker.results([result.entry]):
                    # A picture that nobody has judged yet is nothing to show.
                    if self._previews is not None and bound is self._judged_by and made.passed:
                        self._previews.show(made.entry)
                    yield made
        finally:
            if self._merge:
                worker.close()

    def _kept(self, result: Result) -> Result:
        """A result as files: a rejected one for its reason's sake, an unpublished one since the run ends before `output`."""
        if result.entry.place is not None:
            return result
        if result.entry.asset.picture is None:
            return replace(result, entry=self.store.keep_request(result.entry))
        last = result.entry.sidecar.stages[-1]
        published = self.bounds[-1].stage.kind is Kind.SINK
        if published and result.passed:
            return result
        return replace(result, entry=self.store.keep_picture(result.entry.asset, result.entry.asset.name, last.key))
