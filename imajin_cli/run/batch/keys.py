"""A job's key: the digest of all that its result depends on, known without doing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imajin_cli.config.layers import Settings, load_settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.digest import json_digest, sha256
from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.stage import Kind
from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.schedule import BatchLane
from imajin_cli.run.bind import bind
from imajin_cli.run.execute import Bound
from imajin_cli.run.options import RunParams
from imajin_cli.run.pipeline import stages_of
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.single import prompt_entry


class Keys:
    """Knows every job's key. Settings and stages are resolved once for all jobs that share them."""

    def __init__(self) -> None:
        self._settings: dict[str | None, Settings] = {}
        # A stage with its params, and its key: that asks for revisions of models on disk, once for all jobs.
        self._bound: dict[str, tuple[Bound, str]] = {}

    def of(self, job: Job) -> str:
        """The key of ``job``. Raises UsageError or InputError, with the job's place, where it cannot be done at all."""
        try:
            return self._of(job)
        except ImajinError as error:
            error.message = f"{job.place}: {error.message}"
            raise

    def lane_of(self, job: Job) -> BatchLane | None:
        """What ``job`` may share with others, once `of` has seen it: the lanes of its stages, as far as its request tells.

        None where no stage has one, and for jobs that start from files or draw one candidate after another.
        """
        settings = self._settings[job.preset]
        run = resolve("run", RunParams, settings, job.flags.get("run", {})).params
        if job.files or run.until_pass:
            return None
        asset = prompt_entry(job.arguments, settings, job.flags).asset
        lanes = []
        for name in stages_of(run, files=False):
            stage = self._stage(name, job, settings)[0].stage
            if stage.kind is Kind.SOURCE and stage.takes_request and asset.sidecar.request is not None:
                first = next(iter(stage.plan(asset.sidecar.request)), None)
                lanes.append(None if first is None else stage.lane(first))
            else:
                lanes.append(stage.lane(asset))
        found = [lane for lane in lanes if lane is not None]
        return BatchLane(repr(found), min(lane.most for lane in found)) if found else None

    def stores_of(self, job: Job) -> list[str]:
        """The object stores that ``job`` publishes into, once `of` has seen it."""
        settings = self._settings[job.preset]
        run = resolve("run", RunParams, settings, job.flags.get("run", {})).params
        sinks = [self._stage(name, job, settings)[0].stage for name in stages_of(run, files=bool(job.files))]
        return [stage.params.to for stage in sinks if stage.kind is Kind.SINK and "://" in stage.params.to]

    def _of(self, job: Job) -> str:
        if job.preset not in self._settings:
            self._settings[job.preset] = load_settings(job.preset)
        settings = self._settings[job.preset]
        run = resolve("run", RunParams, settings, job.flags.get("run", {})).params
        names = stages_of(run, files=bool(job.files))
        stages = [self._stage(name, job, settings) for name in names]
        places = [bound.stage.params.model_dump(mode="json") for bound, _ in stages if bound.stage.unrecorded]
        return json_digest([[key for _, key in stages], places, run.model_dump(mode="json"), _asked(job, settings)])

    def _stage(self, name: str, job: Job, settings: Settings) -> tuple[Bound, str]:
        flags = {key: job.flags.get(key, {}) for key in (name, "run")}
        key = json.dumps([name, job.preset, flags], sort_keys=True, default=str)
        if key not in self._bound:
            if len(self._bound) > 1000:
                self._bound.clear()
            bound = bind(name, settings, flags)
            self._bound[key] = bound, bound.key()
        return self._bound[key]


def _asked(job: Job, settings: Settings) -> list[Any]:
    if job.files:
        return [[Path(name).name, sha256(read_bytes(Path(name)))] for name in job.files]
    entry = prompt_entry(job.arguments, settings, job.flags)
    assert entry.sidecar.request is not None
    return [entry.asset.name, request_digest(entry.sidecar.request)]
