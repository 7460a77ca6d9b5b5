"""What the `diffusers` backend of `generate` is made of, beside the backend itself: params, inputs, models, one job's work."""
