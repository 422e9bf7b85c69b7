"""The command line: a TOML config in; a fitted model, its summary and its trace out.

Nothing on the way from a command to a checked config imports JAX: help and mistakes answer at once.
"""
