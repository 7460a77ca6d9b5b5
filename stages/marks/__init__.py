"""What `watermark` and `output` share: the params' parts, what a sidecar says of a mark, and what a file carries."""
