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
        self._bound: dict[str, Bound] = {}

    def of(self, job: Job) -> str:
        """The key of ``job``. Raises UsageError or InputError, with the job's place, where it cannot be done at all."""
        try:
            return self._of(job)
        except ImajinError as error:
            error.message = f"{job.place}: {error.message}"
            raise

    def stores_of(self, job: Job) -> list[str]:
        """The object stores that ``job`` publishes into, once `of` has seen it."""
        settings = self._settings[job.preset]
        run = resolve("run", RunParams, settings, job.flags.get("run", {})).params
        sinks = [self._stage(name, job, settings).stage for name in stages_of(run, files=bool(job.files))]
        return [stage.params.to for stage in sinks if stage.kind is Kind.SINK and "://" in stage.params.to]

    def _of(self, job: Job) -> str:
        if job.preset not in self._settings:
            self._settings[job.preset] = load_settings(job.preset)
        settings = self._settings[job.preset]
        run = resolve("run", RunParams, settings, job.flags.get("run", {})).params
        names = stages_of(run, files=bool(job.files))
        stages = [self._stage(name, job, settings) for name in names]
        places = [stage.stage.params.model_dump(mode="json") for stage in stages if stage.stage.unrecorded]
        return json_digest(
            [[stage.key() for stage in stages], places, run.model_dump(mode="json"), _asked(job, settings)]
        )

    def _stage(self, name: str, job: Job, settings: Settings) -> Bound:
        flags = {key: job.flags.get(key, {}) for key in (name, "run")}
        key = json.dumps([name, job.preset, flags], sort_keys=True, default=str)
        if key not in self._bound:
            if len(self._bound) > 1000:
                self._bound.clear()
            self._bound[key] = bind(name, settings, flags)
        return self._bound[key]


def _asked(job: Job, settings: Settings) -> list[Any]:
    if job.files:
        return [[Path(name).name, sha256(read_bytes(Path(name)))] for name in job.files]
    entry = prompt_entry(job.arguments, settings, job.flags)
    assert entry.sidecar.request is not None
    return [entry.asset.name, request_digest(entry.sidecar.request)]
