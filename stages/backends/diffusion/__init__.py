"""Pictures by diffusers: one module a family, noise of our own, weights from safetensors alone."""
