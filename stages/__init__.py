"""The stages, one module (or folder) each."""
