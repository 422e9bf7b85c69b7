"""Covariates, hierarchies, groups, and several hidden sites a datum."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.distributions import constraints

import jaxem

from .case import Case, simplexes


def regressions() -> Case:
    """Two regression lines; the covariates are used before the plate."""

    def program(design, y):
        weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(2)))
        with numpyro.plate("component", 2):
            coef = numpyro.sample("coef", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        scale = numpyro.param("scale", jnp.ones(2), constraint=constraints.positive)
        lines = design @ coef.T
        with numpyro.plate("data", len(y)):
            z = numpyro.sample("z", dist.Categorical(weights))
            loc = jnp.take_along_axis(lines, z[:, None], axis=-1)[:, 0]
            numpyro.sample("y", dist.Normal(loc, scale[z]), obs=y)

    def log_joint(params, z, row):
        loc = params["coef"][z] @ row["design"]
        weight = dist.Categorical(params["weights"]).log_prob(z)
        return weight + dist.Normal(loc, params["scale"][z]).log_prob(row["y"])

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(jnp.ones(2)),
            "coef": dist.Normal(0.0, 5.0).expand((2, 2)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )
    data = _lines(5)
    start = {
        "weights": np.array([0.5, 0.5]),
        "coef": np.array([[0.0, 1.0], [0.5, -1.0]]),
        "scale": np.array([1.0, 1.5]),
    }
    return Case(program, data, twin, data, start)


def concomitant() -> Case:
    """Weights that depend on a covariate: a softmax, which has no closed form."""

    def program(design, y):
        slopes = numpyro.sample("slopes", dist.Normal(0.0, 2.0).expand((2,)).to_event(1))
        loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        logits = (design @ slopes)[:, None] * jnp.array([0.0, 1.0])
        with numpyro.plate("data", y.shape[0]):
            z = numpyro.sample("z", dist.Categorical(logits=logits))
            numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)

    def log_joint(params, z, row):
        logits = (row["design"] @ params["slopes"]) * jnp.array([0.0, 1.0])
        weight = dist.Categorical(logits=logits).log_prob(z)
        return weight + dist.Normal(params["loc"][z], 1.0).log_prob(row["y"])

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "slopes": dist.Normal(0.0, 2.0).expand((2,)),
            "loc": dist.Normal(0.0, 5.0).expand((2,)),
        },
    )
    data = _lines(6)
    start = {"slopes": np.array([0.1, 0.5]), "loc": np.array([-1.0, 2.0])}
    return Case(program, data, twin, data, start)


def hierarchical() -> Case:
    """Locations drawn about a centre that is a parameter too, and was measured by itself."""

    def program(y, measured):
        centre = numpyro.sample("centre", dist.Normal(0.0, 10.0))
        numpyro.sample("measured", dist.Normal(centre, 0.5), obs=measured)
        with numpyro.plate("component", 3):
            loc = numpyro.sample("loc", dist.Normal(centre, 2.0))
        weights = numpyro.sample("weights", dist.Dirichlet(3.0 * jnp.ones(3)))
        with numpyro.plate("data", len(y)):
            z = numpyro.sample("z", dist.Categorical(weights))
            numpyro.sample("y", dist.Normal(loc[z], 0.7), obs=y)
            numpyro.sample("next", dist.Normal(loc[z], 0.7))

    def log_joint(params, z, row):
        weight = dist.Categorical(params["weights"]).log_prob(z)
        return weight + dist.Normal(params["loc"][z], 0.7).log_prob(row["y"])

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "centre": dist.Normal(0.0, 10.0),
            "loc": lambda params: dist.Normal(params["centre"], 2.0).expand((3,)),
            "weights": dist.Dirichlet(3.0 * jnp.ones(3)),
        },
        factor=lambda params: dist.Normal(params["centre"], 0.5).log_prob(4.0),
    )
    rng = np.random.default_rng(7)
    y = rng.normal(np.array([0.0, 3.0, 6.0])[rng.integers(3, size=120)], 0.7)
    start = {
        "centre": np.array(1.0),
        "loc": np.array([0.5, 2.0, 5.0]),
        "weights": np.array([0.3, 0.3, 0.4]),
    }
    return Case(program, {"y": y, "measured": 4.0}, twin, {"y": y}, start)


def grouped() -> Case:
    """One hidden kind a group; members along the first axis, some of them padding."""

    def program(scores, present):
        members, groups = scores.shape
        weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(2)))
        with numpyro.plate("kind", 2):
            loc = numpyro.sample("loc", dist.Normal(0.0, 5.0))
            scale = numpyro.sample("scale", dist.HalfNormal(5.0))
        with numpyro.plate("group", groups, dim=-1):
            kind = numpyro.sample("kind of group", dist.Categorical(weights))
            with numpyro.plate("member", members, dim=-2), handlers.mask(mask=present):
                numpyro.sample("scores", dist.Normal(loc[kind], scale[kind]), obs=scores)

    def log_joint(params, z, row):
        member = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(row["scores"])
        weight = dist.Categorical(params["weights"]).log_prob(z)
        return weight + jnp.where(row["present"], member, 0.0).sum()

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(jnp.ones(2)),
            "loc": dist.Normal(0.0, 5.0).expand((2,)),
            "scale": dist.HalfNormal(5.0).expand((2,)),
        },
    )
    rng = np.random.default_rng(8)
    scores = rng.normal(2.0 * rng.integers(2, size=40), 1.0, size=(5, 40))
    present = np.arange(5)[:, None] < rng.integers(2, 6, size=40)
    rows = {"scores": scores.T, "present": present.T}
    start = {
        "weights": np.array([0.5, 0.5]),
        "loc": np.array([0.0, 1.0]),
        "scale": np.array([1.0, 1.5]),
    }
    return Case(program, {"scores": scores, "present": present}, twin, rows, start)


def dependent() -> Case:
    """Two hidden sites, the second drawn given the first."""

    def program(y):
        first = numpyro.sample("first", dist.Dirichlet(jnp.ones(2)))
        with numpyro.plate("row of the table", 2):
            table = numpyro.sample("table", dist.Dirichlet(2.0 * jnp.ones(3)))
        loc = numpyro.sample("loc", dist.Normal(0.0, 10.0).expand((2, 3)).to_event(2))
        with numpyro.plate("data", len(y)):
            a = numpyro.sample("a", dist.Categorical(first))
            b = numpyro.sample("b", dist.Categorical(table[a]))
            numpyro.sample("y", dist.Normal(loc[a, b], 1.0), obs=y)

    def log_joint(params, z, row):
        return (
            jnp.log(params["first"][z["a"]])
            + jnp.log(params["table"][z["a"], z["b"]])
            + dist.Normal(params["loc"][z["a"], z["b"]], 1.0).log_prob(row["y"])
        )

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(a=2, b=3),
        prior={
            "first": dist.Dirichlet(jnp.ones(2)),
            "table": dist.Dirichlet(2.0 * jnp.ones((2, 3))),
            "loc": dist.Normal(0.0, 10.0).expand((2, 3)),
        },
    )
    rng = np.random.default_rng(9)
    y = rng.normal(3.0 * rng.integers(6, size=150), 1.0)
    start = {
        "first": np.array([0.5, 0.5]),
        "table": simplexes(rng, 2, 3),
        "loc": np.arange(6.0).reshape(2, 3) * 2.8,
    }
    return Case(program, y, twin, {"y": y}, start)


def outliers() -> Case:
    """A line with an outlier switch, and coded values that are not 0, 1, 2."""

    def program(design, y):
        coef = numpyro.sample("coef", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        scale = numpyro.param("scale", 1.0, constraint=constraints.positive)
        wild = numpyro.sample("wild", dist.Beta(1.0, 9.0))
        with numpyro.plate("data", len(y)):
            outlier = numpyro.sample("outlier", dist.Bernoulli(wild))
            shift = numpyro.sample("shift", dist.DiscreteUniform(-1, 1))
            loc = design @ coef + shift
            numpyro.sample("y", dist.Normal(loc, jnp.where(outlier == 1, 10.0, scale)), obs=y)

    def log_joint(params, z, row):
        loc = row["design"] @ params["coef"] + z["shift"] - 1.0
        spread = jnp.where(z["outlier"] == 1, 10.0, params["scale"])
        switch = dist.Bernoulli(params["wild"]).log_prob(z["outlier"])
        return switch - jnp.log(3.0) + dist.Normal(loc, spread).log_prob(row["y"])

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(outlier=2, shift=3),
        prior={
            "coef": dist.Normal(0.0, 5.0).expand((2,)),
            "scale": jaxem.flat((), constraints.positive),
            "wild": dist.Beta(1.0, 9.0),
        },
    )
    data = _lines(10)
    start = {"coef": np.array([0.0, 1.0]), "scale": np.array(0.7), "wild": np.array(0.1)}
    return Case(program, data, twin, data, start)


def _lines(seed: int) -> dict[str, np.ndarray]:
    """Points about two lines, and a few far off."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, size=100)
    y = np.where(rng.random(100) < 0.5, 1 + 2 * x, -1 - x) + 0.5 * rng.normal(size=100)
    y[:3] += 15.0
    return {"design": np.stack([np.ones(100), x], axis=1), "y": y}
