"""One model of motion for a drawing's layers, written as CSS for an SVG and as frames for APNG and animated WebP."""
