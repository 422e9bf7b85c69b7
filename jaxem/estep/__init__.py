"""The E-step: evidence and responsibilities, in blocks of rows, and the Q that they define."""

from jaxem.estep.estep import EStep, Exact, Hard

__all__ = ["EStep", "Exact", "Hard"]
