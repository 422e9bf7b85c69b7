r"""Free parameters in NumPyro's unconstrained coordinates, with the log Jacobian.

Logarithms, logits by stick-breaking, Cholesky factors: as many as there are free numbers. A density
in these coordinates includes the Jacobian, and so has another mode. Derivatives of the log
likelihood alone are taken in the coordinates of `likelihood.chart`, without a Jacobian.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from numpyro.distributions import biject_to

from jaxem.model import Model
from jaxem.types import Array


def coordinates(model: Model, values: Mapping[str, Any]) -> Array:
    """Unconstrained coordinates (d,) of parameters by dotted name, inside their supports."""
    dtype = jnp.result_type(float)
    sites = {p.name: p.unconstrain(jnp.asarray(values[p.name], dtype)) for p in model.free}
    return ravel_pytree(sites)[0]


def sites(model: Model, u: Array) -> dict[str, Array]:
    """Unconstrained coordinates (d,) as arrays by dotted name."""
    zeros = {p.name: jnp.zeros(p.unconstrained_shape, u.dtype) for p in model.free}
    return ravel_pytree(zeros)[1](u)


def parameters(model: Model, u: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
    """Parameters by dotted name at unconstrained coordinates by dotted name, and the log Jacobian.

    The fixed parameters are among them.
    """
    dtype = jnp.result_type(float)
    values: dict[str, Array] = {k: jnp.asarray(v, dtype) for k, v in model.fixed.items()}
    volume = jnp.zeros((), dtype)
    for name, site in u.items():
        transform = biject_to(model.parameter(name).constraint)
        values[name] = transform(site)
        volume = volume + jnp.sum(transform.log_abs_det_jacobian(site, values[name]))
    return values, volume
