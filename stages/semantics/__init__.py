"""What the `semantic` gate is made of: looking, measuring, named filters, calibrated matching. Knows no stage."""
