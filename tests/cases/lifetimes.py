"""Mixtures of waiting times."""

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def geyser_waiting() -> Declared:
    """Two Weibull distributions behind the waiting times of Old Faithful.

    A scale given its shape has a closed form, a shape has none.
    """
    published = case("weibull_mixture_geyser_waiting")

    def log_joint(params, z, waiting):
        group = dist.Categorical(params["weights"]).log_prob(z)
        return group + dist.Weibull(params["scale"][z], params["shape"][z]).log_prob(waiting)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": jaxem.flat((2,), constraints.simplex),
            "shape": jaxem.flat((2,), constraints.positive),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )
    start = published["init"]
    init = {
        "weights": np.array(start["pro"]),
        "shape": np.array(start["shape"]),
        "scale": np.array(start["scale"]),
    }
    return Declared(model, np.array(published["data"]["y"]), None, init)
