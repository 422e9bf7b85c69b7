"""Mixtures: how a scale may be written, where data may lie, what weights may be."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem
from jaxem import Status
from tests.adversary.judge import Case

POSITIVE, UNIT, SIMPLEX = constraints.positive, constraints.unit_interval, constraints.simplex
COLLAPSES = (Status.CONVERGED, Status.DEGENERATE, Status.STALLED, Status.NON_FINITE)


def weights(k: int = 2):
    """A flat prior of mixture weights."""
    return jaxem.flat((k,), SIMPLEX)


def two_groups(n: int = 80, seed: int = 0) -> np.ndarray:
    """Two overlapping groups of numbers."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n // 2), rng.normal(4, 1.5, n - n // 2)])


def normals(p, z, x):
    return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], p["s"][z]).log_prob(x)


def _through(function):
    def log_joint(p, z, x):
        return normals({**p, "s": function(p["s"])}, z, x)

    return log_joint


#: How a scale is written, from its parameter and the prior of that.
SCALES = {
    "positive": (lambda s: s, jaxem.flat((2,), POSITIVE)),
    "an interval": (lambda s: s, dist.Uniform(0.0, 20.0).expand((2,))),
    "a softplus": (jax.nn.softplus, jaxem.flat((2,))),
    "an exponential": (jnp.exp, jaxem.flat((2,))),
    "an absolute value": (jnp.abs, jaxem.flat((2,))),
    "a square": (jnp.square, jaxem.flat((2,))),
    "a precision": (lambda s: s**-0.5, jaxem.flat((2,), POSITIVE)),
    "a log precision": (lambda s: jnp.exp(-s / 2), jaxem.flat((2,))),
    "a half-normal prior": (lambda s: s, dist.HalfNormal(5.0).expand((2,))),
    "a log-normal prior": (lambda s: s, dist.LogNormal(0.0, 1.0).expand((2,))),
    "an inverse gamma prior": (lambda s: s, dist.InverseGamma(3.0, 3.0).expand((2,))),
}


def scales():
    """Data with two honest groups: all ways lead to an ordinary maximum."""
    for name, (function, prior) in SCALES.items():
        declared = {"w": weights(), "loc": jaxem.flat((2,)), "s": prior}
        yield (
            f"scale by {name}",
            Case(_through(function), jaxem.Finite(2), declared, two_groups(), {"restarts": 4}),
        )


def collapses():
    """Three equal values far away: a third component may collapse on them, whatever its scale."""
    x = np.concatenate([np.round(two_groups(40), 1), [12.0, 12.0, 12.0]])
    for name in ("an interval", "a softplus", "an absolute value", "an exponential", "a square"):
        function, _ = SCALES[name]
        prior = dist.Uniform(0.0, 20.0).expand((3,)) if name == "an interval" else jaxem.flat((3,))
        declared = {"w": weights(3), "loc": jaxem.flat((3,)), "s": prior}
        yield (
            f"collapse through {name}",
            Case(_through(function), jaxem.Finite(3), declared, x, {"restarts": 8}, COLLAPSES),
        )


def places():
    """Offsets, units, and far values."""
    prior = {"w": weights(), "loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)}
    x = two_groups()
    data = {
        "an offset of 1e8": x + 1e8,
        "units of 1e-8": 1e-8 * x,
        "units of 1e8": 1e8 * x,
    }
    for name, rows in data.items():
        yield name, Case(normals, jaxem.Finite(2), prior, rows, {"restarts": 4})

    def equal_scales(p, z, x):
        return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.2).log_prob(x)

    three = {"w": weights(3), "loc": jaxem.flat((3,))}
    far = np.append(x, 300.0)
    yield "one far value", Case(equal_scales, jaxem.Finite(3), three, far, {"restarts": 6})
    rates = {"w": weights(3), "r": jaxem.flat((3,), POSITIVE)}
    rng = np.random.default_rng(47)
    counts = np.r_[rng.poisson(3, 60), rng.poisson(12, 40), [10**5]]

    def poissons(p, z, x):
        return jnp.log(p["w"][z]) + dist.Poisson(p["r"][z]).log_prob(x)

    yield "one far count", Case(poissons, jaxem.Finite(3), rates, counts, {"restarts": 8})


def sizes():
    """One state and very many; one row, two, as many as states, all equal."""

    def unit_normals(p, z, x):
        return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x)

    for k, x in ((1, two_groups()), (50, two_groups(200)), (1, np.array([3.0])), (2, [1.0, 5.0])):
        x = np.asarray(x)
        prior = {"w": weights(k), "loc": jaxem.flat((k,))}
        yield (
            f"{k} states of {len(x)} rows",
            Case(
                unit_normals,
                jaxem.Finite(k),
                prior,
                x,
                {"max_steps": 20_000},
                (Status.CONVERGED, Status.STALLED),
            ),
        )
    prior = {"w": weights(), "loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)}
    yield "equal rows", Case(normals, jaxem.Finite(2), prior, np.full(20, 3.0), {}, COLLAPSES[1:])


def weighings():
    """Fractional weights, zeros, huge and tiny ones, and counts."""
    x = two_groups()
    rng = np.random.default_rng(3)
    prior = {"w": weights(), "loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)}
    given = {
        "fractional": rng.uniform(0.1, 2.0, len(x)),
        "zero for half": (np.arange(len(x)) % 2).astype(float),
        "huge": np.full(len(x), 1e6),
        "tiny": np.where(np.arange(len(x)) == 0, 1e-9, 1.0),
        "counts": rng.integers(1, 5, len(x)).astype(float),
    }
    for name, w in given.items():
        gain = 1e-4 * max(1.0, w.max())
        case = Case(normals, jaxem.Finite(2), prior, x, {"weights": w, "restarts": 4}, gain=gain)
        yield f"weights that are {name}", case


def algorithms():
    """Every algorithm on one model."""
    x = two_groups()
    prior = {"w": weights(), "loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)}
    em = jaxem.EM()
    options = {
        "EM": {"algorithm": em},
        "multicycle": {
            "algorithm": jaxem.EM(m_step=jaxem.Derived(order=("s", ("loc", "w"))), multicycle=True)
        },
        "Squarem": {"algorithm": jaxem.Squarem()},
        "Anderson": {"algorithm": jaxem.Anderson()},
        "annealed": {"algorithm": jaxem.Annealed((0.3, 0.6))},
        "a finish": {"finish": "newton"},
        "a race": {"restarts": jaxem.Race(8)},
        "ascent": {"algorithm": jaxem.EM(m_step=jaxem.Ascent())},
        "incremental": {"algorithm": jaxem.Incremental(batch_size=16)},
    }
    for name, option in options.items():
        yield f"by {name}", Case(normals, jaxem.Finite(2), prior, x, {"restarts": 4, **option})


TABLE = [scales, collapses, places, sizes, weighings, algorithms]
