"""SVG text to pixels with resvg (MPL-2.0), through its Python binding resvg_py (MIT)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError, MissingError

if TYPE_CHECKING:
    from PIL.Image import Image

# resvg allocates width × height × 4 bytes at once.
MAX_PIXELS = 100_000_000


def render(svg: str, width: int, height: int) -> Image:
    """``svg`` drawn ``width`` × ``height`` pixels, as a Pillow RGBA image with straight alpha. No system fonts.

    Raises BackendError where resvg refuses the text, panics, or gives another size; MissingError without resvg_py.
    """
    if not (0 < width and 0 < height and width * height <= MAX_PIXELS):
        raise BackendError(f"cannot draw {width}x{height} pixels")
    try:
        import resvg_py
    except ImportError as error:
        raise MissingError("resvg_py is not installed", hint="pip install resvg_py") from error
    from PIL import Image

    try:
        data = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a Rust panic arrives as pyo3's PanicException, which is no Exception
        raise BackendError(f"resvg could not draw the SVG: {str(error)[:200]}") from error
    image = Image.open(io.BytesIO(bytes(data)))
    image.load()
    if image.size != (width, height):
        raise BackendError(f"resvg drew {image.size[0]}x{image.size[1]} instead of {width}x{height}")
    return image if image.mode == "RGBA" else image.convert("RGBA")
