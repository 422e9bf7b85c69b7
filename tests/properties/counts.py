"""Counts and categories: coins, genes, Poisson rates, words in documents."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from . import words
from .case import Case

_rng = np.random.default_rng(2)
CALLS = np.concatenate([_rng.poisson(2.0, 40), _rng.poisson(9.0, 40)])
probability = constraints.unit_interval


def simplex(*shape):
    return jaxem.flat(shape, constraints.simplex)


def shared(responsibilities):
    return responsibilities.sum(0) / responsibilities.sum()


def coins():
    """Two coins, ten tosses a row."""

    def log_joint(params, z, heads):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Binomial(10, params["heads"][z]).log_prob(heads)

    def update(params, data, responsibilities):
        heads = responsibilities.T @ data / (10 * responsibilities.sum(0))
        return {"weights": shared(responsibilities), "heads": heads}

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={"weights": simplex(2), "heads": jaxem.flat((2,), probability)},
        ),
        np.array([5, 9, 8, 4, 7, 10, 3, 6, 2, 9]),
        {"weights": np.array([0.4, 0.6]), "heads": np.array([0.4, 0.7])},
        labels={"weights": 0, "heads": 0},
        closed={"weights": words.COUNTS, "heads": words.PROPORTION},
        update=update,
    )


def blood_groups():
    """ABO: six genotypes behind four phenotypes, written as the log of a table with zeros."""
    pairs = np.array([[0, 0], [0, 2], [1, 1], [1, 2], [0, 1], [2, 2]])
    shown = (np.array([0, 0, 1, 1, 2, 3])[:, None] == np.arange(4)).astype(float)
    twice = np.array([1.0, 2.0, 1.0, 2.0, 2.0, 1.0])

    def log_joint(params, z, phenotype):
        first, second = jnp.asarray(pairs)[z]
        chance = params["alleles"][first] * params["alleles"][second] * jnp.asarray(twice)[z]
        return jnp.log(jnp.asarray(shown)[z, phenotype] * chance)

    def update(params, data, responsibilities):
        counts = np.zeros(3)
        for genotype, total in enumerate(responsibilities.sum(0)):
            for allele in pairs[genotype]:
                counts[allele] += total
        return {"alleles": counts / counts.sum()}

    return Case(
        jaxem.Model(log_joint, latent=jaxem.Finite(6), prior={"alleles": simplex(3)}),
        np.arange(4),
        {"alleles": np.array([0.3, 0.2, 0.5])},
        weights=np.array([186.0, 38.0, 13.0, 284.0]),
        closed={"alleles": words.COUNTS},
        update=update,
    )


def linkage():
    """Four cells, the first of which is two (Dempster, Laird and Rubin 1977)."""

    def log_joint(params, z, configuration):
        t = params["t"]
        split = jnp.array([[0.5, 0.0, 0.0, 0.0], [t / 4, (1 - t) / 4, (1 - t) / 4, t / 4]])
        return jnp.log(split[z, configuration])

    def update(params, data, responsibilities):
        kept = responsibilities[data == 0, 1].sum() + responsibilities[data == 3, 1].sum()
        crossed = responsibilities[(data == 1) | (data == 2), 1].sum()
        return {"t": kept / (kept + crossed)}

    return Case(
        jaxem.Model(log_joint, latent=jaxem.Finite(2), prior={"t": jaxem.flat((), probability)}),
        np.arange(4),
        {"t": 0.4},
        weights=np.array([125.0, 18.0, 20.0, 34.0]),
        closed={"t": words.PROPORTION},
        update=update,
    )


def poisson():
    """Poisson rates with a gamma prior."""

    def log_joint(params, z, calls):
        return jnp.log(params["weights"][z]) + dist.Poisson(params["rate"][z]).log_prob(calls)

    def update(params, data, responsibilities):
        rate = (responsibilities.T @ data + 2.0 - 1) / (responsibilities.sum(0) + 0.5)
        return {"weights": shared(responsibilities), "rate": rate}

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={"weights": simplex(2), "rate": dist.Gamma(2.0, 0.5).expand([2])},
        ),
        CALLS,
        {"weights": np.array([0.4, 0.6]), "rate": np.array([3.0, 6.0])},
        labels={"weights": 0, "rate": 0},
        closed={"weights": words.COUNTS, "rate": words.RATE},
        update=update,
    )


def log_rates():
    """The same counts without a prior, through logarithms of the rates."""

    def log_joint(params, z, calls):
        rate = jnp.exp(params["log_rate"][z])
        return jnp.log(params["weights"][z]) + dist.Poisson(rate).log_prob(calls)

    def update(params, data, responsibilities):
        return {
            "weights": shared(responsibilities),
            "log_rate": np.log(responsibilities.T @ data / responsibilities.sum(0)),
        }

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={"weights": simplex(2), "log_rate": jaxem.flat((2,))},
        ),
        CALLS,
        {"weights": np.array([0.4, 0.6]), "log_rate": np.log([3.0, 6.0])},
        labels={"weights": 0, "log_rate": 0},
        closed={"weights": words.COUNTS, "log_rate": words.LOG_RATE},
        update=update,
    )


def documents():
    """Topics: a row is a cell of the table of documents by words, weighted with its count."""

    def log_joint(params, z, configuration):
        topic = jnp.log(params["topics"][configuration["document"], z])
        return topic + jnp.log(params["words"][z, configuration["word"]])

    document, word = (grid.ravel() for grid in np.indices((5, 6)))

    def update(params, data, responsibilities):
        topics, vocabulary = np.zeros((5, 2)), np.zeros((2, 6))
        for row, share in enumerate(responsibilities):
            topics[data["document"][row]] += share
            vocabulary[:, data["word"][row]] += share
        return {
            "topics": topics / topics.sum(1, keepdims=True),
            "words": vocabulary / vocabulary.sum(1, keepdims=True),
        }

    rng = np.random.default_rng(3)
    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={"topics": simplex(5, 2), "words": simplex(2, 6)},
        ),
        {"document": document, "word": word},
        {"topics": rng.dirichlet([4.0, 4.0], 5), "words": rng.dirichlet(np.full(6, 3.0), 2)},
        weights=rng.poisson(4.0, 30) + 1.0,
        labels={"topics": 1, "words": 0},
        closed={"topics": words.COUNTS, "words": words.COUNTS},
        update=update,
    )


def product():
    """Two hidden causes at once, a season and a fault, each with its prior."""

    def log_joint(params, z, calls):
        causes = jnp.log(params["season"][z["season"]]) + jnp.log(params["fault"][z["fault"]])
        return causes + dist.Poisson(params["rate"][z["season"], z["fault"]]).log_prob(calls)

    def update(params, data, responsibilities):
        joint = responsibilities.sum(0).reshape(3, 2)
        rate = ((data @ responsibilities).reshape(3, 2) + 1.0) / (joint + 0.3)
        season, fault = joint.sum(1) + 4.0, joint.sum(0) + 4.0
        return {"season": season / season.sum(), "fault": fault / fault.sum(), "rate": rate}

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(season=3, fault=2),
            prior={
                "season": dist.Dirichlet(jnp.full(3, 5.0)),
                "fault": dist.Dirichlet(jnp.full(2, 5.0)),
                "rate": dist.Gamma(2.0, 0.3).expand([3, 2]),
            },
        ),
        CALLS,
        {
            "season": np.array([0.3, 0.3, 0.4]),
            "fault": np.array([0.7, 0.3]),
            "rate": np.array([[1.0, 5.0], [2.0, 9.0], [4.0, 12.0]]),
        },
        labels={"season": 0, "rate": 0},
        closed={"season": words.COUNTS, "fault": words.COUNTS, "rate": words.RATE},
        update=update,
    )
