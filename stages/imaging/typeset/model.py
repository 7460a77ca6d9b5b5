"""What typesetting needs of fonts, and the plain data it passes on. Lengths are in units of 1/2048 em, y upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

UNITS = 2048

Align = Literal["start", "center", "end"]
Ink = tuple[float, float, float, float]


class Glyph(Protocol):
    """A shaped glyph: index in its font, index of the text it came from, advance and shift."""

    @property
    def gid(self) -> int: ...
    @property
    def cluster(self) -> int: ...
    @property
    def advance(self) -> int: ...
    @property
    def dx(self) -> int: ...
    @property
    def dy(self) -> int: ...


class Face(Protocol):
    """A font at one setting."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def cap_height(self) -> int: ...
    def shape(
        self, text: str, start: int, end: int, *, rtl: bool, script: str, language: str, ligatures: bool = True
    ) -> Sequence[Glyph]: ...
    def extents(self, gid: int) -> tuple[int, int, int, int] | None: ...
    def outline(self, gid: int) -> str: ...


class Fonts(Protocol):
    """Where faces come from: the first that covers a cluster of a script, else MissingError."""

    def face(self, cluster: str, script: str) -> Face: ...
    def base(self) -> Face: ...


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
