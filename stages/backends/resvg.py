"""SVG text to pixels with resvg (MPL-2.0), through its Python binding resvg_py (MIT)."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError, MissingError

if TYPE_CHECKING:
    from PIL.Image import Image

# resvg allocates width × height × 4 bytes at once.
MAX_PIXELS = 100_000_000


_ROOT = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\s(width|height)\s*=\s*"\s*([\d.]+)(?:px)?\s*"')


def _sized(svg: str, width: int, height: int) -> str:
    """``svg`` with its root's size set, so that resvg draws exactly that canvas whatever the drawing's own ratio is."""
    found = _ROOT.search(svg)
    if found is None:
        raise BackendError("not SVG: no root element")
    tag = found[0]
    own = dict(_SIZE.findall(tag))
    tag = _SIZE.sub("", tag)
    if "viewBox" not in tag and len(own) == 2:
        tag = f'<svg viewBox="0 0 {own["width"]} {own["height"]}"{tag[4:]}'
    return f'{svg[: found.start()]}<svg width="{width}" height="{height}"{tag[4:]}{svg[found.end() :]}'


def render(svg: str, width: int, height: int) -> Image:
    """``svg`` drawn ``width`` × ``height`` pixels, as a Pillow RGBA image with straight alpha. No system fonts.

    Raises BackendError where resvg refuses the text, panics, or gives another size; MissingError without resvg_py.
    """
    if not (width > 0 and height > 0 and width * height <= MAX_PIXELS):
        raise BackendError(f"cannot draw {width}x{height} pixels")
    try:
        import resvg_py
    except ImportError as error:
        raise MissingError("resvg_py is not installed", hint="pip install resvg_py") from error
    from PIL import Image

    text = _sized(svg, width, height)
    try:
        data = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a Rust panic arrives as pyo3's PanicException, which is no Exception
        raise BackendError(f"resvg could not draw the SVG: {str(error)[:200]}") from error
    image = Image.open(io.BytesIO(bytes(data)))
    image.load()
    if image.size != (width, height):
        raise BackendError(f"resvg drew {image.size[0]}x{image.size[1]} instead of {width}x{height}")
    return image if image.mode == "RGBA" else image.convert("RGBA")
