"""What typesetting needs of fonts, and the plain data it passes on. Lengths are in units of 1/2048 em, y upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

UNITS = 2048

Align = Literal["start", "center", "end"]
Ink = tuple[float, float, float, float]


class Glyph(Protocol):
    """A shaped glyph."""

    @property
    def gid(self) -> int:
        """Its index in the font; 0 is the box that stands for no glyph."""

    @property
    def cluster(self) -> int:
        """The index in the text that it came from."""

    @property
    def advance(self) -> int:
        """How far the pen moves on."""

    @property
    def dx(self) -> int:
        """Its shift to the right."""

    @property
    def dy(self) -> int:
        """Its shift upwards."""


class Face(Protocol):
    """A font at one setting."""

    @property
    def label(self) -> str:
        """Its name for messages."""

    @property
    def cap_height(self) -> int:
        """Height of a flat capital."""

    def shape(
        self, text: str, start: int, end: int, *, rtl: bool, script: str, language: str, ligatures: bool = True
    ) -> Sequence[Glyph]:
        """text[start:end] as glyphs in visual order, the rest of the text being context."""

    def extents(self, gid: int) -> tuple[int, int, int, int] | None:
        """Ink box (x0, y0, x1, y1) of a glyph, None for one without ink."""

    def outline(self, gid: int) -> str:
        """A glyph as SVG path data, relative to its origin."""


class Fonts(Protocol):
    """Where faces come from."""

    def face(self, cluster: str, script: str) -> Face:
        """The first that covers a cluster of a script. Raises MissingError where none does."""

    def base(self) -> Face:
        """The face of plain Latin, which gives a block its measures."""


@dataclass(frozen=True)
class Style:
    """How a block of text is set. ``leading`` is the line height in em, ``tracking`` the letter-spacing in em.

    ``direction`` is "auto", "ltr" or "rtl"; ``balance`` evens the lines out.
    """

    language: str
    leading: float
    tracking: float = 0.0
    direction: Literal["auto", "ltr", "rtl"] = "auto"


@dataclass(frozen=True)
class Run:
    """A stretch of text of one direction level, script and face."""

    start: int
    end: int
    level: int
    script: str
    face: Face


@dataclass(frozen=True)
class Placed:
    """A glyph at its place on a line's baseline."""

    face: Face
    gid: int
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    """One set line: what it says, its glyphs, and the box (x0, y0, x1, y1) of its ink from the baseline's start."""

    text: str
    glyphs: Sequence[Placed]
    ink: tuple[int, int, int, int]

    @property
    def width(self) -> int:
        """Width of the ink."""
        return self.ink[2] - self.ink[0]
