"""Marks that a model has painted though nobody asked for them: which text is one, where they are, and how they go."""
