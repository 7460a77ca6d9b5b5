"""What an asset is made of: params with preset and config expanded, stage versions, models, fonts, packs, files.

A recipe is the same on every machine: it is read without a model, a GPU or the network, and says nothing of what is
installed. Two recipes that are equal stand for the same work, whatever the bytes that a machine makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from imajin_cli.config.layers import Settings, load_settings
from imajin_cli.config.resolve import Resolved, resolve
from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.ingredient import SHOWN_DIGITS, Ingredient, digest_of
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.request import RequestParams
from imajin_cli.contract.sidecar import Request
from imajin_cli.contract.stage import Params, Stage
from imajin_cli.repository.paths import Base, expanded
from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.naming import slug
from imajin_cli.run.options import RunParams

Tools = dict[str, dict[str, str | None]]
# By what a change of each kind of ingredient is called; "file" has a place of its own.
TOOL_KINDS = {"model": "models", "font": "fonts", "pack": "packs", "data": "data"}
# Params that are no part of a recipe: where files go, who signs, what is refused, how long is waited.
_LEFT_OUT = {
    "output": {"to"},
    "run": {"licence_policy", "digests"},
    "provenance": {"certificate", "key", "key_env", "timestamp"},
    "request": {"prompt"},
}


@dataclass(frozen=True)
class Recipe:
    """One asset's. Params stand as "section.param", by who set them; those at their default are left out.

    ``inputs`` are files that the asset names, by their digest, None for one that cannot be read; a tool's revision is None
    where this machine cannot tell it. ``reads`` are all files that the recipe was read from. ``name`` is its place in the
    lock, the folder and the name that it is published under.
    """

    name: str
    place: str
    to: str
    prompt: str | None
    preset: str | None
    params: Mapping[str, Any]
    from_preset: Mapping[str, Any]
    from_config: Mapping[str, Any]
    tools: Tools
    defaults: Mapping[str, Any]
    inputs: Mapping[str, str | None]
    reads: tuple[str, ...] = ()
    signs: bool = False

    def digest(self) -> str:
        """Identity of the recipe: the digest of all of it but its place."""
        own = [self.prompt, self.preset, dict(self.params), dict(self.from_preset), dict(self.from_config)]
        return json_digest([*own, self.tools, dict(self.defaults), dict(self.inputs)])


@dataclass
class Part:
    """What one section of a job comes to."""

    params: Params
    by: dict[str, dict[str, Any]]
    defaults: dict[str, Any]
    ingredients: tuple[Ingredient, ...] = ()
    stage: Stage[Any] | None = None


@dataclass
class Recipes:
    """Reads recipes. Settings, stages and ingredients are looked at once for all jobs that share them."""

    base: Base
    _settings: dict[str | None, Settings] = field(default_factory=dict)
    _parts: dict[tuple[str, str | None, str], Part] = field(default_factory=dict)
    _revisions: dict[Ingredient, str | None] = field(default_factory=dict)

    def of(self, job: Job) -> Recipe:
        """The recipe of ``job``. Raises UsageError, with the job's place, where it cannot be one at all."""
        try:
            return self._of(job)
        except ImajinError as error:
            error.message = f"{job.place}: {error.message}"
            raise

    def _of(self, job: Job) -> Recipe:
        settings = self._loaded(job.preset)
        run, asked = self._part("run", job, settings), self._part("request", job, settings)
        assert isinstance(run.params, RunParams)
        names = _stages_of(run.params, files=bool(job.files))
        stages = [self._part(name, job, settings) for name in names]
        signs = any(part.stage is not None and part.stage.signs for part in stages)
        parts = [
            run,
            *([] if job.files else [asked]),
            *stages,
            *([self._part("provenance", job, settings)] if signs else []),
        ]
        request, prompt = _request(job, asked, settings)
        used = [one for part in stages for one in part.ingredients]
        used += [one for part in stages if part.stage is not None for one in part.stage.fonts(request)]
        files = [one for one in used if one.kind == "file"] + [
            Ingredient("file", name, path=name) for name in job.files
        ]
        merged = {who: {k: v for part in parts for k, v in part.by[who].items()} for who in _WHO}
        if prompt is not None and job.prompt is None:
            merged[_who(settings.sections["request"]["prompt"].origin)]["request.prompt"] = prompt
        output = next((part.params for name, part in zip(names, stages, strict=True) if name == "output"), None)
        to = str(getattr(output, "to", "."))
        return Recipe(
            name=f"{self.base.shown(to)}/{_name(job, request, output, stages, names, settings)}",
            place=job.place,
            to=to,
            prompt=prompt if job.prompt is not None else None,
            preset=settings.preset,
            params=merged["asset"],
            from_preset=merged["preset"],
            from_config=merged["config"],
            tools=self._tools(names, stages, used),
            defaults={k: v for part in parts for k, v in part.defaults.items()},
            inputs={self.base.shown(one.name): self._revision(one) for one in files},
            reads=tuple(
                dict.fromkeys([*(place for _, place in settings.sources), *_catalogues(), *_paths(used), *job.files])
            ),
            signs=signs and self._signs(job, settings),
        )

    def run_params(self, job: Job) -> RunParams:
        """What ``job`` says of the run itself."""
        params = self._part("run", job, self._loaded(job.preset)).params
        assert isinstance(params, RunParams)
        return params

    def stages(self, job: Job) -> dict[str, Stage[Any]]:
        """The stages that ``job`` goes through, by name, in order."""
        settings, run = self._loaded(job.preset), self.run_params(job)
        parts = {name: self._part(name, job, settings).stage for name in _stages_of(run, files=bool(job.files))}
        return {name: stage for name, stage in parts.items() if stage is not None}

    def asked(self, job: Job) -> RequestParams:
        """What ``job`` asks for beside its prompt."""
        params = self._part("request", job, self._loaded(job.preset)).params
        assert isinstance(params, RequestParams)
        return params

    def _loaded(self, preset: str | None) -> Settings:
        if preset not in self._settings:
            self._settings[preset] = load_settings(preset)
        return self._settings[preset]

    def _signs(self, job: Job, settings: Settings) -> bool:
        params = self._part("provenance", job, settings).params
        return isinstance(params, ProvenanceParams) and params.certificate is not None

    def _part(self, section: str, job: Job, settings: Settings) -> Part:
        flags = job.flags.get(section, {})
        # Most sections of most jobs are what the settings alone make of them.
        said = json.dumps(flags, sort_keys=True, default=str) if flags else ""
        key = (section, job.preset, said)
        if key not in self._parts:
            if len(self._parts) > 20_000:
                self._parts.clear()
            self._parts[key] = _part(section, flags, settings)
        return self._parts[key]

    def _tools(self, names: list[str], stages: list[Part], used: Iterable[Ingredient]) -> Tools:
        versions = {
            name: part.stage.version for name, part in zip(names, stages, strict=True) if part.stage is not None
        }
        tools: Tools = {"stages": dict(versions), **{kind: {} for kind in TOOL_KINDS.values()}}
        for one in used:
            if one.kind in TOOL_KINDS:
                name = one.name if one.path is None else self.base.shown(one.name)
                tools[TOOL_KINDS[one.kind]][name] = self._revision(one)
        return tools

    def _revision(self, one: Ingredient) -> str | None:
        if one not in self._revisions:
            self._revisions[one] = one.revision if one.revision is not None else _found(one)
        return self._revisions[one]


