"""What can be read off the pixels exactly, so that no encoder has to guess: colours, ground, proportions, manner.

Every value is 0..1, a share or a likeness; the taxonomy names a measurement and the least value at which its filter
holds. Hue, saturation and lightness are HSL (Joblove and Greenberg 1978), lightness of a ground WCAG's luminance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.imaging.metrics.planes import Planes

# Upper ends of the hue ranges, in degrees; what lies above the last is red again.
HUES = (
    ("red", 14),
    ("orange", 42),
    ("yellow", 68),
    ("green", 165),
    ("teal", 195),
    ("blue", 255),
    ("purple", 295),
    ("pink", 345),
)
# Above this share of unlike neighbours a picture counts as a photograph: flat art has about 0.1, photographs 0.9.
PHOTO = 0.6
# Colours (4 bits a channel) from which on a picture has as many as photographs have.
PHOTO_COLOURS = 200
GREY_SATURATION, BLACK, PALE = 0.13, 0.13, 0.93


def measurements(planes: Planes) -> dict[str, float]:
    """Every measurement of one picture by name. A picture with nothing to see gives zeros where content is asked for."""
    import numpy as np

    seen = planes.content > 0
    rgb = planes.pixels[..., :3][seen].astype(np.float32) / np.float32(255)
    found = colours(rgb) | ground(planes) | shape(planes, seen) | manner(planes, seen)
    return {name: min(1.0, max(0.0, round(float(value), 4))) for name, value in found.items()}


def class_of(measured: Mapping[str, float]) -> str:
    """Whose calibration counts: "photo" where few neighbouring pixels are alike, else "drawing"."""
    return "photo" if measured["photographic"] > PHOTO else "drawing"


def hsl(rgb: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Hue in degrees, saturation and lightness 0..1, of colours (n, 3) in 0..1."""
    import numpy as np

    high, low = rgb.max(1), rgb.min(1)
    spread = np.maximum(high - low, 1e-6)
    light = (high + low) / 2
    saturation = np.where(high - low < 1e-4, 0, spread / np.maximum(1 - np.abs(2 * light - 1), 1e-6))
    r, g, b = rgb[:, 0], rgb[:, 1], rgb[:, 2]
    hue = (
        np.where(high == r, (g - b) / spread % 6, np.where(high == g, (b - r) / spread + 2, (r - g) / spread + 4)) * 60
    )
    return hue.astype(np.float32), saturation.astype(np.float32), light.astype(np.float32)


def colours(rgb: NDArray[np.float32]) -> dict[str, float]:
    """Shares of the content (n, 3) by colour name, and what follows from them."""
    import numpy as np

    names = [name for name, _ in HUES]
    if not len(rgb):
        return dict.fromkeys(
            [
                *names,
                "brown",
                "black",
                "white",
                "grey",
                "monochrome",
                "colourful",
                "vivid",
                "pastel",
                "dark",
                "light",
                "warm",
                "cool",
            ],
            0.0,
        )
    hue, saturation, light = hsl(rgb)
    chromatic = (saturation > GREY_SATURATION) & (light > BLACK) & (light < PALE)
    place = np.digitize(hue, [end for _, end in HUES]) % len(HUES)
    out = {name: float((chromatic & (place == i)).mean()) for i, name in enumerate(names)}
    out["brown"] = float((chromatic & (place <= 1) & (light < 0.42) & (saturation < 0.75)).mean())
    out["black"] = float((light <= BLACK).mean())
    out["white"] = float((light >= PALE).mean())
    out["grey"] = float((~chromatic & (light > BLACK) & (light < PALE)).mean())
    shares = np.array([out[name] for name in names])
    # Neighbouring hues are one colour to the eye: the greatest share that two neighbours hold together.
    pair = float((shares + np.roll(shares, 1)).max())
    coloured = max(float(shares.sum()), 1e-6)
    out["monochrome"] = 1.0 if coloured < 0.03 else pair / coloured
    out["colourful"] = min(1.0, float((shares > 0.04).sum()) / 4)
    strong = saturation * (1 - np.abs(2 * light - 1))
    out["vivid"] = float((strong > 0.5).mean())
    out["pastel"] = float((chromatic & (light > 0.72)).mean())
    out["dark"], out["light"] = float((light < 0.3).mean()), float((light > 0.7).mean())
    out["warm"] = (out["red"] + out["orange"] + out["yellow"] + out["pink"] * 0.5) / coloured * min(1.0, coloured * 4)
    out["cool"] = (
        (out["teal"] + out["blue"] + out["green"] * 0.5 + out["purple"] * 0.5) / coloured * min(1.0, coloured * 4)
    )
    return out


