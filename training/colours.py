"""The brand colours that scenes for training are drawn in; None is the composer's own choice."""

COLOURS = (
    None,
    None,
    "#2563eb",
    "#0d9488",
    "#7c3aed",
    "#db2777",
    "#ea580c",
    "#16a34a",
    "#475569",
    "#dc2626",
    "#ca8a04",
)
