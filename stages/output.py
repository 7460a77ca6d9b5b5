"""Publish an asset: every size and format asked for, each file read back, with a manifest entry and HTML to show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.families import read_families
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.request import parse_size
from imajin_cli.contract.sidecar import verdict_of
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Publication, Stage
from imajin_cli.stages.publication.names import MAX_BYTES, fields_of

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.encode.formats import Settings
    from imajin_cli.stages.provenance.signing import Sealer

Format = Literal["png", "webp", "avif", "ico", "svg", "jpeg", "auto"]
Scale = Annotated[float, Field(gt=0, le=8)]
IconSide = Annotated[int, Field(ge=8, le=256)]
Gate = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9-]*$")]


class OutputParams(Params):
    """What is published, and where to."""

    to: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4096,
            description="Folder to publish into, or s3://BUCKET/PREFIX.",
            json_schema_extra={"short": "o"},
        ),
    ] = "dist"
    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_BYTES,
            description="Template of the files' names: {name} {preset} {seed} {index} {ratio} {id} {theme}.",
        ),
    ] = "{name}"
    format: Annotated[
        list[Format], Field(
            min_length=1,
            max_length=7,
            description="File format; repeat it for several. auto: for each size the smallest of PNG, WebP, AVIF and SVG.",
        ),
    ] = ["png", "webp"]
    size: Annotated[
        list[str],
        Field(
            max_length=32, description="Further size, WIDTHxHEIGHT or SIDE, beside those that the request asked for."
        ),
    ] = []
    crop: Annotated[bool, Field(description="Cut a further size of another aspect ratio out, around the subject.")] = (
        False
    )
    family: Annotated[
        list[str],
        Field(
            max_length=32,
            description="Further size family, beside those that the request asked for: hero, og, sidebar, portrait, "
            "square, thumbnail, favicon, one of --define, or NAME=WIDTHxHEIGHT,…",
        ),
    ] = []
    define: Annotated[
        list[str], Field(max_length=64, description="Size family of your own to choose from, NAME=WIDTHxHEIGHT,…")
    ] = []
    scale: Annotated[list[Scale], Field(min_length=1, max_length=8, description="Pixel density; 2 adds NAME@2x.")] = [1]
    hashed: Annotated[bool, Field(description="Put eight digits of each file's digest into its name.")] = False
    webp_quality: Annotated[int, Field(ge=1, le=100, description="Quality of a lossy WebP.")] = 82
    avif_quality: Annotated[int, Field(ge=1, le=100, description="Quality of AVIF.")] = 68
    jpeg_quality: Annotated[int, Field(ge=1, le=95, description="Quality of JPEG.")] = 85
    lossless: Annotated[
        Literal["auto", "yes", "no"],
        Field(description="Keep every pixel: auto where that is about as small, yes wherever the format can."),
    ] = "auto"
    palette: Annotated[bool, Field(description="Reduce a PNG to 256 colours where nobody sees it.")] = True
    budget_kb: Annotated[
        int | None,
        Field(
            ge=1,
            le=100_000,
            description="Most kB (1000 bytes) that a file may have; quality falls before it is rejected.",
        ),
    ] = None
    ico_sizes: Annotated[
        list[IconSide],
        Field(min_length=1, max_length=16, description="Side in pixels of a picture within an ICO file."),
    ] = [16, 32, 48]
    icon_contrast: Annotated[
        float,
        Field(
            ge=1,
            le=21,
            description="Least contrast ratio of an ICO file's small pictures with the interface around them.",
        ),
    ] = 1.5
    animate: Annotated[
        Literal["no", "auto", "float", "pulse", "spin", "draw", "blink", "shimmer"],
        Field(
            description="Publish the scene in motion too, as NAME.motion.svg, .png (APNG) and .webp, whichever of them "
            "--format names; auto moves each part as suits it."
        ),
    ] = "no"
    animate_seconds: Annotated[float, Field(ge=0.4, le=20, description="Seconds of the loop.")] = 2.8
    animate_fps: Annotated[float, Field(ge=2, le=50, description="Frames a second of an animated PNG or WebP.")] = 20
    animate_side: Annotated[
        int, Field(ge=16, le=2048, description="Longest side in pixels of an animated PNG or WebP.")
    ] = 320
    layers: Annotated[bool, Field(description="Publish each layer's mask as NAME.layer-LAYER.png.")] = False
    master: Annotated[
        bool,
        Field(
            description="Publish the base, every pixel kept, as NAME.master.png; as is done where every size is cut out of it."
        ),
    ] = False
    alt: Annotated[
        str | None, Field(max_length=1000, description="Alternative text; an empty one marks decoration.")
    ] = None
    snippet: Annotated[bool, Field(description="Put HTML that shows the asset into the manifest.")] = True
    base_url: Annotated[
        str,
        Field(
            max_length=2048,
            pattern=r"^(|https?://[^\s\"'<>]+/|/|/[^\s\"'<>]+/)$",
            description="Address of the folder on the site, ending in /: HTML names files there; og:image needs a whole one.",
        ),
    ] = ""
    site_name: Annotated[
        str | None,
        Field(max_length=100, description="Name of the site in its site.webmanifest; by default the asset's."),
    ] = None
    prompt: Annotated[bool, Field(description="Put the prompt into the manifest.")] = False
    require: Annotated[
        list[Gate], Field(max_length=16, description="Gate whose pass must hold for the very pixels.")
    ] = ["moderate"]

    @field_validator("name")
    @classmethod
    def _template(cls, template: str) -> str:
        fields_of(template)
        return template

    @field_validator("size")
    @classmethod
    def _sizes(cls, sizes: list[str]) -> list[str]:
        return ["{}x{}".format(*parse_size(size)) for size in sizes]

    @model_validator(mode="after")
    def _families(self) -> OutputParams:
        read_families(self.family, self.define)
        return self

    @field_validator("format", "scale", "ico_sizes", "require")
    @classmethod
    def _once(cls, values: list[Any]) -> list[Any]:
        return list(dict.fromkeys(values))


class Output(Stage[OutputParams]):
    """Publish a size set, its formats and a manifest."""

    name: ClassVar[str] = "output"
    version: ClassVar[str] = "2"
    kind: ClassVar[Kind] = Kind.SINK
    Params: ClassVar[type[Params]] = OutputParams
    unrecorded: ClassVar[frozenset[str]] = frozenset({"to"})
    rejects_with: ClassVar[Exit] = Exit.QUALITY
    signs: ClassVar[bool] = True

    def revision(self) -> str:
        """The encoders' own versions: another one may write other bytes."""
        from imajin_cli.stages.imaging.encode.versions import encoder_versions

        sealer = self._sealer
        return encoder_versions() + ("" if sealer is None else f", signed {sealer.revision}")

    def ingredients(self) -> Sequence[Ingredient]:
        """None: another encoder, or another signer, is no reason to write a file anew whose recipe is the same."""
        return ()

    @cached_property
    def _sealer(self) -> Sealer | None:
        """Who signs, None where nobody is named. Raises UsageError for half a signer, InputError for files of none."""
        given = self.provenance
        if not isinstance(given, ProvenanceParams) or given.certificate is None:
            return None
        from imajin_cli.stages.provenance.signing import Sealer

        return Sealer(given)

    def publish(self, asset: Asset) -> Publication:
        """The files of ``asset`` and its manifest entry; the first file is the largest PNG, or else the first made.

        Rejected: a verdict against the asset (with its code), a file over the budget, an icon that cannot be seen (15).
        Raises NoVerdictError (22) for a required gate without a pass for these pixels, UsageError for a size that no
        base has, InputError where there is no picture, or no vector for an SVG, BackendError for a file that does not
        read back.
        """
        from imajin_cli.stages.publication.entry import held_gates
        from imajin_cli.stages.publication.files import Collector
        from imajin_cli.stages.publication.manifest import published

        picture = asset.picture
        if picture is None:
            raise InputError(f"{asset.name}: has no picture yet", hint="pipe it through `imajin generate` first")
        # What this stage said earlier, of other params, is not held against it.
        verdict = verdict_of([record for record in asset.sidecar.stages if record.stage != self.name])
        if verdict.status != "accepted":
            code = Exit(verdict.code) if verdict.code in set(Exit) else Exit.ERROR
            reason = f"{verdict.by} rejected it: {verdict.reason or 'no reason given'}"
            return rejected(Outcome("rejected", reason, code=code or Exit.ERROR))
        gates = held_gates(asset.sidecar, self.params.require, picture.sha256)
        settings = self._with_packet(asset, settings_of(self.params, asset))
        collector = Collector(asset, self.params, settings)
        files = collector.collect()
        failure = collector.failure()
        if failure is not None:
            return rejected(
                Outcome("rejected", failure, code=Exit.QUALITY, scores=collector.scores(), notes=collector.notes())
            )
        outcome = Outcome("changed", scores=collector.scores(), notes=collector.notes())
        if self._sealer is not None:
            from imajin_cli.stages.publication.sealing import sealed

            files = sealed(asset, files, self._sealer)
        return published(asset, self.params, files, gates, outcome)

    def _with_packet(self, asset: Asset, settings: Settings) -> Settings:
        """``settings`` with the XMP packet that rasters get, if any."""
        given = self.provenance
        if not isinstance(given, ProvenanceParams) or given.source_type == "off":
            return settings
        from imajin_cli.stages.publication.sealing import with_packet

        return with_packet(settings, asset, given, signed=self._sealer is not None)


def settings_of(params: OutputParams, asset: Asset) -> Settings:
    """The encoders' settings that ``params`` stand for."""
    from imajin_cli.stages.imaging.encode.formats import Settings
    from imajin_cli.stages.publication.entry import background_of

    names = ("webp_quality", "avif_quality", "jpeg_quality", "lossless", "palette")
    chosen: Mapping[str, Any] = {name: getattr(params, name) for name in names}
    budget = params.budget_kb * 1000 if params.budget_kb is not None else None
    return Settings(**chosen, budget=budget, background=background_of(asset))


def rejected(outcome: Outcome) -> Publication:
    """A publication of nothing."""
    return Publication((), {}, outcome)
