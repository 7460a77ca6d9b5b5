"""Configuration: layered values, each with its origin."""
