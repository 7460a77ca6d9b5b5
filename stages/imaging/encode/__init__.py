"""Encoders: one raster or vector picture as the bytes of one published file."""
