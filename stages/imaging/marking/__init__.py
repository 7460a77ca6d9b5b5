"""Marks in pixels: the invisible one, its code, and the visible one."""
