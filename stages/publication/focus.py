"""What a picture is cut around: its subject by its own layers, its alpha, its flat ground, or a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imajin_cli.contract.errors import MissingError
from imajin_cli.contract.sidecar import Sidecar

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.crop import Box, Focus
    from imajin_cli.stages.publication.render import Renderer

# Longer side in pixels at which a picture is looked at, and at which faces are looked for.
_PROBE, _FACE_PROBE = 256, 640
# From this alpha on a pixel is seen.
_SEEN = 24
# Layers that are the picture's point, and those that go with it where there is room.
_KEPT, _WISHED = ("subject", "badge", "text"), ("companions",)
# Air around what must not be cut, as a part of the picture's longer side.
_AIR = 0.03
# What a face's box lacks of the head, as parts of its height: above, below, and to either side.
_HEAD = (0.6, 0.35, 0.3)
# A border whose levels differ by no more is a flat ground; what differs by more stands on it.
_FLAT = 6


def focus_of(renderer: Renderer, sidecar: Sidecar) -> Focus:
    """What ``renderer``'s picture is to be cut around. Nothing found is "centre": then the middle is as good as any."""
    from imajin_cli.stages.imaging.crop import Focus

    size = renderer.picture.size
    kind, keep, wish = _layers(renderer)
    if keep is None:
        kind, keep = _looked_at(renderer.picture.image)
    texts = tuple(_texts(sidecar, size))
    if keep is None:
        return Focus("centre", (size[0] / 2, size[1] / 2), whole=texts)
    keep = _aired(keep, size)
    return Focus(kind, ((keep[0] + keep[2]) / 2, (keep[1] + keep[3]) / 2), keep, texts, wish)


def _layers(renderer: Renderer) -> tuple[str, Box | None, Box | None]:
    """The box of the subject's layers, and that of what goes with it; None where the picture has no layers."""
    vector = renderer.vector
    names = [name for name in (*_KEPT, *_WISHED) if vector is not None and name in vector.layers]
    if "subject" not in names:
        return "", None, None
    size = renderer.picture.size
    scale = min(1.0, _PROBE / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    boxes = {name: _seen(mask, size) for name, mask in renderer.masks(small, names).items()}
    kept = [box for name in _KEPT if name != "text" and (box := boxes.get(name)) is not None]
    every = [box for box in boxes.values() if box is not None]
    return "subject", _around(kept), _around(every)


def _looked_at(image: Image) -> tuple[str, Box | None]:
    """What the pixels alone show: what is not see-through, what stands on a flat ground, or a face."""
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        box = alpha.point([0] * _SEEN + [255] * (256 - _SEEN)).getbbox()
        if box is not None and box != (0, 0, *image.size):
            return "alpha", box
    face = _face(image)
    if face is not None:
        return "face", face
    ground = flat_ground(image)
    if ground is None:
        return "centre", None
    from PIL import Image as Pillow
    from PIL import ImageChops

    plain = image.convert("RGB")
    off = ImageChops.difference(plain, Pillow.new("RGB", plain.size, ground)).convert("L")
    return "ground", off.point([0] * (_FLAT * 2) + [255] * (256 - _FLAT * 2)).getbbox()


def flat_ground(image: Image) -> tuple[int, int, int] | None:
    """The one colour (RGB levels) along all four edges of ``image``, None where there are several."""
    from PIL import ImageStat

    plain = image.convert("RGB")
    width, height = plain.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    found = [ImageStat.Stat(plain.crop(edge)) for edge in edges]
    lows = [min(stat.extrema[band][0] for stat in found) for band in range(3)]
    highs = [max(stat.extrema[band][1] for stat in found) for band in range(3)]
    if any(high - low > _FLAT for low, high in zip(lows, highs, strict=True)):
        return None
    red, green, blue = (round(sum(stat.mean[band] for stat in found) / len(found)) for band in range(3))
    return red, green, blue


def _face(image: Image) -> Box | None:
    """The heads of all faces found, None where there is none, or nothing to find them with."""
    import numpy as np

    from imajin_cli.stages.backends.faces import boxes

    scale = min(1.0, _FACE_PROBE / max(image.size))
    small = image.convert("RGB").resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    try:
        found = boxes(np.asarray(small))
    except MissingError:
        return None
    heads = []
    for left, top, right, bottom in found:
        high = bottom - top
        head = (left - high * _HEAD[2], top - high * _HEAD[0], right + high * _HEAD[2], bottom + high * _HEAD[1])
        x0, y0, x1, y1 = (round(value / scale) for value in head)
        heads.append((max(0, x0), max(0, y0), min(image.width, x1), min(image.height, y1)))
    return _around(heads)


def _texts(sidecar: Sidecar, size: tuple[int, int]) -> list[Box]:
    """Where the latest `text` stage set words, as boxes inside the picture."""
    said = next((r.notes for r in reversed(sidecar.stages) if r.stage == "text" and r.status == "changed"), {})
    box = said.get("box")
    if not (isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)):
        return []
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(size[0], round(box[0] + box[2]) + 1), min(size[1], round(box[1] + box[3]) + 1)
    return [(left, top, right, bottom)] if left < right and top < bottom else []


def _seen(mask: Image, size: tuple[int, int]) -> Box | None:
    """The box of what ``mask`` (a layer's alpha, drawn small) shows, in pixels of the picture."""
    box = mask.point([0] * _SEEN + [255] * (256 - _SEEN)).getbbox()
    if box is None:
        return None
    x, y = size[0] / mask.width, size[1] / mask.height
    return int(box[0] * x), int(box[1] * y), min(size[0], round(box[2] * x)), min(size[1], round(box[3] * y))


def _around(boxes: list[Box]) -> Box | None:
    if not boxes:
        return None
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _aired(box: Box, size: tuple[int, int]) -> Box:
    """``box`` with a little air around it, as far as the picture goes."""
    air = round(_AIR * max(size))
    return max(0, box[0] - air), max(0, box[1] - air), min(size[0], box[2] + air), min(size[1], box[3] + air)
