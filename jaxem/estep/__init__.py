"""The E-step: evidence and responsibilities, in blocks of rows, and the Q that they define."""

from jaxem.estep.estep import EStep, Exact, Hard, Tempered

__all__ = ["EStep", "Exact", "Hard", "Tempered"]
