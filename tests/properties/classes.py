"""Latent classes: answers that are independent given the class."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from . import words
from .case import Case
from .counts import shared, simplex

_rng = np.random.default_rng(4)
CLASS = _rng.integers(0, 2, 80)
YES = (_rng.random((80, 4)) < np.array([[0.2, 0.3, 0.4, 0.1], [0.8, 0.7, 0.9, 0.6]])[CLASS]) * 1
CHOICES = np.stack(
    [
        [_rng.choice(3, p=p) for p in table[CLASS]]
        for table in _rng.dirichlet([0.6, 0.6, 0.6], (4, 2))
    ],
    axis=1,
)


def bernoulli():
    """Yes-or-no questions."""

    def log_joint(params, z, answers):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Bernoulli(params["yes"][z]).log_prob(answers).sum()

    def update(params, data, responsibilities):
        return {
            "weights": shared(responsibilities),
            "yes": responsibilities.T @ data / responsibilities.sum(0)[:, None],
        }

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={
                "weights": simplex(2),
                "yes": jaxem.flat((2, 4), constraints.unit_interval),
            },
        ),
        YES,
        {
            "weights": np.array([0.4, 0.6]),
            "yes": np.array([[0.3, 0.4, 0.5, 0.3], [0.6, 0.5, 0.7, 0.5]]),
        },
        labels={"weights": 0, "yes": 0},
        closed={"weights": words.COUNTS, "yes": words.PROPORTION},
        update=update,
    )


def _tally(choices, responsibilities, categories):
    """Expected counts of every category, (questions, states, categories)."""
    return np.stack(
        [
            [[share[column == c].sum() for c in range(categories)] for share in responsibilities.T]
            for column in choices.T
        ]
    )


def categorical():
    """Questions with three answers, and a prior that has seen each once."""

    def log_joint(params, z, answers):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Categorical(params["answer"][z]).log_prob(answers).sum()

    def update(params, data, responsibilities):
        counts = _tally(data, responsibilities, 3).swapaxes(0, 1) + 1.0
        return {
            "weights": shared(responsibilities),
            "answer": counts / counts.sum(-1, keepdims=True),
        }

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={
                "weights": simplex(2),
                "answer": dist.Dirichlet(jnp.full((2, 4, 3), 2.0)),
            },
        ),
        CHOICES,
        {
            "weights": np.array([0.4, 0.6]),
            "answer": np.random.default_rng(5).dirichlet([4.0, 4.0, 4.0], (2, 4)),
        },
        labels={"weights": 0, "answer": 0},
        closed={"weights": words.COUNTS, "answer": words.COUNTS},
        update=update,
    )


def raters():
    """Dawid and Skene, with ratings that are missing: padded with -1 and masked."""
    seen = np.random.default_rng(6).random(CHOICES.shape) < 0.7
    seen[:, 0] = True

    def log_joint(params, z, ratings):
        given = ratings >= 0
        chance = params["error"][jnp.arange(4), z, jnp.where(given, ratings, 0)]
        return jnp.log(params["weights"][z]) + jnp.where(given, jnp.log(chance), 0.0).sum()

    def update(params, data, responsibilities):
        counts = _tally(data, responsibilities, 3)
        return {
            "weights": shared(responsibilities),
            "error": counts / counts.sum(-1, keepdims=True),
        }

    rng = np.random.default_rng(7)
    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={"weights": simplex(2), "error": simplex(4, 2, 3)},
        ),
        np.where(seen, CHOICES, -1),
        {"weights": np.array([0.4, 0.6]), "error": rng.dirichlet([4.0, 4.0, 4.0], (4, 2))},
        labels={"weights": 0, "error": 1},
        closed={"weights": words.COUNTS, "error": words.COUNTS},
        update=update,
    )
