"""Ready declarations: each is a log joint and a prior, written as anybody would write their own.

To change one, copy its page: nothing in jaxem knows these models by name.
"""

from jaxem.zoo.binomial import binomial_mixture
from jaxem.zoo.chains import categorical_chain, gaussian_chain, poisson_chain
from jaxem.zoo.conjugate import NormalInverseWishart
from jaxem.zoo.gaussian import gaussian_mixture
from jaxem.zoo.k_means import k_means
from jaxem.zoo.latent_classes import latent_classes
from jaxem.zoo.poisson import poisson_mixture

__all__ = [
    "NormalInverseWishart",
    "binomial_mixture",
    "categorical_chain",
    "gaussian_chain",
    "gaussian_mixture",
    "k_means",
    "latent_classes",
    "poisson_chain",
    "poisson_mixture",
]
