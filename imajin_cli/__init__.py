"""imajin: make UI asset images and prove that each one is fit to publish."""

from pathlib import Path as _Path

__version__ = "0.1.0"

# A checkout keeps stages/, configs/ and presets/ beside this package; an installed wheel has them inside it.
_checkout = _Path(__file__).parents[1]
if not (_Path(__file__).parent / "stages").is_dir() and (_checkout / "stages").is_dir():
    __path__.append(str(_checkout))
