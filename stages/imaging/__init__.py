"""Pure Pillow and NumPy code that stages share."""
