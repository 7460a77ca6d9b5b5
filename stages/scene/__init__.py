"""The vector scene: parts, layout, palette, SVG; shared by the stages that keep the vector."""
