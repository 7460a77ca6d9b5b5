"""Drawing control maps: edges, lines, skeletons, labels and relief. Pure Pillow and NumPy."""
