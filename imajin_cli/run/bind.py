"""From a stage's name to a stage ready to work: settings and flags resolved, its module imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from imajin_cli.config.layers import Settings
from imajin_cli.config.resolve import Resolved, resolve
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.request import RequestParams
from imajin_cli.contract.sidecar import ParamValue
from imajin_cli.contract.stage import Stage
from imajin_cli.registry import load, stages
from imajin_cli.run.execute import Bound
from imajin_cli.run.leasing import united
from imajin_cli.run.options import RunParams

Flags = Mapping[str, Mapping[str, Any]]


def stage_class(name: str) -> type[Stage[Any]]:
    """The class of stage ``name``. Raises UsageError where there is none, or a third party's does not import."""
    entry = stages().get(name)
    if entry is None:
        raise UsageError(f"there is no stage {name!r}", hint=f"there are: {', '.join(stages())}")
    try:
        found = load(entry.target)
    except Exception as error:
        raise UsageError(f"the stage {name} is broken: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Stage)):
        raise UsageError(f"the stage {name} is broken: {entry.target} is no Stage")
    return found


def bind(name: str, settings: Settings, flags: Flags, *, force: bool = False) -> Bound:
    """Stage ``name`` with its params resolved over all layers. Raises UsageError, also for a model that is not to be used."""
    cls = stage_class(name)
    resolved = resolve(name, cls.Params, settings, flags.get(name, {}))
    stage = cls(resolved.params)
    if cls.signs:
        stage.provenance = resolve("provenance", ProvenanceParams, settings, flags.get("provenance", {})).params
    run = resolve("run", RunParams, settings, flags.get("run", {})).params
    _hold_models(stage, run.licence_policy, run.digests)
    return Bound(name, stage, _recorded(resolved, cls), force, run.licence_policy, united([stage.needs()]))


def _hold_models(
    stage: Stage[Any], licences: Literal["any", "commercial"], digests: Literal["first-use", "listed"]
) -> None:
    models = stage.models() if (licences, digests) != ("any", "first-use") else ()
    if models:
        from imajin_cli.models.policy import check_digests, check_licences

        check_licences(models, licences)
        check_digests(models, digests)


def request_params(settings: Settings, flags: Flags) -> Resolved[RequestParams]:
    """The request's params, resolved over all layers."""
    return resolve("request", RequestParams, settings, flags.get("request", {}))


def _recorded(resolved: Resolved[Any], cls: type[Stage[Any]]) -> dict[str, ParamValue]:
    """What the record says of the params. Where a picture is published is no part of how it was made."""
    return {name: value for name, value in resolved.recorded().items() if name not in cls.unrecorded}
