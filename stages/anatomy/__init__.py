"""Faces, eyes and hands in a picture: found, measured, scored, and painted anew where they are bad."""
