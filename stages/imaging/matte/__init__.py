"""Alpha mattes: a flat ground solved exactly, a network's matte refined, colours freed of the old ground."""
