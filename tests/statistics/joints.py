"""Log joints that try to be taken for something simpler, or to hide a simple thing."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .densities import (
    beta,
    censored,
    clipped,
    configurations,
    exposed,
    gaussian,
    huber,
    impossible_cells,
    inverse_gaussian,
    items,
    known_variances,
    location_scale,
    log_linear,
    noise_beside,
    normal,
    normal_or_laplace,
    shared_student,
    spherical,
    student,
    student_beside_tight,
    threshold,
    truncated,
    von_mises,
    weibull,
    weibull_free,
    wishart,
    zero_inflated,
)

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


def _gaussian_prior(d: int) -> dict[str, Any]:
    return {"loc": jaxem.flat((3, d)), "cov": jaxem.flat((3, d, d), constraints.positive_definite)}


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
            configurations,
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
