"""Layouts: each arranges a cast on a board. A layout is a table of compositions with different skeletons."""
