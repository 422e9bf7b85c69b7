"""Acidity of 155 lakes: Gaussian mixtures on a line, with one scale or with several."""

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def common_scale() -> Declared:
    """Two components that share their standard deviation."""

    def log_joint(params, z, y):
        component = dist.Categorical(params["weights"]).log_prob(z)
        return component + dist.Normal(params["loc"][z], params["scale"]).log_prob(y)

    return Declared(jaxem.Model(log_joint, jaxem.Finite(2), _prior(2, ())), _lakes())


def own_scales(components: int) -> Declared:
    """Components with standard deviations of their own.

    The likelihood is unbounded where a scale goes to zero, so the reference's optimum is looked
    for in its own neighbourhood: every parameter starts five per cent away from it.
    """

    def log_joint(params, z, y):
        component = dist.Categorical(params["weights"]).log_prob(z)
        return component + dist.Normal(params["loc"][z], params["scale"][z]).log_prob(y)

    optimum = reference("V", components)
    off = 1 + 0.05 * (-1.0) ** np.arange(components)
    weights = optimum["weights"] * off
    init = {
        "weights": weights / weights.sum(),
        "loc": optimum["loc"] * off,
        "scale": optimum["scale"] * off[::-1],
    }
    prior = _prior(components, (components,))
    return Declared(jaxem.Model(log_joint, jaxem.Finite(components), prior), _lakes(), None, init)


def reference(model: str, components: int) -> dict:
    """The published fit, in the names used here, with its log likelihood apart."""
    fits = case("gmm1d_acidity")["reference"]["fits"]
    fit = next(f for f in fits if f["model"] == model and f["G"] == components)
    scale = np.array(fit["sd"]) if model == "V" else np.array(fit["sd"][0])
    return {"weights": np.array(fit["pro"]), "loc": np.array(fit["mean"]), "scale": scale}


def reference_log_likelihood(model: str, components: int) -> float:
    """The published maximum."""
    fits = case("gmm1d_acidity")["reference"]["fits"]
    return next(f["loglik"] for f in fits if f["model"] == model and f["G"] == components)


def _prior(components: int, scales: tuple[int, ...]) -> dict[str, dist.Distribution]:
    return {
        "weights": jaxem.flat((components,), constraints.simplex),
        "loc": jaxem.flat((components,)),
        "scale": jaxem.flat(scales, constraints.positive),
    }


def _lakes() -> np.ndarray:
    return np.array(case("gmm1d_acidity")["data"]["y"])