_WHO = ("asset", "preset", "config")
_SECTIONS: dict[str, type[Params]] = {"request": RequestParams, "run": RunParams, "provenance": ProvenanceParams}


def _part(section: str, flags: Mapping[str, Any], settings: Settings) -> Part:
    stage_type = None
    if section in _SECTIONS:
        model: type[Params] = _SECTIONS[section]
    else:
        stage_type = _stage_type(section)
        model = stage_type.Params
    resolved = resolve(section, model, settings, flags)
    stage = None if stage_type is None else stage_type(resolved.params)
    left_out = _LEFT_OUT.get(section, frozenset[str]())
    usual = {name: value for name, value in _defaults(model).items() if name not in left_out}
    by = _by_who(section, resolved, usual)
    ingredients = () if stage is None else tuple(stage.ingredients())
    return Part(resolved.params, by, {f"{section}.{name}": value for name, value in usual.items()}, ingredients, stage)


@cache
def _stage_type(name: str) -> type[Stage[Any]]:
    from imajin_cli.run.bind import stage_class

    return stage_class(name)


def _by_who(section: str, resolved: Resolved[Any], usual: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The params that are not at their default, by who set them."""
    by: dict[str, dict[str, Any]] = {who: {} for who in _WHO}
    given = {name: setting for name, setting in resolved.origins.items() if name in usual}
    if given:
        values = resolved.params.model_dump(mode="json", include=set(given))
        for name, setting in given.items():
            if values[name] != usual[name]:
                by[_who(setting.origin)][f"{section}.{name}"] = values[name]
    return by


def _who(origin: str) -> str:
    return "asset" if origin == "flag" else "preset" if origin.startswith("preset:") else "config"


@cache
def _defaults(model: type[Params]) -> dict[str, Any]:
    return model().model_dump(mode="json")


def _stages_of(run: RunParams, *, files: bool) -> list[str]:
    from imajin_cli.run.pipeline import stages_of

    return stages_of(run, files=files)


def _request(job: Job, asked: Part, settings: Settings) -> tuple[Request | None, str | None]:
    """What is asked for, and the prompt; none where the asset starts from files."""
    if job.files:
        return None, None
    assert isinstance(asked.params, RequestParams)
    request = asked.params.request(job.prompt, settings.preset)
    return request, request.prompt


def _name(
    job: Job, request: Request | None, output: Params | None, stages: list[Part], names: list[str], settings: Settings
) -> str:
    """The name that it is published under, as far as it is known before: what only the picture tells stays a field."""
    if request is None:
        stem = slug(Path(job.files[0]).stem) if len(job.files) == 1 else slug(" ".join(job.files))
    else:
        stem = slug(job.prompt if job.prompt is not None else settings.preset or request.prompt, "request")
    template = str(getattr(output, "name", "{name}"))
    known = {"name": stem, "preset": settings.preset or ""}
    if request is not None and request.count == 1:
        known["seed"] = str(request.seed)
    theme = next(
        (getattr(p.params, "theme", None) for n, p in zip(names, stages, strict=True) if n == "generate"), None
    )
    if isinstance(theme, str) and theme != "auto":
        known["theme"] = theme
    for name, value in known.items():
        template = template.replace(f"{{{name}}}", value)
    return template


@cache
def _catalogues() -> tuple[str, ...]:
    """The models.yaml files that pin models of the user's and the project's."""
    from imajin_cli.models.catalogue import user_files

    return tuple(map(str, user_files()))


def _paths(used: Iterable[Ingredient]) -> Iterator[str]:
    for one in used:
        if one.path is not None:
            yield one.path


def _found(one: Ingredient) -> str | None:
    """The revision of a model by the catalogue, of anything else by its contents; None where it cannot be told here."""
    if one.path is not None:
        return digest_of(expanded(one.path))
    if one.kind != "model":
        return None
    from imajin_cli.models.catalogue import catalogue, ours

    entry = ours().get(one.name)
    if entry is None or entry.first_use:
        entry = catalogue().get(one.name)
    if entry is None:
        return digest_of(expanded(one.name))
    return None if entry.open else entry.revision[:SHOWN_DIGITS]
