"""NumPyro programs as models: the log joint of one datum, found by running the program."""

from jaxem.programs.program import Program, from_numpyro

__all__ = ["Program", "from_numpyro"]
