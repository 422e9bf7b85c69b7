"""Mixtures: one hidden component a datum."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .case import Case, simplexes


def gaussian() -> Case:
    """Full covariances, as numpyro.param: maximum likelihood for them, a prior for the others."""

    def program(x, components=2):
        cov = numpyro.param(
            "cov",
            jnp.stack([jnp.eye(x.shape[-1])] * components),
            constraint=constraints.positive_definite,
        )
        weights = numpyro.sample("weights", dist.Dirichlet(2.0 * jnp.ones(components)))
        with numpyro.plate("component", components):
            loc = numpyro.sample("loc", dist.Normal(0.0, 10.0).expand((2,)).to_event(1))
        with numpyro.plate("data", x.shape[0]):
            z = numpyro.sample("z", dist.Categorical(weights))
            numpyro.sample("x", dist.MultivariateNormal(loc[z], cov[z]), obs=x)

    def log_joint(params, z, row):
        component = dist.MultivariateNormal(params["loc"][z], params["cov"][z])
        return dist.Categorical(params["weights"]).log_prob(z) + component.log_prob(row["x"])

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "cov": jaxem.flat((2, 2, 2), constraints.positive_definite),
            "weights": dist.Dirichlet(2.0 * jnp.ones(2)),
            "loc": dist.Normal(0.0, 10.0).expand((2, 2)),
        },
    )
    x = jaxem.datasets.old_faithful().matrix[:120] / [1.0, 10.0]
    start = {
        "weights": np.array([0.4, 0.6]),
        "loc": np.array([[2.0, 5.0], [4.0, 8.0]]),
        "cov": np.stack([np.eye(2), 2 * np.eye(2)]),
    }
    return Case(program, {"x": x}, twin, {"x": x}, start)


def poisson() -> Case:
    """Maximum likelihood throughout, a bare array for data, and a subsampled plate."""

    def program(counts):
        rate = numpyro.param("rate", jnp.array([1.0, 2.0]), constraint=constraints.positive)
        weights = numpyro.param("weights", jnp.full(2, 0.5), constraint=constraints.simplex)
        with numpyro.plate("data", len(counts), subsample_size=2):
            z = numpyro.sample("z", dist.Categorical(weights))
            batch = numpyro.subsample(counts, event_dim=0)
            numpyro.sample("counts", dist.Poisson(rate[z]), obs=batch)

    def log_joint(params, z, row):
        weight = dist.Categorical(params["weights"]).log_prob(z)
        return weight + dist.Poisson(params["rate"][z]).log_prob(row["counts"])

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "rate": jaxem.flat((2,), constraints.positive),
            "weights": jaxem.flat((2,), constraints.simplex),
        },
    )
    rng = np.random.default_rng(1)
    counts = np.concatenate([rng.poisson(1.0, 60), rng.poisson(6.0, 40)])
    start = {"rate": np.array([0.5, 4.0]), "weights": np.array([0.5, 0.5])}
    return Case(program, counts, twin, {"counts": counts}, start)


def latent_classes() -> Case:
    """Items in a plate of their own, crossed with the classes in the plate of the parameter."""

    def program(answers, classes, levels):
        people, items = answers.shape
        weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(classes)))
        with numpyro.plate("class", classes, dim=-2), numpyro.plate("item", items, dim=-1):
            probs = numpyro.sample("probs", dist.Dirichlet(1.5 * jnp.ones(levels)))
        with numpyro.plate("person", people, dim=-2):
            c = numpyro.sample("c", dist.Categorical(weights))
            with numpyro.plate("item of a person", items, dim=-1):
                given = probs[c, jnp.arange(items)]
                numpyro.sample("answers", dist.Categorical(given), obs=answers)

    def log_joint(params, z, row):
        probs = params["probs"][z]
        answers = dist.Categorical(probs).log_prob(row["answers"]).sum()
        return dist.Categorical(params["weights"]).log_prob(z) + answers

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(jnp.ones(2)),
            "probs": dist.Dirichlet(1.5 * jnp.ones((2, 4, 3))),
        },
    )
    rng = np.random.default_rng(2)
    truth = simplexes(rng, 2, 4, 3)
    hidden = rng.integers(2, size=150)
    answers = np.array([[rng.choice(3, p=truth[c, i]) for i in range(4)] for c in hidden])
    start = {"weights": np.array([0.4, 0.6]), "probs": simplexes(rng, 2, 4, 3)}
    data = {"answers": answers, "classes": 2, "levels": 3}
    return Case(program, data, twin, {"answers": answers}, start)


def mixed_types() -> Case:
    """A number, a count and a yes or no, in one dictionary argument."""

    def program(record):
        weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(2)))
        with numpyro.plate("component", 2):
            loc = numpyro.sample("loc", dist.Normal(0.0, 5.0))
            rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
            chance = numpyro.sample("chance", dist.Beta(2.0, 2.0))
        scale = numpyro.sample("scale", dist.ImproperUniform(constraints.positive, (), ()))
        with numpyro.plate("data", len(record["size"])):
            z = numpyro.sample("z", dist.Categorical(weights))
            numpyro.sample("size", dist.Normal(loc[z], scale), obs=record["size"])
            numpyro.sample("visits", dist.Poisson(rate[z]), obs=record["visits"])
            numpyro.sample("member", dist.Bernoulli(chance[z]), obs=record["member"])

    def log_joint(params, z, row):
        return (
            dist.Categorical(params["weights"]).log_prob(z)
            + dist.Normal(params["loc"][z], params["scale"]).log_prob(row["record['size']"])
            + dist.Poisson(params["rate"][z]).log_prob(row["record['visits']"])
            + dist.Bernoulli(params["chance"][z]).log_prob(row["record['member']"])
        )

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(jnp.ones(2)),
            "loc": dist.Normal(0.0, 5.0).expand((2,)),
            "rate": dist.Gamma(2.0, 1.0).expand((2,)),
            "chance": dist.Beta(2.0, 2.0).expand((2,)),
            "scale": jaxem.flat((), constraints.positive),
        },
    )
    rng = np.random.default_rng(3)
    hidden = rng.integers(2, size=100)
    record = {
        "size": rng.normal(3.0 * hidden, 1.0),
        "visits": rng.poisson(1 + 4 * hidden),
        "member": rng.integers(2, size=100) * hidden,
    }
    start = {
        "weights": np.array([0.5, 0.5]),
        "loc": np.array([0.0, 2.0]),
        "rate": np.array([1.0, 3.0]),
        "chance": np.array([0.2, 0.5]),
        "scale": np.array(1.0),
    }
    rows = {f"record[{name!r}]": column for name, column in record.items()}
    return Case(program, {"record": record}, twin, rows, start)


def zero_inflated() -> Case:
    """A Bernoulli latent: structural zeros among counts."""

    def program(counts):
        never = numpyro.sample("never", dist.Beta(1.0, 1.0))
        rate = numpyro.sample("rate", dist.Gamma(2.0, 0.5))
        with numpyro.plate("data", counts.shape[0]):
            zero = numpyro.sample("zero", dist.Bernoulli(never))
            numpyro.sample("counts", dist.Poisson(rate).mask(zero == 0), obs=counts)
            impossible = (zero == 1) & (counts > 0)
            numpyro.factor("no count", jnp.where(impossible, -jnp.inf, 0.0))

    def log_joint(params, z, row):
        count = row["counts"]
        weight = dist.Bernoulli(params["never"]).log_prob(z)
        inflated = jnp.where(count > 0, -jnp.inf, 0.0)
        return weight + jnp.where(z == 1, inflated, dist.Poisson(params["rate"]).log_prob(count))

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"never": dist.Beta(1.0, 1.0), "rate": dist.Gamma(2.0, 0.5)},
    )
    rng = np.random.default_rng(4)
    counts = rng.poisson(3.0, 120) * rng.integers(2, size=120)
    start = {"never": np.array(0.3), "rate": np.array(2.0)}
    return Case(program, counts, twin, {"counts": counts}, start)
