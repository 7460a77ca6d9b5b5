"""Configuration: layered values, each with its origin.

Order, later wins: defaults < preset < user's config < project's imajin.yaml < configs/config.yaml or $IMAJIN_CONFIG <
environment (IMAJIN_STAGE__PARAM) < flags.
"""
