"""Declaring a model: a log joint, a latent structure and a prior; and checking the declaration."""

from jaxem.model.model import Model
from jaxem.model.penalty import penalty
from jaxem.model.prior import flat
from jaxem.model.sequences import sequences

__all__ = ["Model", "flat", "penalty", "sequences"]
