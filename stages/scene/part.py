"""A part: a piece of drawing with colour roles instead of colours, and what the layout needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from imajin_cli.contract.sidecar import Credit

Box = tuple[float, float, float, float]

# Every colour in a part is one of these, written "@role" in its SVG; a palette maps each to a hex colour.
ROLES = (
    "pale",
    "light",
    "main",
    "deep",
    "paper",
    "ink",
    "line",
    "mist",
    "accent",
    "accent-deep",
    "skin",
    "hair",
    "cloth",
)


@dataclass(frozen=True)
class Part:
    """A drawing in its own units.

    ``body`` is SVG elements without a root, colours as "@role". ``view`` is (width, height) of its own canvas, ``box`` the
    tight (x0, y0, x1, y1) of what is drawn. ``ground`` is the y on which it stands, None where it floats. ``badge`` is where
    the centre of a state badge goes best, ``hold`` where a small thing can be held, both in the part's units.
    ``outline`` is the same drawing as lines on paper; "@w" in it stands for a stroke width in the part's units.
    A ``frail`` part has so much white along its edge that it would be lost on a white page.
    """

    name: str
    kind: str
    title: str
    body: str
    view: tuple[float, float]
    box: Box
    credit: Credit
    ground: float | None = None
    badge: tuple[float, float] | None = None
    hold: tuple[float, float] | None = None
    desc: str = ""
    words: tuple[str, ...] = ()
    outline: str = ""
    frail: bool = False

    @property
    def width(self) -> float:
        """Width of what is drawn, in the part's units."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of what is drawn, in the part's units."""
        return self.box[3] - self.box[1]
