"""The runtime: one stage over a stream of assets, and the pipeline."""
