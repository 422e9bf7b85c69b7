"""Masks, clips, supports and cdfs; regressions."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.special import gammainc, xlogy
from jax.scipy.stats import norm

import jaxem
from jaxem import Status
from tests.adversary.judge import Case
from tests.adversary.mixtures import POSITIVE, UNIT, normals, two_groups, weights

REAL, ONE = jaxem.flat(()), jaxem.flat((), POSITIVE)


def masks():
    """Fillers under a mask, the same answer whatever they are."""
    x, rng = two_groups(), np.random.default_rng(1)
    seen = rng.random(len(x)) < 0.8
    y = np.abs(x) + 0.1

    def gammas(p, z, r):
        density = dist.Gamma(p["a"][z], p["b"][z]).log_prob(r["y"])
        return jnp.log(p["w"][z]) + jnp.where(r["seen"], density, 0.0)

    prior = {"w": weights(), "a": jaxem.flat((2,), POSITIVE), "b": jaxem.flat((2,), POSITIVE)}
    init = {"w": [0.5, 0.5], "a": [2.0, 5.0], "b": [2.0, 1.0]}
    for filler in (1.0, 0.0, -1.0):
        data = {"y": np.where(seen, y, filler), "seen": seen}
        yield (
            f"a filler of {filler:g}",
            Case(gammas, jaxem.Finite(2), prior, data, {"init": init, "restarts": 1}),
        )


def outside():
    """A datum outside the support of a state."""
    rng = np.random.default_rng(0)
    inside = rng.gamma(2.0, 1.5, 60)
    y = np.concatenate([np.zeros(30), inside])

    def hurdle(density):
        def log_joint(p, z, x):
            positive = jnp.where(x > 0, density(p).log_prob(x), -jnp.inf)
            nothing = jnp.where(x == 0, 0.0, -jnp.inf)
            return jnp.log(p["w"][z]) + jnp.where(z == 0, nothing, positive)

        return log_joint

    laws = {
        "gamma": lambda p: dist.Gamma(p["a"], p["b"]),
        "log-normal": lambda p: dist.LogNormal(jnp.log(p["a"]), p["b"]),
        "Weibull": lambda p: dist.Weibull(p["a"], p["b"]),
    }
    for name, law in laws.items():
        prior = {"w": weights(), "a": ONE, "b": ONE}
        yield f"zero or {name}", Case(hurdle(law), jaxem.Finite(2), prior, y)

    def signal(p, z, x):
        above = jnp.where(x > 0, dist.Gamma(p["a"], p["b"]).log_prob(x), -jnp.inf)
        noise = dist.Normal(0.0, p["s"]).log_prob(x)
        return jnp.log(p["w"][z]) + jnp.where(z == 0, noise, above)

    data = np.concatenate([rng.normal(0, 1, 60), rng.gamma(20, 0.4, 40)])
    prior = {"w": weights(), "a": ONE, "b": ONE, "s": ONE}
    yield "a positive signal in noise", Case(signal, jaxem.Finite(2), prior, data)

    def detected(p, z, x):
        return jnp.log(p["w"][z]) + dist.Bernoulli(z * p["q"]).log_prob(x).sum()

    seen = (rng.random((60, 4)) < 0.5 * (rng.random((60, 1)) < 0.6)).astype(int)
    prior = {"w": weights(), "q": jaxem.flat((), UNIT)}
    yield "a clipped probability", Case(detected, jaxem.Finite(2), prior, seen)

    def counts(p, z, x):
        return jnp.log(p["w"][z]) + xlogy(1.0 * x, p["q"][z]).sum()

    table = rng.multinomial(10, [0.5, 0.3, 0.2, 0.0], size=40)
    table[:20] = rng.multinomial(10, [0.1, 0.1, 0.4, 0.4], size=20)
    prior = {"w": weights(), "q": dist.Dirichlet(jnp.ones((2, 4)))}
    yield "counts that are zero", Case(counts, jaxem.Finite(2), prior, table)


def cdfs():
    """Censored, truncated and binned values."""
    x = two_groups()

    def censored(p, z, r):
        here = (r["x"] - p["loc"][z]) / p["s"][z]
        density = norm.logpdf(here) - jnp.log(p["s"][z])
        return jnp.log(p["w"][z]) + jnp.where(r["cut"], norm.logsf(here), density)

    prior = {"w": weights(), "loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)}
    data = {"x": np.minimum(x, 5.0), "cut": x > 5.0}
    yield "censored normals", Case(censored, jaxem.Finite(2), prior, data, {"restarts": 4})

    def truncated(p, z, v):
        d = dist.Normal(p["loc"][z], p["s"][z])
        return jnp.log(p["w"][z]) + d.log_prob(v) - jnp.log(d.cdf(10.0) - d.cdf(0.0))

    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(2, 1.5, 200), rng.normal(7, 1.5, 200)])
    rows = rows[(rows > 0) & (rows < 10)]
    ends = (Status.CONVERGED,)
    yield "truncated normals", Case(truncated, jaxem.Finite(2), prior, rows, {"restarts": 4}, ends)

    def binned(p, z, r):
        mass = gammainc(p["a"][z], p["b"][z] * r["hi"]) - gammainc(p["a"][z], p["b"][z] * r["lo"])
        return jnp.log(p["w"][z]) + jnp.log(mass)

    y = np.concatenate([rng.gamma(3, 1, 40), rng.gamma(30, 0.4, 40)])
    prior = {"w": weights(), "a": jaxem.flat((2,), POSITIVE), "b": jaxem.flat((2,), POSITIVE)}
    init = {"w": [0.5, 0.5], "a": [2.0, 20.0], "b": [1.0, 2.0]}
    data = {"lo": np.floor(y), "hi": np.floor(y) + 1.0}
    yield (
        "binned gammas",
        Case(binned, jaxem.Finite(2), prior, data, {"init": init, "restarts": 1}),
    )


def _rows(n: int = 100):
    rng = np.random.default_rng(6)
    x = rng.normal(size=n)
    line = np.where(rng.random(n) < 0.4, 1 + 2 * x, -2 - x)
    return rng, x, line


def regressions():
    """Mixtures of lines by many laws."""
    rng, x, line = _rows()
    prior = {"w": weights(), "a": jaxem.flat((2,)), "b": jaxem.flat((2,))}

    def by(law):
        def log_joint(p, z, r):
            return jnp.log(p["w"][z]) + law(p, z, p["a"][z] + p["b"][z] * r["x"], r["y"])

        return log_joint

    noise = line + 0.7 * rng.normal(size=len(x))
    laws = {
        "normal": (lambda p, z, m, y: dist.Normal(m, p["s"]).log_prob(y), noise, {"s": ONE}),
        "Student": (
            lambda p, z, m, y: dist.StudentT(4.0, m, p["s"]).log_prob(y),
            noise,
            {"s": ONE},
        ),
        "Poisson": (
            lambda p, z, m, y: dist.Poisson(jnp.exp(m)).log_prob(y),
            rng.poisson(np.exp(np.clip(0.5 * line, -3, 3))),
            {},
        ),
        "negative binomial": (
            lambda p, z, m, y: dist.NegativeBinomial2(jnp.exp(m), p["s"]).log_prob(y),
            rng.poisson(rng.gamma(5.0, np.exp(np.clip(0.5 * line, -3, 3)) / 5.0)),
            {"s": dist.Gamma(3.0, 0.5)},
        ),
        "binomial": (
            lambda p, z, m, y: dist.Binomial(8, logits=m).log_prob(y),
            rng.binomial(8, 1 / (1 + np.exp(-line))),
            {},
        ),
    }
    for name, (law, y, more) in laws.items():
        data = {"x": x, "y": y}
        yield (
            f"{name} regression",
            Case(by(law), jaxem.Finite(2), {**prior, **more}, data, {"restarts": 4}),
        )

    def gated(p, z, r):
        gate = jax.nn.log_softmax(jnp.stack([0.0, p["g"][0] + p["g"][1] * r["x"]]))[z]
        return gate + dist.Normal(p["a"][z] + p["b"][z] * r["x"], p["s"]).log_prob(r["y"])

    free = {"g": jaxem.flat((2,)), "a": jaxem.flat((2,)), "b": jaxem.flat((2,)), "s": ONE}
    mixed = np.where(rng.random(len(x)) < 1 / (1 + np.exp(-x)), 1 + 2 * x, -2 - x)
    data = {"x": x, "y": mixed + 0.3 * rng.normal(size=len(x))}
    yield "a gate", Case(gated, jaxem.Finite(2), free, data, {"restarts": 4})
    split = np.where(x < 0.3, 1 + 2 * x, 6 - 3 * x) + 0.05 * rng.normal(size=len(x))
    told = tuple(s for s in Status if s != Status.CONVERGED)
    yield "a separated gate", Case(gated, jaxem.Finite(2), free, {"x": x, "y": split}, {}, told)


def kinks():
    """Laplace and quantile losses: no second derivative where it matters."""
    rng, x, _ = _rows()
    y = np.concatenate([rng.laplace(-2, 1, 60), rng.laplace(3, 0.7, 40)])

    def laplaces(p, z, v):
        return jnp.log(p["w"][z]) + dist.Laplace(p["loc"][z], p["s"][z]).log_prob(v)

    prior = {"w": weights(), "loc": jaxem.flat((2,)), "s": jaxem.flat((2,), POSITIVE)}
    yield "Laplace components", Case(laplaces, jaxem.Finite(2), prior, y, {"restarts": 4})

    def median(p, z, r):
        return dist.Laplace(p["a"] + p["b"] * r["x"], 1.0).log_prob(r["y"])

    data = {"x": x, "y": 1 + 2 * x + rng.laplace(size=len(x))}
    prior = {"a": REAL, "b": REAL}
    ends = (Status.CONVERGED, Status.SADDLE)  # Newton's M-step may stop at a kink, and says so
    yield "a median regression", Case(median, jaxem.Finite(1), prior, data, {}, ends)

    def huber(p, z, v):
        r = jnp.abs(v - p["loc"][z])
        return jnp.log(p["w"][z]) - jnp.where(r < 1.0, 0.5 * r**2, r - 0.5)

    prior = {"w": weights(), "loc": jaxem.flat((2,))}
    yield "Huber's loss", Case(huber, jaxem.Finite(2), prior, two_groups())


def products():
    """A product of two latent variables, by name."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(80, 2)) * 0.5 + 3.0 * (rng.random((80, 2)) < 0.5)

    def log_joint(p, z, x):
        loc = jnp.stack([p["a"][z["left"]], p["b"][z["right"]]])
        chances = jnp.log(p["u"][z["left"]]) + jnp.log(p["v"][z["right"]])
        return chances + dist.Normal(loc, 0.5).log_prob(x).sum()

    prior = {"u": weights(), "v": weights(), "a": jaxem.flat((2,)), "b": jaxem.flat((2,))}
    yield "a product", Case(log_joint, jaxem.Finite(left=2, right=2), prior, x, {"restarts": 4})
    yield (
        "one latent state of normals",
        Case(
            normals,
            jaxem.Finite(1),
            {"w": weights(1), "loc": jaxem.flat((1,)), "s": jaxem.flat((1,), POSITIVE)},
            two_groups(),
        ),
    )


TABLE = [masks, outside, cdfs, regressions, kinks, products]
