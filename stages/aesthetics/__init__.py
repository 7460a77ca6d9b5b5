"""What the `aesthetic` gate is made of: views of a picture, plain measures, asset classes, and how they are combined."""
