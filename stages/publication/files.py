"""All files of one asset: drawn once a size, encoded side by side, read back, measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.families import read_families
from imajin_cli.contract.sidecar import Score
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.marks.asked import Marker, payload_of
from imajin_cli.stages.publication.entry import alt_of, theme_of
from imajin_cli.stages.publication.icon import Icon, make_icon
from imajin_cli.stages.publication.made import NO_PICTURE, Made
from imajin_cli.stages.publication.names import TELLING, fields_of, filled, ratio_word, safe_name, scale_word
from imajin_cli.stages.publication.plan import Plan, Variant, planned, same_shape
from imajin_cli.stages.publication.render import Renderer

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.encode.formats import Settings
    from imajin_cli.stages.output import OutputParams


# What --format auto tries.
_AUTO = ("png", "webp", "avif")


class Collector:
    """Makes one asset's files. ``collect`` first; then ``failure``, ``scores`` and ``notes`` say what came of it."""

    def __init__(self, asset: Asset, params: OutputParams, settings: Settings) -> None:
        if asset.picture is None:
            raise InputError(f"{asset.name}: has no picture yet")
        self.asset = asset
        self.params = params
        self.settings = settings
        families = read_families(params.family, params.define)
        self.plan: Plan = planned(asset, params.size, params.scale, cut=params.crop, families=families)
        self.renderer = Renderer(asset.picture, asset.name, asset.sidecar)
        self.stem = stem_of(asset, params.name)
        self.base = asset.picture.size
        self.files: list[Made] = []
        self.marker = Marker(payload_of(asset.sidecar))
        self.icon: Icon | None = None
        self._smallest = "auto" in params.format
        self._svg_is_smaller = False
        self._known: dict[tuple[tuple[int, int], bool], list[Made]] = {}

    def collect(self) -> list[Made]:
        """Every file, named, the primary one first. Raises as ``Output.publish`` does."""
        kinds = [kind for kind in self.params.format if kind not in ("svg", "ico", "auto")]
        for variant in self.plan.variants if kinds or self._smallest else ():
            self.files += self._rasters(variant, kinds)
        if "svg" in self.params.format or self._svg_is_smaller:
            self.files.append(self._vector_file)
        if "ico" in self.params.format and self._icon_is_mine():
            self.icon = make_icon(self.renderer, self.params.ico_sizes, theme_of(self.asset))
            side = max(self.params.ico_sizes)
            self.files.append(Made(self._base_mark(), "ico", self.icon.data, (side, side), (side, side), role="icon"))
        if self.plan.icons:
            self.files += self._site()
        if self.params.animate != "no":
            self.files += self._moving()
        if self.params.layers:
            self.files += self._masks()
        if self.params.master or (self.plan.variants and all(variant.cut for variant in self.plan.variants)):
            # What is cut is nowhere else whole.
            self.files.append(self._master())
        self.files = _primary_first(self._named(self._told(file)) for file in self.files)
        if not self.files:
            raise UsageError(f"{self.asset.name}: nothing to publish", hint="ask for another --format")
        taken = {file.name.casefold() for file in self.files}
        if len(taken) < len(self.files):
            raise UsageError(f"{self.asset.name}: two of its files would get the same name")
        return self.files

    def failure(self) -> str | None:
        """Why the asset is not fit to be published, naming the file; None where it is."""
        budget = self.settings.budget
        for file in self.files:
            if budget is not None and len(file.data) > budget and file.role in ("asset", "icon"):
                return f"{file.name} has {len(file.data):,} bytes, more than the budget of {budget:,}"
        if self.icon is not None and self.icon.contrast < self.params.icon_contrast:
            name = next(file.name for file in self.files if file.role == "icon")
            found, least = self.icon.contrast, self.params.icon_contrast
            return f"{name} at {self.icon.smallest} px has a contrast of {found:.2f}, less than {least:g}"
        return None

    def scores(self) -> list[Score]:
        """The largest file against the budget, and the icon's contrast where there is one."""
        budget = self.settings.budget
        largest = max((len(file.data) for file in self.files if file.role in ("asset", "icon")), default=0) / 1000
        scores = [Score(name="largest_file", value=largest, unit="kB")]
        if budget is not None:
            scores = [
                Score(
                    name="largest_file",
                    value=largest,
                    threshold=budget / 1000,
                    op="<=",
                    passed=largest <= budget / 1000,
                    unit="kB",
                )
            ]
        if self.icon is not None:
            least = self.params.icon_contrast
            value = round(self.icon.contrast, 3)
            scores.append(
                Score(name="icon_contrast", value=value, threshold=least, op=">=", passed=self.icon.contrast >= least)
            )
        return scores

    def notes(self) -> dict[str, Any]:
        """What was made, for the record."""
        marks = [{"mark": file.mark_told} if file.mark_told is not None else {} for file in self.files]
        files = [
            {"name": file.name, "bytes": len(file.data), **file.remarks, **mark}
            for file, mark in zip(self.files, marks, strict=True)
        ]
        said = [*self.plan.notes, *dict.fromkeys(self.renderer.notes)]
        return {"files": files, **({"remarks": said} if said else {})}

    def _rasters(self, variant: Variant, kinds: Sequence[str]) -> list[Made]:
        from imajin_cli.stages.imaging.encode.formats import Drawn
        from imajin_cli.stages.publication.encoded import encoded

        mark = _mark_of(variant, sized=self.plan.sized)
        known = self._known.get((variant.pixels, variant.cut))
        if known is not None:  # 512 px at twice the density are 1024 px
            return [
                replace(file, mark=mark, size=variant.size, scale=variant.scale, family=variant.family)
                for file in known
            ]
        image = self.renderer.variant(variant)
        # The judged pixels hold the mark; every other size is drawn without it.
        own = variant.pixels == self.base and not variant.cut
        part = (self.renderer.box(variant.pixels), self.renderer.focus.kind) if variant.cut else None
        settings = self.settings
        if min(variant.pixels) < settings.xmp_from:
            settings = replace(settings, xmp=b"")
        drawn = Drawn(image if own else self.marker.marked(image), settings)

        def one(kind: str) -> Made:
            data, remarks = encoded(drawn, kind, settings)
            made = Made(mark, kind, data, variant.size, variant.pixels, variant.scale, remarks=remarks, cut=variant.cut)
            return replace(made, family=variant.family, part=part)

        wanted = list(dict.fromkeys([*kinds, *(_AUTO if self._smallest else ())]))
        if len(wanted) == 1 or (os.cpu_count() or 1) == 1:
            made = [one(kind) for kind in wanted]
        else:
            with ThreadPoolExecutor(len(wanted)) as pool:  # Pillow's encoders let other threads run
                made = list(pool.map(one, wanted))
        if self._smallest:
            made = self._with_smallest(made, kinds, variant)
        self._known[variant.pixels, variant.cut] = made
        return made

    def _with_smallest(self, made: list[Made], kinds: Sequence[str], variant: Variant) -> list[Made]:
        """Those of ``made`` that are of ``kinds``, and the smallest; none for it where the scene's SVG is smaller still."""
        sizes = {file.format: len(file.data) for file in made}
        # What an SVG shows is whole and has no mark in it.
        if self.renderer.picture.vector is not None and not variant.cut and self.marker.payload is None:
            sizes["svg"] = len(self._vector_file.data)
        best = min(sizes, key=lambda kind: sizes[kind])
        self._svg_is_smaller |= best == "svg"
        return [
            replace(file, remarks={**file.remarks, "smallest_of": sizes}) if file.format == best else file
            for file in made
            if file.format in kinds or file.format == best
        ]

    @cached_property
    def _vector_file(self) -> Made:
        return self._svg()

    def _svg(self) -> Made:
        from imajin_cli.stages.imaging.encode.svgfile import check_svg, encode_svg

        vector = self.renderer.vector
        if vector is None:
            raise InputError(
                f"{self.asset.name}: has no vector, so it cannot be an SVG", hint="leave svg out of --format"
            )
        data = encode_svg(vector.svg, self.base, alt_of(self.asset, self.params.alt))
        check_svg(data)
        self.renderer.check_like(data.decode(), "the SVG that would be published")
        return Made(self._base_mark(), "svg", data, self.base, self.base)

    def _site(self) -> list[Made]:
        """A site's icons, the largest PNG first, named; then its web app manifest, which names them."""
        from imajin_cli.stages.publication.appicons import app_icons, app_manifest

        svg = self._vector_file if self.renderer.picture.vector is not None else None
        icons, self.icon = app_icons(
            self.asset, self.renderer, self.settings, self.params.ico_sizes, svg, self.marker.marked
        )
        named = [self._named(file) for file in icons]
        return [*named, self._named(app_manifest(self.asset, self.params, named))]

    def _moving(self) -> list[Made]:
        from imajin_cli.stages.publication.motion import Asked, moving_files

        p = self.params
        if p.animate == "no":
            return []
        asked = Asked(p.animate, p.animate_seconds, p.animate_fps, p.animate_side)
        return moving_files(self.asset, self.renderer, asked, p, self._base_mark())

    def _icon_is_mine(self) -> bool:
        """One icon a request: from its square base where it has one."""
        group, request = self.asset.sidecar.group, self.asset.sidecar.request
        if group is None or request is None or group.ratios == 1 or same_shape(self.base, (1, 1)):
            return True
        from imajin_cli.contract.request import parse_size

        return not any(same_shape(parse_size(size), (1, 1)) for size in request.size)

    def _masks(self) -> list[Made]:
        from imajin_cli.stages.imaging.encode.raster import encode_png

        size = max((variant.pixels for variant in self.plan.variants if not variant.cut), default=self.base)
        masks = self.renderer.masks(size)
        if not masks:
            self.renderer.notes.append("the picture has no layers to publish")
        mark = self._base_mark()
        return [
            Made(f"{mark}.layer-{name}", "png", encode_png(mask), size, size, role="mask")
            for name, mask in masks.items()
        ]

    def _master(self) -> Made:
        from imajin_cli.stages.imaging.encode.raster import encode_png, tidy

        data = encode_png(tidy(self.renderer.picture.image))
        return Made(f"{self._base_mark()}.master", "png", data, self.base, self.base, role="master")

    def _base_mark(self) -> str:
        """What tells one base of the group from those of other aspect ratios in a name that has no size."""
        group = self.asset.sidecar.group
        return f"-{ratio_word(group.ratio)}" if group is not None and group.ratios > 1 else ""

    def _told(self, file: Made) -> Made:
        """The file with what its own bytes, decoded again, say of the invisible mark."""
        if self.marker.payload is None or file.role in NO_PICTURE:
            return file
        from imajin_cli.stages.imaging.encode.check import PILLOW_NAME, decoded

        image = decoded(file.data, file.format) if file.format in PILLOW_NAME else None
        return replace(file, mark_told=self.marker.told(image, file.format))

    def _named(self, file: Made) -> Made:
        if file.name:
            return file
        digits = f".{sha256(file.data)[:8]}" if self.params.hashed else ""
        ending = safe_name("x" + file.mark, "")[1:] + digits + "." + ("jpg" if file.format == "jpeg" else file.format)
        return replace(file, name=safe_name(file.stem or self.stem, ending))


