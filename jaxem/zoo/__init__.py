"""Ready models, each a declaration of a log joint and a prior with the public interface.

To change one, copy its module: no other part of jaxem depends on these models.
"""

from jaxem.zoo.binomial import binomial_mixture
from jaxem.zoo.chains import categorical_chain, gaussian_chain, multinomial_chain, poisson_chain
from jaxem.zoo.conjugate import NormalInverseWishart
from jaxem.zoo.gaussian import gaussian_mixture
from jaxem.zoo.k_means import k_means
from jaxem.zoo.latent_classes import latent_classes
from jaxem.zoo.mixture_chains import gaussian_mixture_chain
from jaxem.zoo.poisson import poisson_mixture
from jaxem.zoo.regression_chains import regression_chain

__all__ = [
    "NormalInverseWishart",
    "binomial_mixture",
    "categorical_chain",
    "gaussian_chain",
    "gaussian_mixture",
    "gaussian_mixture_chain",
    "k_means",
    "latent_classes",
    "multinomial_chain",
    "poisson_chain",
    "poisson_mixture",
    "regression_chain",
]
