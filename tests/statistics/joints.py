"""Log joints that try to be taken for something simpler, or to hide a simple thing."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

ROWS = 3000


@dataclasses.dataclass(frozen=True)
class Joint:
    """A model, its data, and what is known of its log joint as a function of the row.

    Attributes:
        rank: The dimension of its space, derived by hand; None if it has no finite one.
        near: Whether that is so near ordinary parameters alone, or only if no parameter crosses
            some bend: there the search may say either, and the end of a fit decides.
    """

    name: str
    log_joint: Callable[..., Any]
    prior: dict[str, Any]
    data: Any
    rank: int | None
    near: bool = False
    states: int = 3

    def model(self) -> jaxem.Model:
        weights = {"weights": jaxem.flat((self.states,), constraints.simplex)}
        return jaxem.Model(self._with_weights, jaxem.Finite(self.states), weights | self.prior)

    def _with_weights(self, p, z, x):
        return jnp.log(p["weights"][z]) + self.log_joint(p, z, x)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def _loc_scale(k: int = 3) -> dict[str, Any]:
    return {"loc": jaxem.flat((k,)), "scale": jaxem.flat((k,), constraints.positive)}


def _positive(name: str, *shape: int) -> dict[str, Any]:
    return {name: jaxem.flat(shape, constraints.positive)}


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


def _gaussian_prior(d: int) -> dict[str, Any]:
    return {"loc": jaxem.flat((3, d)), "cov": jaxem.flat((3, d, d), constraints.positive_definite)}


def spherical(p, z, x):
    return dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x).sum()


def cells(p, z, x):
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


def joints() -> list[Joint]:
    """All of them, small."""
    rng = _rng()
    x = rng.normal(size=ROWS)
    rare = np.maximum(rng.poisson(9, ROWS), 1.0)
    rare[rng.choice(ROWS, 4, replace=False)] = 0
    plane = rng.normal(size=(ROWS, 2))
    flat = np.c_[plane, plane @ rng.normal(size=(2, 2)), np.ones(ROWS), plane[:, :1]]
    far = np.r_[rng.normal(size=ROWS - 6), 200 * rng.normal(size=6)]
    zipf = rng.zipf(1.6, ROWS).clip(1, 60) - 1
    records = {
        "y": rng.poisson(5, ROWS).astype(float),
        "e": rng.gamma(2, 1, ROWS),
        "u": rng.normal(size=ROWS),
    }
    factors = rng.normal(size=(ROWS, 2, 5))
    categories = {"cells": jaxem.flat((3, 5), constraints.simplex)}
    return [
        Joint("normal", normal, _loc_scale(), x, 3),
        Joint("normal far from zero", normal, _loc_scale(), x + 1e8, 3),
        Joint("normal, tiny", normal, _loc_scale(), x * 1e-8, 3),
        Joint("normal, huge", normal, _loc_scale(), x * 1e8, 3),
        Joint("student far from zero", student, _loc_scale(), x + 1e8, None),
        Joint("student, tiny", student, _loc_scale(), x * 1e-8, None),
        Joint("student, huge", student, _loc_scale(), x * 1e8, None),
        Joint("laplace", location_scale(dist.Laplace), _loc_scale(), x, None),
        Joint("gumbel", location_scale(dist.Gumbel), _loc_scale(), x, None),
        Joint("logistic", location_scale(dist.Logistic), _loc_scale(), x, None),
        Joint(
            "zero-inflated, zeros rare",
            zero_inflated,
            _positive("rate", 3) | {"zero": jaxem.flat((3,), constraints.unit_interval)},
            rare,
            3,
        ),
        Joint("censored", censored, _loc_scale(), np.minimum(x, 2.5), 4),
        Joint("threshold", threshold, _loc_scale() | {"bend": jaxem.flat(())}, x, None),
        Joint(
            "a student that all states share",
            shared_student,
            _loc_scale() | _positive("df") | {"middle": jaxem.flat(())},
            {"a": x, "b": rng.standard_t(3, ROWS)},
            None,
        ),
        Joint("student beside a tight normal", student_beside_tight, _loc_scale(), x, None),
        Joint("gaussian in a plane", gaussian, _gaussian_prior(6), flat, 6),
        Joint(
            "gaussian of zeros and ones",
            gaussian,
            _gaussian_prior(3),
            rng.integers(0, 2, (ROWS, 3)) + 0.0,
            7,  # a square is its column
        ),
        Joint(
            "spherical",
            spherical,
            {"loc": jaxem.flat((3, 4)), **_positive("scale", 3)},
            rng.normal(size=(ROWS, 4)),
            6,
        ),
        Joint(
            "categories, most rare",
            cells,
            {"cells": jaxem.flat((3, 60), constraints.simplex)},
            zipf,
            len(np.unique(zipf)),
        ),
        Joint("impossible cells", impossible_cells, categories, rng.integers(0, 5, ROWS), None),
        Joint(
            "items",
            items,
            {"cells": jaxem.flat((3, 6, 4), constraints.simplex)},
            rng.integers(0, 4, (ROWS, 6)),
            19,
        ),
        Joint("exposure", exposed, _positive("rate", 3), records, 3),
        Joint(
            "log-linear", log_linear, {"a": jaxem.flat((3,)), "b": jaxem.flat((3,))}, records, None
        ),
        Joint("known variances", known_variances, _loc_scale(), records, 4),
        Joint(
            "truncated",
            truncated,
            _positive("rate", 3) | _positive("low", 3),
            rng.exponential(size=ROWS) + 3,
            None,
        ),
        Joint("huber", huber, _loc_scale(), far, None, near=True),
        Joint("noise beside normals", noise_beside, _loc_scale(), x, 3),
        Joint("inactive clip", clipped, _loc_scale(), x, 3, near=True),
        Joint("beta", beta, _positive("a", 3) | _positive("b", 3), rng.beta(2, 3, ROWS), 3),
        Joint("weibull", weibull, _positive("rate", 3), rng.weibull(1.7, ROWS), 2),
        Joint(
            "weibull, shape free",
            weibull_free,
            _positive("rate", 3) | _positive("shape", 3),
            rng.weibull(1.7, ROWS),
            None,
        ),
        Joint("von mises", von_mises, _loc_scale(), rng.vonmises(0, 2, ROWS), 3),
        Joint(
            "inverse gaussian",
            inverse_gaussian,
            _positive("mean", 3) | _positive("shape", 3),
            rng.wald(2, 3, ROWS),
            3,
        ),
        Joint(
            "wishart",
            wishart,
            {"cov": jaxem.flat((3, 2, 2), constraints.positive_definite), **_positive("df", 3)},
            factors @ factors.transpose(0, 2, 1),
            5,
        ),
        Joint(
            "normal, or laplace beyond a bend",
            normal_or_laplace,
            _loc_scale(),
            x,
            None,
            near=True,
        ),
    ]
