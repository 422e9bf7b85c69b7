"""Latent structures: each is one log-partition function, and all else is its derivative."""

from jaxem.latent.chain import Chain
from jaxem.latent.finite import Finite
from jaxem.latent.latent import Latent

__all__ = ["Chain", "Finite", "Latent"]
