"""Positive and heavy-tailed numbers: with closed forms, and without."""

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from . import words
from .case import Case
from .counts import shared, simplex

_rng = np.random.default_rng(8)
WAITS = np.concatenate([_rng.gamma(2.0, 0.4, 40), _rng.gamma(5.0, 1.2, 40)])
TAILS = np.concatenate([_rng.standard_t(2, 40), 9 + 0.7 * _rng.standard_t(3, 40)])


def positive(*shape):
    return jaxem.flat(shape, constraints.positive)


def _two(family, prior, start, **about):
    """Two states, whose distribution takes the parameters of ``prior``, in that order."""

    def log_joint(params, z, x):
        density = family(*(params[name][z] for name in prior)).log_prob(x)
        return dist.Categorical(params["weights"]).log_prob(z) + density

    model = jaxem.Model(log_joint, latent=jaxem.Finite(2), prior={"weights": simplex(2), **prior})
    start = {"weights": np.array([0.4, 0.6]), **{k: np.array(v) for k, v in start.items()}}
    data = about.pop("data", WAITS)
    about["closed"] = {"weights": words.COUNTS, **about.get("closed", {})}
    return Case(model, data, start, labels=dict.fromkeys(start, 0), **about)


def exponential():
    def update(params, data, responsibilities):
        return {
            "weights": shared(responsibilities),
            "rate": responsibilities.sum(0) / (responsibilities.T @ data),
        }

    return _two(
        dist.Exponential,
        {"rate": positive(2)},
        {"rate": [2.0, 0.3]},
        closed={"rate": words.RATE},
        update=update,
    )


def log_normal():
    def update(params, data, responsibilities):
        logs, counts = np.log(data), responsibilities.sum(0)
        loc = responsibilities.T @ logs / counts
        scale = np.sqrt((responsibilities * (logs[:, None] - loc) ** 2).sum(0) / counts)
        return {"weights": shared(responsibilities), "loc": loc, "scale": scale}

    return _two(
        dist.LogNormal,
        {"loc": jaxem.flat((2,)), "scale": positive(2)},
        {"loc": [-0.5, 1.5], "scale": [0.8, 0.6]},
        closed={"loc": words.QUADRATIC, "scale": words.INVERSE_SQUARE},
        update=update,
    )


def gamma():
    """The rate is closed given the shape; the shape is not."""
    return _two(
        dist.Gamma,
        {"shape": positive(2), "rate": positive(2)},
        {"shape": [1.5, 4.0], "rate": [2.0, 0.8]},
        refused=("shape",),
        exact=False,
    )


def weibull():
    return _two(
        dist.Weibull,
        {"scale": positive(2), "shape": positive(2)},
        {"scale": [1.0, 5.0], "shape": [1.2, 2.0]},
        refused=("shape",),
        exact=False,
    )


def student():
    """The usual prior of the degrees of freedom keeps them where the data can tell them."""
    return _two(
        dist.StudentT,
        {"df": dist.Gamma(2.0, 0.1).expand([2]), "loc": jaxem.flat((2,)), "scale": positive(2)},
        {"df": [4.0, 5.0], "loc": [0.5, 8.0], "scale": [1.0, 1.5]},
        data=TAILS,
        refused=("df", "loc", "scale"),
        exact=False,
    )
