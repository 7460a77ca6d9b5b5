"""The defaults, as a data package."""
