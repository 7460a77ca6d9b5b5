"""Measurements of one picture, a small module each; every one is a function of ``Planes``."""
