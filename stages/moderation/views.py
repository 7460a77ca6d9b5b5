"""What several layers look at, made once: the picture on its grounds, its faces, its text, its QR codes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from imajin_cli.contract.errors import NoVerdictError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from imajin_cli.stages.backends.faces import Face
    from imajin_cli.stages.backends.ocr import Code, Line

LARGEST_SIDE = 2048
"""Longest side in pixels of what is looked at; a larger picture is scaled down first."""
LONGEST_ASPECT = 20
"""A picture that is more times as long as wide is not judged: scaled down, nothing would be left of it to see."""
FACE_SIDE = 768
"""Longest side in pixels at which faces are looked for: one 80 pixels wide, the least that is found, is a tenth of it."""
OPAQUE = "as it is"
_CHECK = 8
_MARGIN = 32
_LIGHT_EDGE = 200


class Seen(NamedTuple):
    """Faces on one ground, and the RGB pixels (height, width, 3) that their boxes are of."""

    ground: str
    pixels: NDArray[np.uint8]
    faces: list[Face]


class Views:
    """One picture (mode L, LA, RGB or RGBA) as the layers see it. Work is done when first asked for, and kept.

    Raises NoVerdictError for a picture so long and narrow that nothing can be seen of it.
    """

    def __init__(self, image: Image) -> None:
        if max(image.size) > LONGEST_ASPECT * min(image.size) and max(image.size) > LARGEST_SIDE:
            raise NoVerdictError(f"a picture of {image.width}x{image.height} pixels is too long and narrow to judge")
        self.image = image

    @cached_property
    def working(self) -> Image:
        """The picture, at most `LARGEST_SIDE` pixels long, as RGB or RGBA."""
        image = self.image
        if max(image.size) > LARGEST_SIDE:
            from PIL.Image import Resampling

            scale = LARGEST_SIDE / max(image.size)
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(size, Resampling.BOX)
        return image.convert("RGBA" if "A" in image.mode else "RGB")

    @cached_property
    def grounds(self) -> dict[str, Image]:
        """The picture as RGB on white, black and the editors' checker; as it is where nothing of it is see-through."""
        image = self.working
        if image.mode != "RGBA":
            return {OPAQUE: image}
        low, _ = image.getchannel("A").getextrema()
        if low == 255:
            return {OPAQUE: image.convert("RGB")}
        from PIL import Image as Pil

        size = image.size
        laid = {"white": Pil.new("RGBA", size, "white"), "black": Pil.new("RGBA", size, "black")}
        laid["checker"] = checker(size)
        return {name: Pil.alpha_composite(ground, image).convert("RGB") for name, ground in laid.items()}

    @cached_property
    def text_grounds(self) -> list[str]:
        """The grounds on which text is looked for: white, and black too where light edges would vanish on white.

        Not on the checker, since ink stands out at least as much from one of the two.
        """
        if OPAQUE in self.grounds:
            return [OPAQUE]
        import numpy as np

        pixels = np.asarray(self.working)
        alpha = pixels[:, :, 3] > 64
        inner = alpha[1:-1, 1:-1] & alpha[:-2, 1:-1] & alpha[2:, 1:-1] & alpha[1:-1, :-2] & alpha[1:-1, 2:]
        edge = alpha.copy()
        edge[1:-1, 1:-1] &= ~inner
        light = pixels[:, :, :3].min(axis=2) >= _LIGHT_EDGE
        return ["white", "black"] if bool((edge & light).any()) else ["white"]

    @cached_property
    def inked(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom, in pixels of `working`, of all that is not wholly see-through, and a margin."""
        whole = (0, 0, *self.working.size)
        if OPAQUE in self.grounds:
            return whole
        left, top, right, bottom = self.working.getchannel("A").getbbox() or whole
        return max(0, left - _MARGIN), max(0, top - _MARGIN), min(whole[2], right + _MARGIN), min(whole[3], bottom + _MARGIN)

    @cached_property
    def faces(self) -> list[Seen]:
        """The faces on each ground."""
        import numpy as np
        from PIL.Image import Resampling

        from imajin_cli.stages.backends.faces import find

        found = []
        for name, image in self.grounds.items():
            scale = min(2.0, FACE_SIDE / max(image.size))
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            pixels = np.ascontiguousarray(image.resize(size, Resampling.BILINEAR))
            found.append(Seen(name, pixels, find(pixels)))
        return found

    @cached_property
    def lines(self) -> list[Line]:
        """The text in the picture."""
        import numpy as np

        from imajin_cli.stages.backends import ocr

        lines: list[Line] = []
        left, top, _, _ = self.inked
        longest = max(self.working.size)
        for name in self.text_grounds:
            pixels = np.asarray(self.grounds[name].crop(self.inked))
            boxes = ocr.boxes(pixels, longest)
            if boxes:
                lines += [line.moved(left, top) for line in ocr.read(pixels, boxes)]
        return lines

    @cached_property
    def codes(self) -> list[Code]:
        """The QR codes in the picture.

        Not on the checker: what stands out from that stands out as much from white or from black, and the detector takes
        each of its squares for a corner of a code, which costs seconds.
        """
        import numpy as np

        from imajin_cli.stages.backends import ocr

        plain = [ground for name, ground in self.grounds.items() if name != "checker"]
        found = [code for ground in plain for code in ocr.codes(np.asarray(ground))]
        # One code may be seen on both grounds, and read on one of them alone.
        return list(dict.fromkeys(code for code in found if code.text)) or found[:1]

    @cached_property
    def drawing(self) -> Any:
        """Whether the picture is drawn, and how flat it is (0..1)."""
        from imajin_cli.stages.imaging.drawn import drawn

        return drawn(self.working)


def checker(size: tuple[int, int]) -> Image:
    """The grey and white squares that editors show behind what is see-through, as RGBA."""
    from PIL import Image as Pil

    two = Pil.new("RGBA", (2 * _CHECK, 2 * _CHECK), "white")
    for at in ((0, 0), (_CHECK, _CHECK)):
        two.paste((204, 204, 204, 255), (*at, at[0] + _CHECK, at[1] + _CHECK))
    sheet = Pil.new("RGBA", size)
    across = Pil.new("RGBA", (size[0], 2 * _CHECK))
    for left in range(0, size[0], 2 * _CHECK):
        across.paste(two, (left, 0))
    for top in range(0, size[1], 2 * _CHECK):
        sheet.paste(across, (0, top))
    return sheet