def ground(planes: Planes) -> dict[str, float]:
    """What lies behind the content: see-through, white, light, dark, coloured, plain, busy."""
    import numpy as np

    p = planes.pixels
    through = 0.0
    if planes.alpha is not None:
        a = planes.alpha
        through = float(np.concatenate([a[0], a[-1], a[:, 0], a[:, -1]]).mean()) / 255
        through = 1 - through
    border = np.concatenate([p[0], p[-1], p[:, 0], p[:, -1]])
    # Where the border is mostly see-through, there is no ground to name.
    solid = border[border[:, 3] > 127][:, :3] if planes.alpha is not None else border
    is_ground = through < 0.5 and len(solid) > 0
    share = 0.0 if not is_ground else 1.0
    lin = (
        (np.where(solid / 255 <= 0.04045, solid / 255 / 12.92, ((solid / 255 + 0.055) / 1.055) ** 2.4))
        if is_ground
        else solid
    )
    luminance = lin @ np.array([0.2126, 0.7152, 0.0722]) if is_ground else np.zeros(1)
    spread = (solid.max(1).astype(np.int16) - solid.min(1)) if is_ground else np.zeros(1)
    uniform = 1.0 if planes.ground is not None else 0.0
    return {
        "transparent_ground": through,
        "white_ground": share * float((luminance > 0.9).mean()),
        "light_ground": share * float((luminance > 0.5).mean()),
        "dark_ground": share * float((luminance < 0.12).mean()),
        "coloured_ground": share * float((spread > 30).mean()),
        "plain_ground": max(uniform, 1.0 if through > 0.95 else 0.0),
        "busy_ground": share * (1 - uniform),
    }


def shape(planes: Planes, seen: NDArray[np.bool_]) -> dict[str, float]:
    """Proportions of the canvas, and how the content sits in it."""
    import numpy as np

    width, height = planes.size
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    out = {
        "square": min(width, height) / max(width, height),
        "wide": 1 - height / max(width, height),
        "tall": 1 - width / max(width, height),
    }
    if not len(rows):
        return out | dict.fromkeys(("centred", "symmetric", "spacious", "full_bleed", "filled"), 0.0)
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    off = max(abs((x0 + x1) / 2 / width - 0.5), abs((y0 + y1) / 2 / height - 0.5)) * 2
    inside = seen[y0:y1, x0:x1]
    grey = planes.grey[y0:y1, x0:x1].astype(np.float32)
    difference = float(np.abs(grey - grey[:, ::-1]).mean()) / max(float(grey.std()), 12.0)
    box = (x1 - x0) * (y1 - y0) / (width * height)
    touching = sum((y0 == 0, y1 == height, x0 == 0, x1 == width))
    return out | {
        "centred": 1 - off,
        "symmetric": 1 - difference,
        "spacious": 1 - box,
        "full_bleed": touching / 4 * float(inside.mean()),
        "filled": float(inside.mean()),
    }


def manner(planes: Planes, seen: NDArray[np.bool_]) -> dict[str, float]:
    """Flat art or photograph, thin lines or solid shapes, see-through parts, how much goes on."""
    import numpy as np
    from PIL import Image, ImageFilter

    flat = planes.flatness
    # A small drawing is mostly soft edges, as unlike as a photograph's pixels; but it has few colours.
    coarse = (planes.pixels[..., :3][seen] >> 4).astype(np.uint16)
    many = len(np.unique(coarse[:, 0] << 8 | coarse[:, 1] << 4 | coarse[:, 2]))
    photographic = (1 - flat) * min(1.0, many / PHOTO_COLOURS)
    out = {"flat": flat, "photographic": photographic, "line_art": 0.0, "busy": 0.0, "translucent": 0.0}
    if not seen.any():
        return out
    # Of what there is to see, the share that a brush of a fourteenth of its size does not fit into.
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    part = Image.fromarray((seen * 255).astype(np.uint8)).crop(
        (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    )
    scale = 112 / max(part.size)
    small = part.resize((max(1, round(part.width * scale)), max(1, round(part.height * scale))), Image.Resampling.BOX)
    mask = Image.new("L", (small.width + 16, small.height + 16))
    mask.paste(small.point([0] * 128 + [255] * 128), (8, 8))
    opened = mask.filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MaxFilter(9))
    whole = max(int(np.count_nonzero(np.asarray(mask))), 1)
    out["line_art"] = 1 - np.count_nonzero(np.asarray(opened)) / whole
    grey = planes.grey.astype(np.int16)
    edges = (np.abs(np.diff(grey, axis=1))[:-1] > 24) | (np.abs(np.diff(grey, axis=0))[:, :-1] > 24)
    # Edges are lines: in a picture twice as large they are half of the share.
    out["busy"] = float(edges.mean()) * 5 * max(grey.shape) / 512 if edges.size else 0.0
    if planes.alpha is not None:
        a = planes.alpha
        visible = a > 8
        out["translucent"] = float(((a > 24) & (a < 231) & visible).sum() / max(int(visible.sum()), 1))
    return out
