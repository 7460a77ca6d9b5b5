"""Whose face it is: a reference's checks, the template that is kept of it, and how near a picture's faces come to it."""
