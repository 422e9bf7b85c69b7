"""The table of declared models: a new one joins every property test by one line."""

import functools

import pytest

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

#: One model of every kind of closed form, of solver and of latent structure; the ordinary run has
#: time for these.
ORDINARY = {
    "gaussian full",
    "blood groups",
    "poisson log-rates",
    "product latent",
    "latent classes categorical",
    "gamma",
    "zero-inflated",
    "laplace prior",
}


def marked(names) -> list:
    """Names of cases as parameters of a test; the others run with the long tests."""
    return [
        name if name in ORDINARY else pytest.param(name, marks=pytest.mark.long) for name in names
    ]


@functools.cache
def declared(name: str) -> Case:
    """The case of this name; the same object each time."""
    return MODELS[name]()


def those_with(feature: str) -> list:
    """The cases whose field of this name is not empty."""
    return marked(name for name in MODELS if getattr(declared(name), feature))