def _mark_of(variant: Variant, *, sized: bool) -> str:
    """What tells a variant's files from the asset's others: "-hero-640x360@2x"."""
    size = "-{}x{}".format(*variant.size)
    if variant.family is not None:
        return f"-{variant.family}{'' if variant.alone else size}{scale_word(variant.scale)}"
    return (size if sized else "") + scale_word(variant.scale)


def stem_of(asset: Asset, template: str) -> str:
    """The name of an asset's files before what tells its files apart."""
    sidecar = asset.sidecar
    group, request = sidecar.group, sidecar.request
    ratio = group.ratio if group is not None else ""
    values = {
        "name": asset.name,
        "preset": (request.preset if request is not None else None) or "none",
        "seed": str(sidecar.seed if sidecar.seed is not None else request.seed if request is not None else 0),
        "index": str(group.index + 1 if group is not None else 1),
        "ratio": ratio_word(ratio) or "own",
        "id": sidecar.id,
        "theme": theme_of(asset) or "none",
    }
    stem = filled(template, values)
    # Of candidates that were drawn until one passed, the one needs no number; which one it was changes from prompt to prompt.
    alike = 1 if group is None else len(group.draw.chosen) if group.draw is not None else group.size
    if alike > 1 and not TELLING & set(fields_of(template)):
        stem = f"{stem}-{values['index']}"
    # Of a pair the light one has the plain name.
    other = group is not None and group.theme not in (None, "light") and "theme" not in fields_of(template)
    return f"{stem}-{values['theme']}" if other else stem


def _primary_first(files: Iterable[Made]) -> list[Made]:
    every = list(files)
    pngs = [file for file in every if file.format == "png" and file.role == "asset"]
    if not pngs:
        return every
    primary = max(pngs, key=lambda file: (file.pixels[0] * file.pixels[1], file.pixels, -file.scale))
    return [primary, *(file for file in every if file is not primary)]
