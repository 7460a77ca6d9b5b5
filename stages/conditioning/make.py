"""The maps of one asset: which are wanted, what each is made from, and what the record says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.maps import INIT
from imajin_cli.contract.picture import ControlMap, Picture, Vector
from imajin_cli.contract.request import parse_size
from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.conditioning import clothing, given, poses
from imajin_cli.stages.conditioning.params import ConditionParams
from imajin_cli.stages.conditioning.presets import PRESETS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# Where a pose is all that is known, and no size was asked for.
_CANVAS = (1024, 1024)
# A drawing that is light on the whole shows on black, any other on white.
_LIGHT = 0.72
# Of a photograph, what a person covers at least where there is one.
_LEAST_PERSON = 0.002


class Maker:
    """Makes the maps of one asset: ``picture`` is what they are made from, None for a request."""

    def __init__(self, params: ConditionParams, picture: Picture | None, request: Request | None) -> None:
        self.params = params
        self.picture = picture
        self.request = request
        self.maps: dict[str, ControlMap] = {}
        self.source: dict[str, str] = {}
        self.instead: dict[str, str] = {}
        self.more: dict[str, Any] = {}
        # Names of the networks that took part.
        self.networks: set[str] = set()

    def make(self) -> None:
        """Make all that is wanted. Raises UsageError, InputError, MissingError, BackendError."""
        brought = dict(given.parted(text) for text in self.params.map)
        for kind, path in brought.items():
            self._bring(kind, path)
        made: Mapping[str, Callable[[], None]] = {
            "canny": lambda: self._edges("canny"),
            "softedge": lambda: self._edges("softedge"),
            "lineart": lambda: self._edges("lineart"),
            "scribble": lambda: self._edges("scribble"),
            "pose": self._pose,
            "depth": lambda: self._relief("depth"),
            "normal": lambda: self._relief("normal"),
            "segmentation": self._segments,
            "layout": self._layout,
        }
        for kind in self._wanted():
            if kind in brought:
                self.instead[kind] = self._asked_by(kind)
            else:
                made[kind]()

    def notes(self) -> dict[str, Any]:
        """What the record says: by kind, where each map came from, and what a map of the user's stood in for."""
        told: dict[str, Any] = {"kinds": sorted(self.maps), "from": dict(sorted(self.source.items()))}
        if self.instead:
            told["given_instead_of"] = dict(sorted(self.instead.items()))
        return {**told, **self.more}

    def _wanted(self) -> list[str]:
        p = self.params
        found = list(p.kind)
        found += ["pose"] if p.pose is not None else []
        found += ["segmentation"] if p.clothing else []
        return list(dict.fromkeys(found))

    def _asked_by(self, kind: str) -> str:
        p = self.params
        if kind == "segmentation" and p.clothing:
            return "the clothing that was asked for"
        return "the pose that was asked for" if kind == "pose" and p.pose is not None else "one made from the picture"

    def _keep(self, kind: str, image: Image, source: str, *, whole: bool = False) -> None:
        # What was brought along, or made already, stands.
        if kind not in self.maps:
            self.maps[kind] = ControlMap(Picture.of(image), "contain" if whole else "cover")
            self.source[kind] = source

    def _bring(self, kind: str, path: str) -> None:
        data = given.read(path, "map")
        image = given.decoded(path, data)
        if kind != INIT:
            given.check(kind, path, given.told_kind(path, data), image)
        self._keep(kind, image, "given", whole=kind == "pose")

    # What maps are made from.

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the maps in pixels."""
        if self.picture is not None:
            size = self.picture.size
        else:
            sizes = self.request.size if self.request is not None else []
            size = parse_size(sizes[0]) if sizes else _CANVAS
        scale = min(1.0, self.params.side / max(size))
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

    @cached_property
    def image(self) -> Image:
        """The picture in RGB at the size of the maps; a vector is drawn at that size."""
        from PIL import Image as Pil

        picture = self._picture("map")
        if picture.vector is not None:
            from imajin_cli.stages.backends.resvg import render

            image = render(picture.vector.svg, *self.size)
        else:
            image = picture.image
            if image.size != self.size:
                image = image.convert("RGBA" if "A" in image.mode else "RGB").resize(self.size, Pil.Resampling.LANCZOS)
        return _on_ground(image) if "A" in image.mode else image.convert("RGB")

    def _picture(self, kind: str) -> Picture:
        if self.picture is None:
            raise UsageError(f"there is no picture to make a {kind} from", hint="--source FILE")
        return self.picture

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture as (height, width, 3)."""
        import numpy as np

        return np.asarray(self.image)

    @cached_property
    def vector(self) -> Vector | None:
        """The scene that the picture was drawn from, where it has layers."""
        found = self.picture.vector if self.picture is not None else None
        return found if found is not None and len(found.layers) > 0 else None

    # The kinds.

    def _edges(self, kind: str) -> None:
        from PIL import Image as Pil

        from imajin_cli.stages.imaging.control import edges

        self._picture(f"{kind} map")
        if kind == "canny":
            self._canny(self.pixels, "Canny, by OpenCV")
            return
        draw = {"softedge": edges.soft_edges, "lineart": edges.line_art, "scribble": edges.scribble}[kind]
        how = {
            "softedge": "gradients at three scales",
            "lineart": "difference of Gaussians",
            "scribble": "main contours",
        }
        self._keep(kind, Pil.fromarray(draw(self.pixels), "L"), how[kind])

    def _canny(self, pixels: NDArray[np.uint8], source: str) -> None:
        from PIL import Image as Pil

        from imajin_cli.stages.backends.opencv import canny

        if self.params.low > self.params.high:
            raise UsageError(f"--low {self.params.low} is above --high {self.params.high}")
        self._keep("canny", Pil.fromarray(canny(pixels, self.params.low, self.params.high), "L"), source)

    @cached_property
    def people(self) -> poses.People:
        """The people of the pose that was asked for, or else those in the picture."""
        text = self.params.pose
        if text is None:
            return self._found(self._picture("pose").image.convert("RGB"), "the picture")
        if text in PRESETS:
            return poses.named(text, self.size)
        if poses.looks_written_out(text):
            return poses.written_out(text)
        data = given.read(text, "pose")
        if data.lstrip()[:1] in (b"{", b"["):
            return poses.from_json(data, text)
        return self._found(given.decoded(text, data).convert("RGB"), text)

    def _found(self, image: Image, name: str) -> poses.People:
        """The people that BlazePose finds in ``image``."""
        from imajin_cli.stages.backends import blazepose

        found = blazepose.people(image)
        people = tuple(
            tuple(None if point is None else (point[0] / image.width, point[1] / image.height) for point in person)
            for person in found
            if sum(point is not None for point in person) >= 2
        )
        if not people:
            raise InputError(f"nobody was found in {name}", hint="--pose standing, or a file of keypoints")
        self.networks.add(blazepose.MODEL)
        return poses.People(people, "BlazePose", image.width / image.height)

    def _pose(self) -> None:
        from imajin_cli.stages.imaging.control.skeleton import draw

        people = self.people
        self.more["people"] = len(people.people)
        self._keep("pose", draw(poses.on_canvas(people, self.size), self.size), people.source, whole=True)

    def _segments(self) -> None:
        p = self.params
        if p.clothing or p.pose is not None:
            self._figures()
        elif self.vector is not None:
            self._scene_segments()
        else:
            self._person()

    def _figures(self) -> None:
        """The people of the pose as classes: flesh, and what they wear."""
        from PIL import Image as Pil
        from PIL import ImageDraw

        from imajin_cli.stages.conditioning import figure

        worn = clothing.worn(self.params.clothing)
        palette = clothing.palette_of(self.params.palette)
        canvas = Pil.new("RGB", self.size, palette.ground)
        pen = ImageDraw.Draw(canvas)
        for person in poses.on_canvas(self.people, self.size):
            figure.draw(pen, person, {part: garment for part, (_, garment) in worn.items()}, palette)
        if worn:
            self.more["clothing"] = {part: words for part, (words, _) in worn.items()}
        self.more["palette"] = self.params.palette
        self._keep("segmentation", canvas, f"a figure round the pose ({self.people.source})", whole=True)

    @cached_property
    def layers(self) -> list[Any]:
        """The scene's layers at the size of the maps. Raises InputError where there is no scene."""
        from imajin_cli.stages.conditioning.scene import layers

        if self.vector is None:
            raise InputError("there is no scene with layers to take the layout from", hint="imajin generate makes one")
        return layers(self.vector, self.size)

    def _scene_segments(self) -> None:
        from PIL import Image as Pil

        from imajin_cli.stages.conditioning.scene import classes
        from imajin_cli.stages.imaging.control.labels import ADE20K, painted

        found = self.layers
        labels, names = classes(self.vector or Vector(""), found)
        image = Pil.fromarray(painted(labels, [ADE20K[name] for name in names]), "RGB")
        self.more["classes"] = names
        self._keep("segmentation", image, "the scene's layers")

    def _person(self) -> None:
        """People and what is behind them: the one segmentation of photographs whose weights are at hand."""
        import numpy as np
        from PIL import Image as Pil

        from imajin_cli.stages.backends import mattes
        from imajin_cli.stages.imaging.control.labels import ADE20K, painted

        self._picture("segmentation map")
        matte = Pil.fromarray(mattes.person(self.image), "F").resize(self.size, Pil.Resampling.BICUBIC)
        labels = (np.asarray(matte) >= 0.5).astype(np.uint8)
        if float(labels.mean()) < _LEAST_PERSON:
            why = "of a photograph people alone can be told apart, and there is nobody"
            raise InputError(why, hint="--map segmentation=FILE")
        self.networks.add(mattes.PERSON)
        self.more["classes"] = ["wall", "person"]
        image = Pil.fromarray(painted(labels, [ADE20K["wall"], ADE20K["person"]]), "RGB")
        self._keep("segmentation", image, f"people, by {mattes.PERSON}")

    @cached_property
    def near(self) -> tuple[NDArray[np.float32], str]:
        """How near each pixel is, 0..1 from the farthest to the nearest, and how that is known."""
        import numpy as np
        from PIL import Image as Pil

        self._picture("depth map")
        if self.vector is not None:
            from imajin_cli.stages.conditioning.scene import depth

            return depth(self.layers), "the scene's layers"
        from imajin_cli.stages.backends import depths

        found = depths.depth(self.image)
        self.networks.add(depths.MODEL)
        plane = np.asarray(Pil.fromarray(found, "F").resize(self.size, Pil.Resampling.BICUBIC), np.float32)
        low, high = float(plane.min()), float(plane.max())
        return (plane - low) / max(high - low, 1e-6), depths.MODEL

    def _relief(self, kind: str) -> None:
        from PIL import Image as Pil

        from imajin_cli.stages.imaging.control.relief import depth_map, normal_map

        near, source = self.near
        if kind == "depth":
            self._keep("depth", Pil.fromarray(depth_map(near), "L"), source)
            return
        steep = 0.5 * min(self.size)
        self._keep("normal", Pil.fromarray(normal_map(near, steep), "RGB"), f"the slope of the depth ({source})")

    def _layout(self) -> None:
        """All that a diffusion model needs to repaint a layout: what is where, its edges, and a picture to begin from."""
        self._scene_segments()
        self._canny(self.pixels, "Canny, of the scene as it is drawn")
        self._keep(INIT, self.image, "the scene as it is drawn")


def _on_ground(image: Image) -> Image:
    """A see-through picture on white, or on black where what there is to see is light."""
    import numpy as np
    from PIL import Image as Pil

    pixels = np.asarray(image.convert("RGBA"), np.float32) / 255
    alpha = pixels[..., 3]
    light = float((pixels[..., :3].mean(axis=2) * alpha).sum() / max(float(alpha.sum()), 1e-6))
    ground = Pil.new("RGBA", image.size, (0, 0, 0, 255) if light > _LIGHT else (255, 255, 255, 255))
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")
