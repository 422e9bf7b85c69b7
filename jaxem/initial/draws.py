"""Starts drawn from the prior; where it is flat, from around ordinary parameters."""

import jax
import numpy as np
import numpyro.distributions as dist

from jaxem.initial.setting import Setting
from jaxem.model.prior import Parameter
from jaxem.numerics.charts import from_real, to_real


def prior_draws(setting: Setting, generators: list[np.random.Generator]):
    """One draw a restart; parameters with a flat prior are scattered about the data."""
    draws = [_draw(setting, rng) for rng in generators]
    return {name: np.stack([d[name] for d in draws]) for name in draws[0]}


def _draw(setting: Setting, rng: np.random.Generator) -> dict[str, np.ndarray]:
    out = setting.home()
    waiting = list(setting.model.free)
    conditional = [p for p in waiting if not isinstance(p.prior, dist.Distribution)]
    for p in [p for p in waiting if p not in conditional] + conditional:
        out[p.name] = np.asarray(_one(setting, p, out, rng), out[p.name].dtype)
    return out


def _one(setting: Setting, p: Parameter, known: dict[str, np.ndarray], rng: np.random.Generator):
    if p.described == "flat":
        return _scatter(p, known[p.name], rng)
    prior = p.prior
    if not isinstance(prior, dist.Distribution):
        prior = prior(setting.model.nest(known))
    return prior.sample(jax.random.key(int(rng.integers(2**31))))


def _scatter(p: Parameter, home: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if p.kind == "other":
        u = np.asarray(p.unconstrain(home))
        return np.asarray(p.constrain(u + rng.normal(size=u.shape)))
    u = to_real(p.kind, np.asarray(home, float))
    size = np.abs(u).max(initial=0.0) or 1.0 if p.kind == "real" else 1.0
    return from_real(p.kind, u + size * rng.normal(size=u.shape))
