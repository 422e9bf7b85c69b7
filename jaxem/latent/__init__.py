"""Latent structures: each has a log-partition function, whose derivative is the posterior."""

from jaxem.latent.chain import Chain
from jaxem.latent.finite import Finite
from jaxem.latent.latent import Latent
from jaxem.latent.markov import Markov
from jaxem.latent.tree import Tree

__all__ = ["Chain", "Finite", "Latent", "Markov", "Tree"]
