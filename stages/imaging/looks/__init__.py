"""How a picture looks, near and from afar: its views, measures of composition and colour, and both as one vector."""
