"""Untrusted SVG drawn by resvg in a process of its own, with bounds on its memory and time.

resvg sizes its buffers by what the text says: one pattern tile of ten million units makes it ask for 400 TB, and the
failed allocation aborts the whole process. No check of the text finds every such case; a child process survives none
of them and takes nothing else along.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from imajin_cli.contract.errors import BackendError, MissingError

CPU_SECONDS = 20
WALL_SECONDS = 60
_BASE_MEMORY = 512 << 20
# What a canvas pixel may cost in all the layers that resvg keeps at once: 16 of 4 bytes.
_BYTES_PER_PIXEL = 64

# Run with -P, so that nothing in the current folder can pose as a module.
_CHILD = """
import sys
width, height, memory, seconds = map(int, sys.argv[1:5])
sys.path.insert(0, sys.argv[5])
fonts = sys.argv[6:]
try:
    import resource
except ImportError:
    resource = None
if resource is not None:
    for kind, most in (("RLIMIT_AS", memory), ("RLIMIT_CPU", seconds), ("RLIMIT_CORE", 0)):
        try:
            resource.setrlimit(getattr(resource, kind), (most, most))
        except (ValueError, OSError) as error:  # macOS has no bound on address space
            print(kind, error, file=sys.stderr)
import resvg_py
svg = sys.stdin.buffer.read().decode()
options = {}
if fonts:
    options = dict.fromkeys(("font_family", "sans_serif_family", "serif_family", "monospace_family"), "Inter")
    options["font_files"] = fonts
data = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True, **options)
sys.stdout.buffer.write(bytes(data))
"""


def render_png(svg: str, width: int, height: int, *, text: bool = False) -> bytes:
    """``svg`` drawn ``width`` × ``height`` pixels, as PNG bytes.

    Where it has ``text``, that is set in the fonts that come with imajin (Inter for any family it does not know); the
    system's fonts are never used, so that the same text gives the same pixels everywhere.

    Raises BackendError where resvg refuses the text, crashes, or needs more memory or time than a picture may;
    MissingError without resvg_py.
    """
    spec = importlib.util.find_spec("resvg_py")
    if spec is None or spec.origin is None:
        raise MissingError("resvg_py is not installed", hint="pip install resvg_py")
    memory = _BASE_MEMORY + _BYTES_PER_PIXEL * width * height
    arguments = [str(width), str(height), str(memory), str(CPU_SECONDS), str(Path(spec.origin).parents[1])]
    if text:
        arguments += _font_files()
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and text; the SVG travels on standard input
            [sys.executable, "-P", "-c", _CHILD, *arguments],
            input=svg.encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"drawing it took longer than {WALL_SECONDS} seconds") from error
    if done.returncode != 0:
        raise BackendError(_reason(done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout


def _font_files() -> list[str]:
    """The fonts of the base install that are there: Inter, Noto Sans and Noto Sans Arabic."""
    from imajin_cli.stages.backends.fonts import INTER, NOTO_SANS, SCRIPT_SOURCES

    found = [source.find() for source in (INTER, NOTO_SANS, SCRIPT_SOURCES["Arab"][0])]
    return [str(font.path) for font in found if font is not None]


def _reason(status: int, said: str) -> str:
    """Why the child ended with ``status``, in one line."""
    if status < 0 or "memory allocation" in said or "MemoryError" in said:
        return "drawing it needs more memory or time than a picture may"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"resvg could not draw it: {lines[-1][:200]}" if lines else "resvg could not draw it"
