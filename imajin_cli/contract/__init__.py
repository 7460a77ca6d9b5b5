"""The contract between stages and the runtime: asset, sidecar, stage, errors, exit codes.

Imports pydantic and the standard library alone, so that anything may import it.
"""
