"""The table of declared models: a new one joins every property test by one line."""

import functools

from . import classes, counts, gaussians, positives, regressions, regularised
from .case import Case

MODELS = {
    "gaussian full": gaussians.full,
    "gaussian tied": gaussians.tied,
    "gaussian diagonal": gaussians.diagonal,
    "gaussian spherical": gaussians.spherical,
    "gaussian cholesky": gaussians.cholesky,
    "gaussian precision": gaussians.precision,
    "gaussian conjugate": regularised.conjugate,
    "gaussian hierarchical": regularised.hierarchical,
    "gaussian semi-supervised": regularised.semi_supervised,
    "gaussian logits": regularised.logits,
    "coins": counts.coins,
    "blood groups": counts.blood_groups,
    "linkage": counts.linkage,
    "poisson": counts.poisson,
    "poisson log-rates": counts.log_rates,
    "documents": counts.documents,
    "product latent": counts.product,
    "latent classes": classes.bernoulli,
    "latent classes categorical": classes.categorical,
    "raters": classes.raters,
    "exponential": positives.exponential,
    "log-normal": positives.log_normal,
    "gamma": positives.gamma,
    "weibull": positives.weibull,
    "student": positives.student,
    "regressions": regressions.mixture,
    "experts": regressions.experts,
    "zero-inflated": regressions.zero_inflated,
    "laplace prior": regressions.kinked,
}


@functools.cache
def declared(name: str) -> Case:
    """The case of this name; the same object each time."""
    return MODELS[name]()


def those_with(feature: str) -> list[str]:
    """Names of the cases whose field of this name is not empty."""
    return [name for name in MODELS if getattr(declared(name), feature)]
