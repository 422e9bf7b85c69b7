"""Chains with structural zeros, ragged lengths and masks; a tree."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import jaxem
from tests.adversary.judge import Case
from tests.adversary.mixtures import POSITIVE, SIMPLEX, weights

TABLES = jaxem.flat((2, 2), SIMPLEX)


def _steps(n: int = 4, horizon: int = 12):
    rng = np.random.default_rng(4)
    states = (np.cumsum(rng.random((n, horizon)) < 0.2, axis=1) + np.arange(n)[:, None]) % 2
    return rng, states


def _chances(p, before, z):
    return jnp.log((p["initial"] if before is None else p["transition"][before])[z])


def chains():
    """Chains of two and three states."""
    rng, states = _steps()
    x = 3.0 * states + rng.normal(size=states.shape)

    def normals(p, before, z, x):
        return _chances(p, before, z) + dist.Normal(p["loc"][z], p["s"]).log_prob(x)

    prior = {"initial": weights(), "transition": TABLES, "loc": jaxem.flat((2,))}
    prior["s"] = jaxem.flat((), POSITIVE)
    yield "a chain of normals", Case(normals, jaxem.Chain(2), prior, x)
    yield (
        "sequences of one step",
        Case(normals, jaxem.Chain(2), prior, x, {"lengths": [12, 1, 7, 1]}),
    )
    yield (
        "weighed sequences",
        Case(normals, jaxem.Chain(2), prior, x, {"weights": [1.0, 0.0, 2.5, 1.0]}),
    )
    mean = {**prior, "transition": dist.Dirichlet(jnp.array([[5.0, 1.0], [1.0, 5.0]]))}
    yield "a chain with a prior", Case(normals, jaxem.Chain(2), mean, x)

    def poissons(p, before, z, x):
        return _chances(p, before, z) + dist.Poisson(p["rate"][z]).log_prob(x)

    counts = rng.poisson(np.where(states, 8.0, 2.0))
    rates = {"initial": weights(), "transition": TABLES, "rate": jaxem.flat((2,), POSITIVE)}
    yield "a chain of counts", Case(poissons, jaxem.Chain(2), rates, counts)

    def masked(p, before, z, x):
        density = dist.Gamma(p["a"][z], p["b"][z]).log_prob(x["y"])
        return _chances(p, before, z) + jnp.where(x["seen"], density, 0.0)

    seen = rng.random(states.shape) < 0.8
    y = np.where(states, rng.gamma(9.0, 1.0, states.shape), rng.gamma(2.0, 0.5, states.shape))
    positive = jaxem.flat((2,), POSITIVE)
    gammas = {"initial": weights(), "transition": TABLES, "a": positive, "b": positive}
    init = {"initial": [0.5, 0.5], "transition": np.full((2, 2), 0.5)}
    init |= {"a": [2.0, 5.0], "b": [2.0, 1.0]}
    data = {"y": np.where(seen, y, -1.0), "seen": seen}
    yield (
        "a masked chain",
        Case(masked, jaxem.Chain(2), gammas, data, {"init": init, "restarts": 1}),
    )

    def onward(p, before, z, x):
        stay = jnp.log(p["stay"])
        leave = jnp.log1p(-p["stay"])
        if before is None:
            move = jnp.where(z == 0, 0.0, -jnp.inf)
        else:
            last = jnp.where(z == 2, 0.0, -jnp.inf)
            step = jnp.where(z == before, stay, jnp.where(z == before + 1, leave, -jnp.inf))
            move = jnp.where(before == 2, last, step)
        return move + dist.Normal(p["loc"][z], 1.0).log_prob(x)

    times = np.minimum(np.cumsum(rng.random((4, 12)) < 0.2, axis=1), 2)
    left = {"stay": dist.Beta(2.0, 2.0), "loc": jaxem.flat((3,))}
    yield "from left to right", Case(onward, jaxem.Chain(3), left, 3.0 * times + x - 3.0 * states)

    def symbols(p, before, z, x):
        return _chances(p, before, z) + jnp.log(p["emission"][z, x])

    table = {"initial": weights(), "transition": TABLES, "emission": jaxem.flat((2, 3), SIMPLEX)}
    codes = np.where(rng.random(states.shape) < 0.7, states, rng.integers(0, 3, states.shape))
    yield "a chain of symbols", Case(symbols, jaxem.Chain(2), table, codes)


def trees():
    """A root with two children, one of which has two."""
    rng = np.random.default_rng(9)
    root = rng.integers(0, 2, 40)
    nodes = [root]
    for parent in (0, 0, 1, 1):
        nodes.append(np.where(rng.random(40) < 0.8, nodes[parent], 1 - nodes[parent]))
    x = np.where(rng.random((40, 5)) < 0.9, np.stack(nodes, 1), 2)

    def log_joint(p, above, z, x):
        chances = p["root"] if above is None else p["edge"][above]
        return jnp.log(chances[z]) + jnp.log(p["leaf"][z, x])

    prior = {
        "root": dist.Dirichlet(2.0 * jnp.ones(2)),
        "edge": dist.Dirichlet(jnp.array([[4.0, 2.0], [2.0, 4.0]])),
        "leaf": dist.Dirichlet(jnp.array([[4.0, 1.5, 1.5], [1.5, 4.0, 1.5]])),
    }
    yield "a tree", Case(log_joint, jaxem.Tree((-1, 0, 0, 1, 1), 2), prior, x)


TABLE = [chains, trees]
