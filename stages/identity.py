"""Take reference pictures of a person: check each, and keep a template of the face for `verify-identity` to hold pictures to.

Kept are vectors alone, under ``private`` in the record, which is never published; see ``docs/identity.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import PRIVATE, ModelRef
from imajin_cli.contract.stage import Asset, Kind, Outcome, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.recognition.params import ReferenceParams


class IdentityParams(ReferenceParams):
    """Who is to be seen, and what a reference picture must be."""


class Identity(Stage[IdentityParams]):
    """Take reference pictures of a person, for `verify-identity`."""

    name: ClassVar[str] = "identity"
    kind: ClassVar[Kind] = Kind.ANNOTATE
    version: ClassVar[str] = "1"
    Params = IdentityParams
    takes_request: ClassVar[bool] = True
    takes_picture: ClassVar[bool] = True
    # Where somebody keeps pictures of a person is nobody's business; what is in them is part of the key by its digest.
    unrecorded: ClassVar[frozenset[str]] = frozenset({"reference"})
    rejects_with: ClassVar[Exit] = Exit.IDENTITY

    def models(self) -> Sequence[str]:
        """The model that describes faces, and the landmarks that bring them upright."""
        return [self.params.model, "face-landmarks-5"]

    def ingredients(self) -> Sequence[Ingredient]:
        """The references, and, where there are any, the models."""
        models = [Ingredient("model", name) for name in self.models()] if self.params.reference else []
        return [*models, *map(file, self.params.reference)]

    def needs(self) -> Sequence[Need]:
        """What both models take."""
        return on_cpu(self.models())

    def revision(self) -> str:
        """Digest of the references and of the models. Raises InputError for a reference that cannot be read."""
        if not self.params.reference:
            return "nobody"
        from imajin_cli.stages.backends.onnx import state
        from imajin_cli.stages.recognition.reference import digests

        return json_digest([digests(self.params.reference), [state(name) for name in self.models()]])[:16]

    def apply(self, asset: Asset) -> Outcome:
        """Check and describe the references: passed, or rejected with exit 14; skipped where there is none.

        Raises InputError for one that cannot be read, MissingError where dlib or a model is absent, BackendError where
        a face cannot be described, UsageError for a model that describes no faces.
        """
        del asset
        if not self.params.reference:
            return Outcome("skipped", reason="no reference was given")
        return self._outcome

    @cached_property
    def _outcome(self) -> Outcome:
        """The same for every asset of a stream, so made once."""
        from imajin_cli.stages.backends.recognisers import recogniser
        from imajin_cli.stages.recognition.reference import UnusableError, digests, template

        p, network = self.params, recogniser(self.params.model)
        model = ModelRef(name=network.name, revision=network.revision, licence=network.licence)
        try:
            made, told = template(p.reference, network, p.face, p.min_face)
        except UnusableError as error:
            return Outcome("rejected", reason=f"unusable identity: {error}", code=self.rejects_with, model=model)
        private = {"template": made.to_json(), "references": digests(p.reference)}
        return Outcome("passed", model=model, notes={"references": told, PRIVATE: private})
