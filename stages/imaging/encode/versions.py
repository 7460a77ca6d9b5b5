"""Which encoders write the files: the same pixels give the same bytes only with the same ones."""

from __future__ import annotations

from PIL import __version__, features


def encoder_versions() -> str:
    """Pillow's version and those of the codecs that it was built with, as one line."""
    modules = [f"{name} {features.version_module(name)}" for name in ("webp", "avif") if features.check_module(name)]
    codecs = [f"{name} {features.version_codec(name)}" for name in ("jpg", "zlib") if features.check_codec(name)]
    zlib_ng = [f"zlib-ng {features.version_feature('zlib_ng')}"] if features.check_feature("zlib_ng") else []
    return ", ".join([f"pillow {__version__}", *modules, *codecs, *zlib_ng])
