"""Which encoders write the files: the same pixels give the same bytes only with the same ones."""

from __future__ import annotations

from PIL import __version__, features


def encoder_versions() -> str:
    """Pillow's version and those of the codecs that it was built with, as one line."""
    found = [f"pillow {__version__}"]
    for module in ("webp", "avif"):
        if features.check_module(module):
            found.append(f"{module} {features.version_module(module)}")
    for codec in ("jpg", "zlib"):
        if features.check_codec(codec):
            found.append(f"{codec} {features.version_codec(codec)}")
    flavour = features.version_feature("zlib_ng") if features.check_feature("zlib_ng") else None
    return ", ".join(found + ([f"zlib-ng {flavour}"] if flavour else []))
