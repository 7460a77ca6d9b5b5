"""The presets, as a data package."""
