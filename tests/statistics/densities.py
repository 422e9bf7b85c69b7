"""Densities of one row in one state: exponential families, and things that look like them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist


def normal(p, z, x):
    return dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x)


def location_scale(family) -> Callable[..., Any]:
    return lambda p, z, x: family(p["loc"][z], p["scale"][z]).log_prob(x)


def student(p, z, x):
    return dist.StudentT(4.0, p["loc"][z], p["scale"][z]).log_prob(x)


def zero_inflated(p, z, x):
    count = dist.Poisson(p["rate"][z]).log_prob(x)
    more = jnp.log1p(-p["zero"][z]) + count
    return jnp.where(x == 0, jnp.logaddexp(jnp.log(p["zero"][z]), more), more)


def censored(p, z, x):
    beyond = jax.scipy.stats.norm.logsf(2.5, p["loc"][z], p["scale"][z])
    return jnp.where(x >= 2.5, beyond, normal(p, z, x))


def threshold(p, z, x):
    beyond = dist.Normal(p["loc"][z] + 1, p["scale"][z]).log_prob(x)
    return jnp.where(x > p["bend"], beyond, normal(p, z, x))


def shared_student(p, z, x):
    return normal(p, z, x["a"]) + dist.StudentT(p["df"], p["middle"], 1.0).log_prob(x["b"])


def student_beside_tight(p, z, x):
    tight = dist.Normal(p["loc"][z], 1e-5 * p["scale"][z]).log_prob(x)
    return jnp.where(z == 0, dist.StudentT(4.0, 0.0, p["scale"][0]).log_prob(x), tight)


def gaussian(p, z, x):
    return dist.MultivariateNormal(p["loc"][z], p["cov"][z]).log_prob(x)


def spherical(p, z, x):
    return dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x).sum()


def configurations(p, z, x):
    return jnp.log(p["cells"][z, x])


def impossible_cells(p, z, x):
    return jnp.log(jnp.where(x == z, 0.0, p["cells"][z, x]))


def items(p, z, x):
    return jnp.log(jnp.take_along_axis(p["cells"][z], x[:, None], 1)).sum()


def exposed(p, z, x):
    return dist.Poisson(p["rate"][z] * x["e"]).log_prob(x["y"])


def log_linear(p, z, x):
    return dist.Poisson(x["e"] * jnp.exp(p["a"][z] + p["b"][z] * x["u"])).log_prob(x["y"])


def known_variances(p, z, x):
    return dist.Normal(p["loc"][z], p["scale"][z] * jnp.sqrt(x["e"])).log_prob(x["u"])


def truncated(p, z, x):
    shifted = dist.Exponential(p["rate"][z]).log_prob(x - p["low"][z])
    return jnp.where(x < p["low"][z], -jnp.inf, shifted)


def huber(p, z, x):
    far = jnp.abs(x - p["loc"][z]) / p["scale"][z]
    return -jnp.log(p["scale"][z]) - jnp.where(far < 30, 0.5 * far * far, 30 * far - 450)


def noise_beside(p, z, x):
    return jnp.where(z == 2, -jnp.log(20.0), normal(p, z, x))


def clipped(p, z, x):
    return jnp.clip(normal(p, z, x), -1e3, None)


def beta(p, z, x):
    return dist.Beta(p["a"][z], p["b"][z]).log_prob(x)


def weibull(p, z, x):
    return dist.Weibull(p["rate"][z], 1.7).log_prob(x)


def weibull_free(p, z, x):
    return dist.Weibull(p["rate"][z], p["shape"][z]).log_prob(x)


def von_mises(p, z, x):
    return dist.VonMises(p["loc"][z], p["scale"][z]).log_prob(x)


def inverse_gaussian(p, z, x):
    """Tweedie 1957: rank 3, with statistics 1, x and 1/x."""
    m, s = p["mean"][z], p["shape"][z]
    return 0.5 * jnp.log(s / (2 * jnp.pi * x**3)) - s * (x - m) ** 2 / (2 * m**2 * x)


def wishart(p, z, x):
    df = 3.0 + p["df"][z]
    return (
        0.5 * (df - 3) * jnp.linalg.slogdet(x)[1]
        - 0.5 * jnp.trace(jnp.linalg.solve(p["cov"][z], x))
        - 0.5 * df * jnp.linalg.slogdet(p["cov"][z])[1]
        - jax.scipy.special.multigammaln(df / 2, 2)
        - df * jnp.log(2.0)
    )


def normal_or_laplace(p, z, x):
    other = dist.Laplace(p["loc"][z], 1.0).log_prob(x)
    return jnp.where(p["loc"][z] > 0.5, other, normal(p, z, x))
