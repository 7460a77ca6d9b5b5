"""HarfBuzz: text to positioned glyphs, and glyphs to outlines.

Everything is in units of 1/2048 em, y upwards, whatever the font's own grid: outlines of several fonts share a path.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from imajin_cli.contract.errors import BackendError, InputError

UNITS = 2048
_FONT_MAX_BYTES = 128 * 1024 * 1024


class Shaped(NamedTuple):
    """A glyph in visual order: its index in the font, the text index it came from, its advance and its shift."""

    gid: int
    cluster: int
    advance: int
    dx: int
    dy: int


class HbFace:
    """One font file at one setting of its axes. ``key`` tells two of them apart; ``label`` is for messages."""

    def __init__(self, path: Path, index: int, axes: Mapping[str, float], label: str) -> None:
        import uharfbuzz as hb

        self._hb = hb
        self.label = label
        self.key = f"{path}#{index}#{sorted(axes.items())}"
        face = _face(str(path), index, *_state(path))
        known = {info.tag for info in face.axis_infos}
        self._font = hb.Font(face)
        self._font.scale = (UNITS, UNITS)
        self._font.set_variations({tag: value for tag, value in axes.items() if tag in known})
        self._outlines: dict[int, str] = {}
        self._covers: dict[str, bool] = {}

    @cached_property
    def cap_height(self) -> int:
        """Height of a flat capital (of a tall letter where the font has no capitals)."""
        return self._top("H") or self._top("ا") or self._top("国") or round(0.7 * UNITS)

    def _top(self, char: str) -> int:
        gid = self._font.get_nominal_glyph(ord(char))
        box = self.extents(gid) if gid else None
        return box[3] if box else 0

    def covers(self, char: str) -> bool:
        """Whether the font has a glyph for ``char``."""
        if char not in self._covers:
            self._covers[char] = bool(self._font.get_nominal_glyph(ord(char)))
        return self._covers[char]

    def shape(
        self, text: str, start: int, end: int, *, rtl: bool, script: str, language: str, ligatures: bool = True
    ) -> list[Shaped]:
        """Shape ``text[start:end]`` as one run, the rest of ``text`` being its context. Kerning is on."""
        hb = self._hb
        buffer = hb.Buffer()
        buffer.add_codepoints([ord(c) for c in text], start, end - start)
        buffer.direction = "rtl" if rtl else "ltr"
        buffer.script = script
        buffer.language = language
        features = {"kern": True} if ligatures else {"kern": True, "liga": False, "clig": False}
        hb.shape(self._font, buffer, features)
        infos, positions = buffer.glyph_infos, buffer.glyph_positions
        if infos and positions is None:
            raise BackendError(f"HarfBuzz gave no positions for a run set in {self.label}")
        return [
            Shaped(info.codepoint, info.cluster, pos.x_advance, pos.x_offset, pos.y_offset)
            for info, pos in zip(infos, positions or (), strict=True)
        ]

    def extents(self, gid: int) -> tuple[int, int, int, int] | None:
        """Ink box (x0, y0, x1, y1) of a glyph, y upwards; None for one without ink."""
        box = self._font.get_glyph_extents(gid)
        if box is None or not box.width or not box.height:
            return None
        x1, y0 = box.x_bearing + box.width, box.y_bearing + box.height
        return box.x_bearing, y0, x1, box.y_bearing

    def outline(self, gid: int) -> str:
        """SVG path data of a glyph, every point relative to the one before; the first to the glyph's origin.

        It ends at the origin of its last contour; put an absolute "M" before each glyph.
        """
        if gid not in self._outlines:
            pen = _Pen()
            self._font.draw_glyph(gid, _draw_funcs(), pen)
            self._outlines[gid] = "".join(pen.parts)
        return self._outlines[gid]


class _Pen:
    """Collects a glyph's contours as relative path commands in whole units."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.x = self.y = 0
        self.start = (0, 0)

    def add(self, command: str, *points: float) -> None:
        """Append one command; ``points`` are absolute coordinates, two to a point."""
        whole = [round(v) for v in points]
        pairs = zip(whole[::2], whole[1::2], strict=True)
        self.parts.append(command + " ".join(f"{x - self.x} {y - self.y}" for x, y in pairs))
        self.x, self.y = whole[-2], whole[-1]

    def move(self, x: float, y: float) -> None:
        """Begin a contour."""
        self.add("m", x, y)
        self.start = (self.x, self.y)

    def close(self) -> None:
        """End a contour: the pen is back at its start."""
        self.parts.append("z")
        self.x, self.y = self.start


@lru_cache(maxsize=1)
def _draw_funcs() -> Any:
    import uharfbuzz as hb

    funcs = hb.DrawFuncs()
    funcs.set_move_to_func(lambda x, y, pen: pen.move(x, y))
    funcs.set_line_to_func(lambda x, y, pen: pen.add("l", x, y))
    funcs.set_quadratic_to_func(lambda cx, cy, x, y, pen: pen.add("q", cx, cy, x, y))
    funcs.set_cubic_to_func(lambda ax, ay, bx, by, x, y, pen: pen.add("c", ax, ay, bx, by, x, y))
    funcs.set_close_path_func(lambda pen: pen.close())
    return funcs


@lru_cache(maxsize=32)
def _face(path: str, index: int, changed: int, size: int) -> Any:
    """The font file opened (memory-mapped, so a large CJK font costs what is used of it).

    Raises InputError for a file that is missing, too large or no font.
    """
    import uharfbuzz as hb

    del changed
    file = Path(path)
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise InputError(f"cannot read the font {file.name}: {error.strerror}") from error
    if size > _FONT_MAX_BYTES:
        raise InputError(f"the font {file.name} is larger than {_FONT_MAX_BYTES >> 20} MiB")
    if magic not in (b"\0\1\0\0", b"OTTO", b"true", b"ttcf"):
        raise InputError(f"{file.name} is no TrueType or OpenType font")
    face = hb.Face(hb.Blob.from_file_path(path), index)
    if not face.glyph_count or not _has_outlines(face):
        raise InputError(f"the font {file.name} is damaged or has no outlines")
    return face


def _has_outlines(face: Any) -> bool:
    tables = set(face.table_tags)
    return "cmap" in tables and bool(tables & {"glyf", "CFF ", "CFF2"})


def _state(path: Path) -> tuple[int, int]:
    """(time, size) of a file, which tell one state of it from another; zeros where there is none."""
    try:
        state = path.stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def open_face(path: Path, index: int, axes: tuple[tuple[str, float], ...], label: str) -> HbFace:
    """The face for a font file at the given axis values (unknown axes are left out), kept open for the next picture."""
    path = path.absolute()
    return _open_face(path, index, axes, label, _state(path))


@lru_cache(maxsize=64)
def _open_face(
    path: Path, index: int, axes: tuple[tuple[str, float], ...], label: str, state: tuple[int, int]
) -> HbFace:
    del state
    try:
        return HbFace(path, index, dict(axes), label)
    except (struct.error, ValueError, TypeError) as error:
        raise InputError(f"the font {path.name} cannot be used: {error}") from error


def language_ok(tag: str) -> bool:
    """Whether HarfBuzz can take ``tag`` as a language (letters, digits and hyphens of a BCP 47 tag)."""
    parts: Sequence[str] = tag.split("-")
    return all(p.isascii() and p.isalnum() and len(p) <= 8 for p in parts) and parts[0].isalpha()
