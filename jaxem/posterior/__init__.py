"""From the mode onward: the posterior of the parameters, sampled or approximated."""

from jaxem.posterior.laplace import Laplace, laplace
from jaxem.posterior.latents import latents
from jaxem.posterior.nuts import nuts
from jaxem.posterior.program import to_numpyro

__all__ = ["Laplace", "laplace", "latents", "nuts", "to_numpyro"]
