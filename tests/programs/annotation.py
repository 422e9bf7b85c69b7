"""Models of annotation as NumPyro's documentation writes them: sizes are read off the data.

See Paun et al. (2018), "Comparing Bayesian models of annotation", and the example of that name in
NumPyro's documentation.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import nn
from numpyro import handlers
from numpyro.infer.reparam import LocScaleReparam
from numpyro.ops.indexing import Vindex

import jaxem

from .case import Case, simplexes


def multinomial(annotations):
    """Every position has the same table of errors."""
    classes = int(np.max(annotations)) + 1
    items, positions = annotations.shape
    with numpyro.plate("class", classes):
        zeta = numpyro.sample("zeta", dist.Dirichlet(jnp.ones(classes)))
    pi = numpyro.sample("pi", dist.Dirichlet(jnp.ones(classes)))
    with numpyro.plate("item", items, dim=-2):
        c = numpyro.sample("c", dist.Categorical(pi), infer={"enumerate": "parallel"})
        with numpyro.plate("position", positions):
            numpyro.sample("y", dist.Categorical(zeta[c]), obs=annotations)


def dawid_skene(positions, annotations):
    """Every annotator has a table of errors."""
    annotators = int(np.max(positions)) + 1
    classes = int(np.max(annotations)) + 1
    items, places = annotations.shape
    with numpyro.plate("annotator", annotators, dim=-2), numpyro.plate("class", classes):
        beta = numpyro.sample("beta", dist.Dirichlet(jnp.ones(classes)))
    pi = numpyro.sample("pi", dist.Dirichlet(jnp.ones(classes)))
    with numpyro.plate("item", items, dim=-2):
        c = numpyro.sample("c", dist.Categorical(pi), infer={"enumerate": "parallel"})
        with numpyro.plate("position", places):
            said = dist.Categorical(Vindex(beta)[positions, c, :])
            numpyro.sample("y", said, obs=annotations)


def mace(positions, annotations):
    """An annotator who does not look answers from a distribution of their own."""
    annotators = int(np.max(positions)) + 1
    classes = int(np.max(annotations)) + 1
    items, places = annotations.shape
    with numpyro.plate("annotator", annotators):
        epsilon = numpyro.sample("epsilon", dist.Dirichlet(jnp.full(classes, 10.0)))
        theta = numpyro.sample("theta", dist.Beta(0.5, 0.5))
    with numpyro.plate("item", items, dim=-2):
        c = numpyro.sample("c", dist.DiscreteUniform(0, classes - 1))
        with numpyro.plate("position", places):
            s = numpyro.sample("s", dist.Bernoulli(1 - theta[positions]))
            looked = s[..., None] == 0
            probs = jnp.where(looked, nn.one_hot(c, classes), epsilon[positions])
            numpyro.sample("y", dist.Categorical(probs), obs=annotations)


def hierarchical_dawid_skene(positions, annotations):
    """Tables of errors drawn from common ones, reparametrised."""
    annotators = int(np.max(positions)) + 1
    classes = int(np.max(annotations)) + 1
    items, places = annotations.shape
    with numpyro.plate("class", classes):
        zeta = numpyro.sample("zeta", dist.Normal(0, 1).expand([classes - 1]).to_event(1))
        omega = numpyro.sample("omega", dist.HalfNormal(1).expand([classes - 1]).to_event(1))
    with numpyro.plate("annotator", annotators, dim=-2), numpyro.plate("class", classes):
        with handlers.reparam(config={"beta": LocScaleReparam(0)}):
            beta = numpyro.sample("beta", dist.Normal(zeta, omega).to_event(1))
        beta = jnp.pad(beta, [(0, 0)] * (jnp.ndim(beta) - 1) + [(0, 1)])
    pi = numpyro.sample("pi", dist.Dirichlet(jnp.ones(classes)))
    with numpyro.plate("item", items, dim=-2):
        c = numpyro.sample("c", dist.Categorical(pi), infer={"enumerate": "parallel"})
        with numpyro.plate("position", places):
            logits = Vindex(beta)[positions, c, :]
            numpyro.sample("y", dist.Categorical(logits=logits), obs=annotations)


def item_difficulty(annotations):
    """Every item has a difficulty of its own: a continuous latent for each datum."""
    classes = int(np.max(annotations)) + 1
    items, places = annotations.shape
    with numpyro.plate("class", classes):
        eta = numpyro.sample("eta", dist.Normal(0, 1).expand([classes - 1]).to_event(1))
        chi = numpyro.sample("chi", dist.HalfNormal(1).expand([classes - 1]).to_event(1))
    pi = numpyro.sample("pi", dist.Dirichlet(jnp.ones(classes)))
    with numpyro.plate("item", items, dim=-2):
        c = numpyro.sample("c", dist.Categorical(pi), infer={"enumerate": "parallel"})
        with handlers.reparam(config={"theta": LocScaleReparam(0)}):
            theta = numpyro.sample("theta", dist.Normal(eta[c], chi[c]).to_event(1))
            theta = jnp.pad(theta, [(0, 0)] * (jnp.ndim(theta) - 1) + [(0, 1)])
        with numpyro.plate("position", places):
            numpyro.sample("y", dist.Categorical(logits=theta), obs=annotations)


def annotations() -> tuple[np.ndarray, np.ndarray]:
    """Who sits at each position, (4,), and what is said of each item, (30, 4); three classes."""
    rng = np.random.default_rng(11)
    truth = rng.integers(3, size=30)
    lapse = rng.random((30, 4)) < 0.25
    said = np.where(lapse, rng.integers(3, size=(30, 4)), truth[:, None])
    return np.array([0, 0, 1, 2]), said


def raters() -> Case:
    """Dawid and Skene (1979) by hand: two positions share an annotator."""
    who, said = annotations()

    def log_joint(params, z, row):
        tables = params["beta"][who, z]
        answers = dist.Categorical(tables).log_prob(row["annotations"]).sum()
        return dist.Categorical(params["pi"]).log_prob(z) + answers

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "beta": dist.Dirichlet(jnp.ones((3, 3, 3))),
            "pi": dist.Dirichlet(jnp.ones(3)),
        },
    )
    rng = np.random.default_rng(12)
    start = {
        "beta": simplexes(rng, 3, 3, 3) + np.eye(3),
        "pi": np.array([0.3, 0.3, 0.4]),
    }
    start["beta"] /= start["beta"].sum(-1, keepdims=True)
    data = {"positions": who, "annotations": said}
    return Case(dawid_skene, data, twin, {"annotations": said}, start)
