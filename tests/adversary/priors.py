"""Priors: conditional, hierarchical, at edges, with kinks, fixed and tied."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem
from jaxem import Status
from tests.adversary.judge import Case
from tests.adversary.mixtures import POSITIVE, UNIT, normals, two_groups, weights


def unit_normals(p, z, x):
    return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x)


def priors():
    """One mixture of two normals under many priors."""
    loc, s = jaxem.flat((2,)), jaxem.flat((2,), POSITIVE)
    normal_given = {
        "w": dist.Dirichlet(2.0 * jnp.ones(2)),
        "loc": lambda p: dist.Normal(0.0, 3.0 * p["s"]),
        "s": dist.InverseGamma(2.0, 2.0).expand((2,)),
    }
    table = {
        "normal given a scale": (normals, normal_given),
        "a Dirichlet of ones": (normals, {"w": dist.Dirichlet(jnp.ones(2)), "loc": loc, "s": s}),
        "a Dirichlet of fives": (
            normals,
            {"w": dist.Dirichlet(jnp.full(2, 5.0)), "loc": loc, "s": s},
        ),
        "a Student's t": (
            unit_normals,
            {"w": weights(), "loc": dist.StudentT(3.0, 0.0, 2.0).expand((2,))},
        ),
        "a Cauchy": (unit_normals, {"w": weights(), "loc": dist.Cauchy(0.0, 1.0).expand((2,))}),
        "a kink": (
            unit_normals,
            {"w": weights(), "loc": dist.Laplace(0.0, 1.0).expand((2,))},
        ),
        "fixed weights": (unit_normals, {"w": dist.Delta(jnp.array([0.4, 0.6])), "loc": loc}),
    }
    for name, (log_joint, prior) in table.items():
        yield f"prior: {name}", Case(log_joint, jaxem.Finite(2), prior, two_groups())


def hierarchies():
    """A scale above locations: proper where its own prior is, and not where it is flat.

    Its log posterior then has a spike where all locations are one; far from there, where data hold
    locations apart, a maximum besides.
    """

    def groups(p, z, x):
        return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x)

    above = {"w": weights(), "m": jaxem.flat(()), "loc": lambda p: dist.Normal(p["m"], p["tau"])}
    above["loc"] = lambda p: dist.Normal(p["m"], p["tau"]).expand((2,))
    kept = {**above, "tau": dist.InverseGamma(3.0, 6.0)}
    yield "a hierarchy with a mode", Case(groups, jaxem.Finite(2), kept, two_groups())
    lost = {**above, "tau": jaxem.flat((), POSITIVE)}
    told = (Status.DEGENERATE, Status.STALLED, Status.NON_FINITE, Status.NO_INTERIOR_MODE)
    yield (
        "a hierarchy with a mode beside its spike",
        Case(groups, jaxem.Finite(2), lost, two_groups()),
    )
    one_group = np.random.default_rng(3).normal(0, 1, 40)
    yield "a hierarchy without a mode", Case(groups, jaxem.Finite(2), lost, one_group, {}, told)


def edges():
    """Modes on the edge of an interval, a half line and a simplex."""
    interval = {"w": weights(), "loc": dist.Uniform(-1.0, 1.0).expand((2,))}
    yield "the edge of an interval", Case(unit_normals, jaxem.Finite(2), interval, two_groups())
    half = {"w": weights(), "loc": dist.HalfNormal(10.0).expand((2,))}
    below = two_groups() - 6.0
    yield "the edge of a half line", Case(unit_normals, jaxem.Finite(2), half, below)

    def three(p, z, x):
        return jnp.log(p["w"][z]) + dist.Normal(jnp.array([0.0, 4.0, 50.0])[z], 1.0).log_prob(x)

    yield "the edge of a simplex", Case(three, jaxem.Finite(3), {"w": weights(3)}, two_groups())


def ties():
    """Parameters that others determine, and names in names."""

    def tied(p, z, x):
        loc = jnp.stack([p["a"], p["b"]])[z]
        return jnp.log(p["w"][z]) + dist.Normal(loc, 1.0).log_prob(x)

    prior = {"w": weights(), "a": jaxem.flat(()), "b": lambda p: dist.Delta(2.0 * p["a"] + 3.0)}
    yield "a tied parameter", Case(tied, jaxem.Finite(2), prior, two_groups())

    def nested(p, z, x):
        return normals({"w": p["mixing"]["w"], **p["emission"]}, z, x)

    prior = {
        "mixing": {"w": weights()},
        "emission": {"loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)},
    }
    yield "names in names", Case(nested, jaxem.Finite(2), prior, two_groups())

    def ordered(p, z, x):
        return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x)

    prior = {"w": weights(), "loc": jaxem.flat((2,), constraints.ordered_vector)}
    yield "ordered locations", Case(ordered, jaxem.Finite(2), prior, two_groups(), {"restarts": 4})

    def correlated(p, z, x):
        scale = jnp.stack([p["s"][z], p["s"][z]])
        cov = scale[:, None] * scale * (p["factor"] @ p["factor"].T)
        return jnp.log(p["w"][z]) + dist.MultivariateNormal(p["loc"][z], cov).log_prob(x)

    rng = np.random.default_rng(2)
    x = rng.normal(size=(80, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]) + 4.0 * (
        rng.random((80, 1)) < 0.5
    )
    prior = {
        "w": weights(),
        "loc": jaxem.flat((2, 2)),
        "s": jaxem.flat((2,), POSITIVE),
        "factor": dist.LKJCholesky(2, 2.0),
    }
    yield "a correlation factor", Case(correlated, jaxem.Finite(2), prior, x)


def probabilities():
    """Beta and Dirichlet priors of emissions."""
    rng = np.random.default_rng(5)
    x = (rng.random((60, 4)) < np.where(rng.random((60, 1)) < 0.5, 0.8, 0.2)).astype(int)

    def classes(p, z, x):
        return jnp.log(p["w"][z]) + dist.Bernoulli(p["q"][z]).log_prob(x).sum()

    for name, q in {
        "flat": jaxem.flat((2, 4), UNIT),
        "a Beta": dist.Beta(2.0, 2.0).expand((2, 4)),
        "a Beta of ones": dist.Beta(1.0, 1.0).expand((2, 4)),
    }.items():
        yield f"probabilities: {name}", Case(classes, jaxem.Finite(2), {"w": weights(), "q": q}, x)

    def tables(p, z, x):
        return jnp.log(p["w"][z]) + jnp.log(jnp.asarray(p["q"])[z, x]).sum()

    codes = np.where(rng.random((60, 1)) < 0.4, rng.integers(0, 2, (60, 3)), 3)  # three of a kind
    codes = np.where(rng.random((60, 3)) < 0.2, rng.integers(0, 4, (60, 3)), codes)
    prior = {"w": weights(), "q": dist.Dirichlet(jnp.full((2, 4), 1.5))}
    yield "a table of probabilities", Case(tables, jaxem.Finite(2), prior, codes)


TABLE = [priors, hierarchies, edges, ties, probabilities]
