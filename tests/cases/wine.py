r"""Four covariance structures of a Gaussian mixture, and scikit-learn's ridge.

scikit-learn adds :math:`\epsilon = 10^{-6}` to the diagonal of every covariance after its M-step,
yet its E-step knows nothing of it. No joint density does both. An M-step that answers
:math:`W_k / n_k + \epsilon I` whatever :math:`n_k` maximises :math:`Q` less
:math:`\tfrac{\epsilon}{2} n_k \operatorname{tr} \Sigma_k^{-1}`; as :math:`n_k` is a sum of
responsibilities, that term belongs to every row, so that it would enter the E-step as well.
A prior, which does not know :math:`n_k`, cannot stand for it either. The iterates are therefore
those of a person's own update, while the first step and the optimum, which the ridge moves by
less than the tolerance, are also asked of the declaration alone.
"""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case

STRUCTURES = ("full", "tied", "diag", "spherical")

RIDGE = 1e-6


def wine(structure: str) -> Declared:
    """Three components of four standardised columns, from scikit-learn's start."""
    published = case("gmm_wine_sklearn_iterations")

    def log_joint(params, z, x):
        component = dist.Categorical(params["weights"]).log_prob(z)
        return component + _gaussian(structure, params["loc"][z], params["cov"], z).log_prob(x)

    prior = {
        "weights": jaxem.flat((3,), constraints.simplex),
        "loc": jaxem.flat((3, 4)),
        "cov": _flat_covariance(structure),
    }
    model = jaxem.Model(log_joint, jaxem.Finite(3), prior)
    identity = {
        "full": np.stack([np.eye(4)] * 3),
        "tied": np.eye(4),
        "diag": np.ones((3, 4)),
        "spherical": np.ones(3),
    }
    init = {
        "weights": np.array(published["init"]["weights"]),
        "loc": np.array(published["init"]["means"]),
        "cov": identity[structure],
    }
    return Declared(model, np.array(published["data"]["X"]), None, init)


def _gaussian(structure: str, loc, cov, z) -> dist.Distribution:
    """The density of component z under a covariance of this structure."""
    if structure == "full":
        return dist.MultivariateNormal(loc, cov[z])
    if structure == "tied":
        return dist.MultivariateNormal(loc, cov)
    return dist.Normal(loc, jnp.sqrt(cov[z])).to_event(1)


def _flat_covariance(structure: str) -> dist.Distribution:
    shape = {"full": (3, 4, 4), "tied": (4, 4), "diag": (3, 4), "spherical": (3,)}[structure]
    matrices = structure in ("full", "tied")
    return jaxem.flat(shape, constraints.positive_definite if matrices else constraints.positive)


def ridged_update(structure: str):
    """scikit-learn's M-step, ridge and all, as an update for `jaxem.ClosedForm`."""

    def update(params, data, responsibilities):
        counts = responsibilities.sum(axis=0)
        loc = responsibilities.T @ data / counts[:, None]
        centred = data[:, None, :] - loc
        scatter = jnp.einsum("nk,nki,nkj->kij", responsibilities, centred, centred)
        return {
            "weights": counts / counts.sum(),
            "loc": loc,
            "cov": _ridged(structure, scatter, counts),
        }

    return update


def _ridged(structure: str, scatter, counts):
    """Covariances of this structure from the scatter of every component, (K, D, D)."""
    if structure == "tied":
        return scatter.sum(axis=0) / counts.sum() + RIDGE * jnp.eye(4)
    cov = scatter / counts[:, None, None] + RIDGE * jnp.eye(4)
    if structure == "full":
        return cov
    variances = jnp.diagonal(cov, axis1=1, axis2=2)
    return variances if structure == "diag" else variances.mean(axis=1)


def add_ridge(structure: str, cov) -> np.ndarray:
    """What scikit-learn would have made of a covariance that has no ridge."""
    return np.asarray(cov) + RIDGE * (np.eye(4) if structure in ("full", "tied") else 1.0)
