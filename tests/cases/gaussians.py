"""Gaussian mixtures of Old Faithful and the irises: plain, weighted, with priors, half labelled."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def log_joint(params, z, x):
    """A component by its weight, then a Gaussian with its own mean and covariance."""
    component = dist.Categorical(params["weights"]).log_prob(z)
    return component + dist.MultivariateNormal(params["loc"][z], params["cov"][z]).log_prob(x)


def flat_prior(components: int, features: int) -> dict[str, dist.Distribution]:
    """Maximum likelihood of all three parameters."""
    return {
        "weights": jaxem.flat((components,), constraints.simplex),
        "loc": jaxem.flat((components, features)),
        "cov": jaxem.flat((components, features, features), constraints.positive_definite),
    }


def old_faithful() -> Declared:
    """Eruptions and waiting times: two components, maximum likelihood."""
    data = case("gmm_faithful_full2")["data"]
    return Declared(jaxem.Model(log_joint, jaxem.Finite(2), flat_prior(2, 2)), np.array(data["X"]))


def weighted_old_faithful() -> Declared:
    """The same, with rows that count once, twice or three times."""
    data = case("gmm_weighted_faithful")["data"]
    model = jaxem.Model(log_joint, jaxem.Finite(2), flat_prior(2, 2))
    return Declared(model, np.array(data["X"]), np.array(data["weights"]))


def half_labelled_old_faithful() -> Declared:
    """The same, with the component of twelve rows known: the label is data like any other.

    The start has the means of the labelled rows, the covariance of all, and even weights.
    """
    data = case("gmm_semisupervised_faithful")["data"]
    x, label = np.array(data["X"]), np.array(data["labels"])

    def labelled_log_joint(params, z, row):
        admitted = (row["label"] < 0) | (row["label"] == z)
        return log_joint(params, z, row["x"]) + jnp.where(admitted, 0.0, -jnp.inf)

    model = jaxem.Model(labelled_log_joint, jaxem.Finite(2), flat_prior(2, 2))
    init = {
        "weights": np.array([0.5, 0.5]),
        "loc": np.stack([x[label == k].mean(axis=0) for k in range(2)]),
        "cov": np.stack([np.cov(x.T)] * 2),
    }
    return Declared(model, {"x": x, "label": label}, None, init)


def map_old_faithful() -> Declared:
    """Normal-inverse-Wishart priors on the components, none on their weights."""
    return _with_conjugate_prior("gmm_map_niw_faithful2", components=2)


def map_iris() -> Declared:
    """Normal-inverse-Wishart priors on the components, and a Dirichlet one on their weights."""
    return _with_conjugate_prior("gmm_map_niw_dirichlet_iris3", components=3)


def _with_conjugate_prior(name: str, components: int) -> Declared:
    """A mixture whose means are normal given their covariances.

    The prior of the covariances is a distribution; that of the means is a function of the other
    parameters. The starts are hard labels, and the mode is that of the covariances themselves.
    """
    published = case(name)
    known = published["prior"]
    center, scale = jnp.array(known["mean"]), jnp.array(known["scale"])
    prior = flat_prior(components, len(center))
    if "dirichlet" in known:
        prior["weights"] = dist.Dirichlet(known["dirichlet"] * jnp.ones(components))
    prior["cov"] = dist.InverseWishart(known["dof"], scale_matrix=scale).expand([components])

    def loc_prior(params):
        return dist.MultivariateNormal(center, params["cov"] / known["shrinkage"])

    model = jaxem.Model(log_joint, jaxem.Finite(components), {**prior, "loc": loc_prior})
    start = jaxem.initial.from_responsibilities(np.array(published["init"]["labels"]))
    return Declared(model, np.array(published["data"]["X"]), None, start)
