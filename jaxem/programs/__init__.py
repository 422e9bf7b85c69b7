"""NumPyro programs as models: what a program says of one datum, read by running it."""

from jaxem.programs.program import Program, from_numpyro

__all__ = ["Program", "from_numpyro"]
