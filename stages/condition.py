"""Make control maps for a diffusion model: from a picture, a pose, a scene's layers; each map is an asset of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from imajin_cli.contract.digest import json_digest, sha256
from imajin_cli.contract.errors import BackendError, InputError, UsageError
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.need import Need
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Credit, ModelRef
from imajin_cli.contract.stage import Asset, Kind, Outcome, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.conditioning.given import parted
from imajin_cli.stages.conditioning.params import FILES, ConditionParams

_POSE, _PERSON, _DEPTH = "pose", "selfie-matte", "depth-anything-small"


class Condition(Stage[ConditionParams]):
    """Make control maps that steer a diffusion model.

    A picture's maps are made from it, a request's from --source or --pose. `generate --backend diffusers --control MODEL`
    takes the map that the ControlNet reads.
    """

    name: ClassVar[str] = "condition"
    kind: ClassVar[Kind] = Kind.ANNOTATE
    version: ClassVar[str] = "1"
    Params = ConditionParams
    takes_request: ClassVar[bool] = True
    takes_picture: ClassVar[bool] = True
    # What is in the files is part of the key by its digest; the record says by kind where a map came from.
    unrecorded: ClassVar[frozenset[str]] = FILES

    def models(self) -> Sequence[str]:
        """The networks that kinds of photographs may be asked of; scenes and named poses need none, and the record says."""
        return [name for name in self._networks() if _is_there(name)]

    def ingredients(self) -> Sequence[Ingredient]:
        """The networks that may be asked, whether or not they are on this machine, and the files that are named."""
        p = self.params
        if not (p.kind or p.pose or p.clothing or p.map):
            return ()
        named = [path for _, path in map(parted, p.map)] + [path for path in (p.source,) if path is not None]
        if p.pose is not None and not _needs_no_network(p.pose):
            named.append(p.pose)
        return [*(Ingredient("model", name) for name in self._networks()), *map(file, named)]

    def needs(self) -> Sequence[Need]:
        """What those take that are on this machine."""
        return on_cpu(self.models())

    def _networks(self) -> list[str]:
        p = self.params
        wanted = {"pose": _POSE} if p.pose is None or not _needs_no_network(p.pose) else {}
        wanted |= {"depth": _DEPTH, "normal": _DEPTH}
        wanted |= {"segmentation": _PERSON} if not p.clothing and p.pose is None else {}
        kinds = [*p.kind, *(["pose"] if p.pose is not None or p.clothing else [])]
        return list(dict.fromkeys(wanted[kind] for kind in kinds if kind in wanted))

    def revision(self) -> str:
        """Digest of the files that are named, of a pose that is written out, and of the networks' revisions.

        Raises InputError for a file that cannot be read.
        """
        p = self.params
        if not (p.kind or p.pose or p.clothing or p.map):
            return "nothing"
        return json_digest([self._files, [_state(name) for name in self._networks()]])[:16]

    @cached_property
    def _files(self) -> list[str]:
        from imajin_cli.stages.conditioning import given

        p = self.params
        found = [f"{kind} {sha256(given.read(path, 'map'))}" for kind, path in map(parted, p.map)]
        found += [sha256(given.read(p.source, "source"))] if p.source is not None else []
        if p.pose is not None:
            found.append(p.pose if _needs_no_network(p.pose) else sha256(given.read(p.pose, "pose")))
        return found

    def apply(self, asset: Asset) -> Outcome:
        """Make the maps; skipped where none is asked for.

        Raises UsageError and InputError for what cannot be used, MissingError where a network is absent, BackendError where one
        gives nonsense.
        """
        p = self.params
        if p.clothing and p.pose is None and asset.picture is None and p.source is None:
            raise UsageError("--clothing needs a pose", hint="--pose standing")
        if not (p.kind or p.pose or p.clothing or p.map):
            return Outcome("skipped", reason="no kind of map was asked for")
        from imajin_cli.stages.conditioning.make import Maker

        maker = Maker(p, self._source if p.source is not None else asset.picture, asset.sidecar.request)
        try:
            maker.make()
        except (InputError, UsageError, BackendError) as error:
            error.message = f"{asset.name}: {error.message}"
            raise
        models = [_model(name) for name in sorted(maker.networks)]
        taken = [Credit(name=model.name, licence=model.licence or "unknown") for model in models]
        model = models[0] if models else None
        return Outcome("passed", maps=maker.maps, notes=maker.notes(), model=model, credits=taken)

    @cached_property
    def _source(self) -> Picture:
        """The picture that was named: the same for every asset of a stream, so read once."""
        from imajin_cli.stages.conditioning import given
        from imajin_cli.stages.imaging.decode import decode

        path = self.params.source or ""
        data = given.read(path, "source")
        try:
            return decode(data).picture()
        except InputError as error:
            raise InputError(f"source {path}: {error.message}", hint=error.hint) from error


def _needs_no_network(pose: str) -> bool:
    """Whether a pose is a name or points rather than a file."""
    from imajin_cli.stages.conditioning.poses import looks_written_out
    from imajin_cli.stages.conditioning.presets import PRESETS

    return pose in PRESETS or looks_written_out(pose)


def _is_there(name: str) -> bool:
    from imajin_cli.stages.backends.mattes import there

    return there(name)


def _state(name: str) -> str:
    from imajin_cli.stages.backends.mattes import state_of

    return state_of(name)


def _model(name: str) -> ModelRef:
    from imajin_cli.stages.backends.mattes import licence_of

    revision, licence = licence_of(name)
    return ModelRef(name=name, revision=revision, licence=licence)
