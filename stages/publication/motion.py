"""A scene in motion: an SVG with CSS, and frames of the very same motion as animated PNG and WebP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.publication.entry import alt_of
from imajin_cli.stages.publication.made import Made
from imajin_cli.stages.publication.render import Renderer

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.motion.choreography import Part
    from imajin_cli.stages.imaging.motion.model import Kind
    from imajin_cli.stages.imaging.motion.written import Animated
    from imajin_cli.stages.imaging.svgtree import Node
    from imajin_cli.stages.output import OutputParams

ROLE, MARK = "motion", ".motion"
# Longer side in pixels at which parts are measured.
_PROBE = 200
_SEEN = 16
MOVING = ("svg", "png", "webp")


@dataclass(frozen=True)
class Asked:
    """How a scene is to move: what kind of motion, the loop's seconds, frames a second, and the frames' longest side."""

    kind: Kind
    seconds: float
    rate: float
    side: int


def moving_files(asset: Asset, renderer: Renderer, asked: Asked, params: OutputParams, base: str) -> list[Made]:
    """The animated files of ``asset``, in those formats of ``params`` that can move. ``base`` tells bases apart in names.

    Raises InputError where the picture is no scene that imajin composed, or nothing in it can move so: only of its own
    scenes it is known that what the layers hide is no other picture than the one that was judged.
    """
    moving = animated(asset, renderer, asked, params)
    size = renderer.picture.size
    made = []
    kinds = [kind for kind in params.format if kind in MOVING]
    if "svg" in kinds:
        from imajin_cli.stages.imaging.encode.svgfile import written

        made.append(Made(base + MARK, "svg", written(moving.styled()), size, size, role=ROLE))
    rasters = [kind for kind in kinds if kind != "svg"]
    if rasters:
        made += _rasters(moving, rasters, size, asked, params, base)
    return made


def animated(asset: Asset, renderer: Renderer, asked: Asked, params: OutputParams) -> Animated:
    """The scene with its motion. Raises InputError as `moving_files` does."""
    from imajin_cli.stages.imaging.encode.svgfile import clean_tree
    from imajin_cli.stages.imaging.motion.choreography import choreographed
    from imajin_cli.stages.imaging.motion.written import Animated

    vector = renderer.vector
    drawn = any(r.stage == "generate" and r.backend == "compose" for r in asset.sidecar.stages)
    if vector is None or not drawn:
        raise InputError(
            f"{asset.name}: only a scene that imajin composed can move", hint="leave --animate out for this picture"
        )
    size = renderer.picture.size
    root, layers = clean_tree(vector.svg, size, alt_of(asset, params.alt))
    motion = choreographed(asked.kind, _parts(root, layers, size), size, asked.seconds)
    found = Animated(root, layers, motion, size)
    if not found.moves:
        raise InputError(f"{asset.name}: has nothing that could {asked.kind}", hint="try --animate auto")
    return found


def _rasters(
    moving: Animated, kinds: Sequence[str], size: tuple[int, int], asked: Asked, params: OutputParams, base: str
) -> list[Made]:
    from imajin_cli.stages.imaging.encode.moving import check_moving, durations, encode_apng, encode_moving_webp
    from imajin_cli.stages.imaging.encode.palette import paletted

    scale = min(1.0, asked.side / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    frames = frames_of(moving, small, asked.rate)
    times = durations(asked.seconds, len(frames))
    made = []
    for kind in kinds:
        if kind == "png":
            data = encode_apng(frames, times)
        else:
            data = encode_moving_webp(frames, times, params.webp_quality, flat=paletted(frames[0]) is not None)
        check_moving(data, kind, frames, asked.seconds)
        remarks = {"frames": len(frames), "seconds": asked.seconds}
        made.append(Made(base + MARK, kind, data, small, small, role=ROLE, remarks=remarks))
    return made


def frames_of(moving: Animated, size: tuple[int, int], rate: float) -> list[Image]:
    """The frames of one turn at about ``rate`` a second, each drawn ``size`` pixels."""
    return [frame_at(moving, size, at) for at in moving.motion.times(rate)]


def frame_at(moving: Animated, size: tuple[int, int], seconds: float) -> Image:
    """The scene at ``seconds``, drawn ``size`` pixels."""
    from imajin_cli.stages.backends.resvg import render
    from imajin_cli.stages.imaging.encode.raster import tidy
    from imajin_cli.stages.imaging.encode.svgcanvas import on_canvas
    from imajin_cli.stages.imaging.encode.svgfile import written

    svg = written(moving.frame(seconds)).decode()
    return tidy(render(on_canvas(svg, moving.size, size), *size)).convert("RGBA")


def _parts(root: Node, layers: Sequence[tuple[str, Node]], size: tuple[int, int]) -> list[Part]:
    """Every layer and every item of a layer, with the box of what is seen of it."""
    from imajin_cli.stages.imaging.motion.choreography import Part

    found = []
    for name in dict.fromkeys(name for name, _ in layers):
        groups = [node for other, node in layers if other == name]
        items = [item for group in groups for item in group.children()]
        for place, nodes in [(None, groups), *((i, [item]) for i, item in enumerate(items))]:
            box = _box(root, nodes, size)
            if box is not None:
                found.append(Part(name, place, box))
    return found


def _box(root: Node, nodes: Sequence[Node], size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """The box of what ``nodes`` show, in the drawing's units."""
    from dataclasses import replace

    from imajin_cli.stages.backends.resvg import render
    from imajin_cli.stages.imaging.encode.svgcanvas import on_canvas
    from imajin_cli.stages.imaging.encode.svgfile import written

    scale = min(1.0, _PROBE / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    shared = [child for child in root.children() if child.name in ("defs", "style", "linearGradient", "radialGradient")]
    alone = written(replace(root, content=[*shared, *nodes])).decode()
    alpha = render(on_canvas(alone, size, small), *small).getchannel("A")
    box = alpha.point([0] * _SEEN + [255] * (256 - _SEEN)).getbbox()
    if box is None:
        return None
    x, y = size[0] / small[0], size[1] / small[1]
    return round(box[0] * x, 2), round(box[1] * y, 2), round(box[2] * x, 2), round(box[3] * y, 2)
