"""Small chains of every kind, to be compared with sums over all paths."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

SIMPLEX, POSITIVE = constraints.simplex, constraints.positive

LENGTHS = np.array([4, 1, 3])
RNG = np.random.default_rng(3)
Y = RNG.normal(size=(3, 4))
COUNTS = RNG.poisson(3.0, size=(3, 4))
INPUT = RNG.normal(size=(3, 4))
SEEN = np.array([[1, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]], bool)

CHANCES = {"initial": jaxem.flat((2,), SIMPLEX), "transition": jaxem.flat((2, 2), SIMPLEX)}
NORMAL = {"loc": jaxem.flat((2,)), "scale": jaxem.flat((2,), POSITIVE)}
START = {
    "initial": [0.6, 0.4],
    "transition": [[0.7, 0.3], [0.2, 0.8]],
    "loc": [-0.5, 0.8],
    "scale": [1.0, 0.7],
}


def moved(p, z_prev, z):
    """Log probability of a state given the one before it."""
    return jnp.log(p["initial"])[z] if z_prev is None else jnp.log(p["transition"])[z_prev, z]


def normal(p, z, y):
    return dist.Normal(p["loc"][z], p["scale"][z]).log_prob(y)


@functools.cache
def plain():
    def log_joint(p, z_prev, z, x):
        return moved(p, z_prev, z) + normal(p, z, x)

    return jaxem.Model(log_joint, jaxem.Chain(2), {**CHANCES, **NORMAL}), Y, START


def masked():
    """A step that was missed says nothing of its state."""

    def log_joint(p, z_prev, z, x):
        return moved(p, z_prev, z) + jnp.where(x["seen"], normal(p, z, x["y"]), 0.0)

    data = {"y": Y, "seen": SEEN}
    return jaxem.Model(log_joint, jaxem.Chain(2), {**CHANCES, **NORMAL}), data, START


def driven():
    """An input moves transitions and emissions."""

    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            step = jnp.log(p["initial"])[z]
        else:
            step = jax.nn.log_softmax(p["weights"][z_prev] * x["u"] + jnp.arange(2.0))[z]
        mean = p["loc"][z] + p["slope"][z] * x["u"]
        return step + dist.Normal(mean, p["scale"][z]).log_prob(x["y"])

    prior = {
        "initial": jaxem.flat((2,), SIMPLEX),
        "weights": dist.Normal(0.0, 2.0).expand([2, 2]),
        "slope": jaxem.flat((2,)),
        **NORMAL,
    }
    start = {k: START[k] for k in ("initial", "loc", "scale")}
    start |= {"weights": [[0.5, -0.5], [0.1, 0.3]], "slope": [0.2, -0.4]}
    return jaxem.Model(log_joint, jaxem.Chain(2), prior), {"y": Y, "u": INPUT}, start


def autoregressive():
    """The value before is data; how it is weighed depends on the state."""

    def log_joint(p, z_prev, z, x):
        mean = p["loc"][z] + p["ar"][z] * x["before"]
        return moved(p, z_prev, z) + dist.Normal(mean, p["scale"][z]).log_prob(x["y"])

    before = np.concatenate([np.zeros((3, 1)), Y[:, :-1]], 1)
    prior = {**CHANCES, **NORMAL, "ar": jaxem.flat((2,))}
    data = {"y": Y, "before": before}
    return jaxem.Model(log_joint, jaxem.Chain(2), prior), data, {**START, "ar": [0.3, -0.2]}


def left_right():
    """Three states that are gone through from left to right."""

    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            step = jnp.where(z == 0, 0.0, -jnp.inf)
        else:
            stay = jnp.log(p["stay"])[z_prev]
            leave = jnp.log1p(-p["stay"])[z_prev]
            step = jnp.where(z == z_prev, stay, jnp.where(z == z_prev + 1, leave, -jnp.inf))
            step = jnp.where((z_prev == 2) & (z == 2), 0.0, step)
        return step + dist.Poisson(p["rate"][z]).log_prob(x)

    prior = {
        "stay": jaxem.flat((3,), constraints.unit_interval),
        "rate": jaxem.flat((3,), POSITIVE),
    }
    start = {"stay": [0.5, 0.6, 0.5], "rate": [1.0, 3.0, 5.0]}
    return jaxem.Model(log_joint, jaxem.Chain(3), prior), COUNTS, start


def of_pairs():
    """What is seen depends on the state and the one before it."""

    def log_joint(p, z_prev, z, x):
        rate = p["first"][z] if z_prev is None else p["rate"][z_prev, z]
        return moved(p, z_prev, z) + dist.Poisson(rate).log_prob(x)

    prior = {
        **CHANCES,
        "first": jaxem.flat((2,), POSITIVE),
        "rate": jaxem.flat((2, 2), POSITIVE),
    }
    start = {k: START[k] for k in CHANCES}
    start |= {"first": [2.0, 4.0], "rate": [[1.0, 2.0], [3.0, 6.0]]}
    return jaxem.Model(log_joint, jaxem.Chain(2), prior), COUNTS, start


def factorial():
    """Two chains that are seen only together."""

    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            step = jnp.log(p["a"])[0, z["a"]] + jnp.log(p["b"])[0, z["b"]]
        else:
            step = jnp.log(p["a"])[z_prev["a"], z["a"]] + jnp.log(p["b"])[z_prev["b"], z["b"]]
        return step + dist.Normal(p["up"] * z["a"] + p["down"] * z["b"], 1.0).log_prob(x)

    rows = jaxem.flat((2, 2), SIMPLEX)
    prior = {"a": rows, "b": rows, "up": jaxem.flat(), "down": jaxem.flat()}
    start = {"a": START["transition"], "b": [[0.5, 0.5], [0.4, 0.6]], "up": 1.0, "down": -0.7}
    return jaxem.Model(log_joint, jaxem.Chain(a=2, b=2), prior), Y, start


def fixed():
    """Transitions that are known."""
    rows = dist.Delta(jnp.asarray(START["transition"]), event_dim=1)

    def log_joint(p, z_prev, z, x):
        return moved(p, z_prev, z) + normal(p, z, x)

    prior = {"initial": CHANCES["initial"], "transition": rows, **NORMAL}
    return jaxem.Model(log_joint, jaxem.Chain(2), prior), Y, START


def stationary():
    """The first state is one of a chain that has run for ever."""

    def log_joint(p, z_prev, z, x):
        rows = p["transition"]
        leave = jnp.stack([rows[1, 0], rows[0, 1]])
        first = jnp.log(leave / leave.sum())[z]
        step = first if z_prev is None else jnp.log(rows)[z_prev, z]
        return step + normal(p, z, x)

    prior = {"transition": CHANCES["transition"], **NORMAL}
    start = {k: START[k] for k in ("transition", "loc", "scale")}
    return jaxem.Model(log_joint, jaxem.Chain(2), prior), Y, start


def of_two_kinds():
    """A mixture of chains: a class that a sequence keeps, which is a part of the state."""

    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            step = jnp.log(p["kinds"])[z["kind"]] + jnp.log(0.5)
        else:
            same = z["kind"] == z_prev["kind"]
            move = jnp.log(p["rows"])[z["kind"], z_prev["level"], z["level"]]
            step = jnp.where(same, move, -jnp.inf)
        return step + dist.Normal(p["loc"][z["level"]], 1.0).log_prob(x)

    prior = {
        "kinds": jaxem.flat((2,), SIMPLEX),
        "rows": dist.Dirichlet(jnp.full(2, 1.5)).expand([2, 2]),
        "loc": jaxem.flat((2,)),
    }
    start = {
        "kinds": [0.3, 0.7],
        "rows": [START["transition"], [[0.4, 0.6], [0.5, 0.5]]],
        "loc": [-0.5, 0.8],
    }
    return jaxem.Model(log_joint, jaxem.Chain(kind=2, level=2), prior), Y, start


def tied():
    """Every state is left as readily as any other."""

    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            step = -jnp.log(3.0)
        else:
            step = jnp.where(z == z_prev, jnp.log(p["stay"]), jnp.log1p(-p["stay"]) - jnp.log(2.0))
        return step + dist.Poisson(p["rate"][z]).log_prob(x)

    prior = {
        "stay": jaxem.flat((), constraints.unit_interval),
        "rate": jaxem.flat((3,), POSITIVE),
    }
    return (
        jaxem.Model(log_joint, jaxem.Chain(3), prior),
        COUNTS,
        {"stay": 0.6, "rate": [1.0, 3.0, 6.0]},
    )


def second_order():
    """The state depends on the two before it, which the joint state carries along."""

    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            step = jnp.where(z["before"] == 0, jnp.log(p["initial"])[z["now"]], -jnp.inf)
        else:
            move = jnp.log(p["rows"])[z_prev["before"], z_prev["now"], z["now"]]
            step = jnp.where(z["before"] == z_prev["now"], move, -jnp.inf)
        return step + normal(p, z["now"], x)

    rows = [START["transition"], [[0.4, 0.6], [0.5, 0.5]]]
    prior = {"initial": CHANCES["initial"], "rows": jaxem.flat((2, 2, 2), SIMPLEX), **NORMAL}
    start = {k: START[k] for k in ("initial", "loc", "scale")} | {"rows": rows}
    return jaxem.Model(log_joint, jaxem.Chain(before=2, now=2), prior), Y, start


VARIANTS = {
    made.__name__: made
    for made in (
        plain,
        masked,
        driven,
        autoregressive,
        left_right,
        of_pairs,
        factorial,
        fixed,
        stationary,
        of_two_kinds,
        tied,
        second_order,
    )
}
