"""Gaussian hidden Markov models with diagonal covariances: data, starts, declaration and fit."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem


@dataclasses.dataclass(frozen=True)
class Size:
    """Sequences, their steps, states, features and restarts of a benchmark."""

    sequences: int
    steps: int
    states: int = 8
    features: int = 4
    restarts: int = 1

    def __str__(self) -> str:
        many = f"{self.sequences} sequences of" if self.sequences > 1 else "one sequence of"
        starts = f", {self.restarts} restarts" if self.restarts > 1 else ""
        return f"{many} {self.steps:,} steps, S={self.states} D={self.features}{starts}"


MANY = Size(sequences=200, steps=500)
LONG = Size(sequences=1, steps=200_000)
STARTS = Size(sequences=20, steps=250, states=4, features=2, restarts=32)


def draw_sequences(size: Size, seed: int = 0) -> np.ndarray:
    """States that last about ten steps, with overlapping Gaussians: (n, T, D)."""
    rng = np.random.default_rng(seed)
    n, t, s, d = size.sequences, size.steps, size.states, size.features
    centres, scales = rng.normal(0, 2, (s, d)), rng.uniform(0.5, 1.5, (s, d))
    moves, jumps = rng.random((t, n)) < 0.1, rng.integers(0, s, (t, n))
    states = jumps.copy()
    for time in range(1, t):
        states[time] = np.where(moves[time], jumps[time], states[time - 1])
    states = states.T
    return centres[states] + scales[states] * rng.normal(size=(n, t, d))


def draw_starts(size: Size, data: np.ndarray, seed: int = 1) -> dict[str, np.ndarray]:
    """Starts with a leading axis of restarts: random steps as centres, pooled variances."""
    rng = np.random.default_rng(seed)
    r, s, d = size.restarts, size.states, size.features
    steps = data.reshape(-1, d)
    picked = np.stack([rng.choice(len(steps), s, replace=False) for _ in range(r)])
    stay = 0.8 * np.eye(s) + 0.2 / s
    return {
        "initial": np.full((r, s), 1 / s),
        "transition": np.tile(stay, (r, 1, 1)),
        "loc": steps[picked],
        "scale": np.tile(steps.std(0), (r, s, 1)),
    }


def declare(size: Size) -> jaxem.Model:
    """The model as a person would declare it; nothing in it is tuned."""
    s, d = size.states, size.features

    def log_joint(params, z_prev, z, x):
        chances = params["initial"] if z_prev is None else params["transition"][z_prev]
        emission = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x).sum()
        return jnp.log(chances[z]) + emission

    return jaxem.Model(
        log_joint,
        latent=jaxem.Chain(s),
        prior={
            "initial": jaxem.flat((s,), constraints.simplex),
            "transition": jaxem.flat((s, s), constraints.simplex),
            "loc": jaxem.flat((s, d)),
            "scale": jaxem.flat((s, d), constraints.positive),
        },
    )


def fit(model: jaxem.Model, data: np.ndarray, starts: dict, steps: int) -> jaxem.Fit:
    """All restarts at once, every one for all the steps."""
    restarts = len(starts["loc"])
    init: dict[str, Any] = starts
    if restarts == 1:
        init = {name: value[0] for name, value in starts.items()}
    return jaxem.fit(model, data, init=init, restarts=restarts, tolerance=0, max_steps=steps)
