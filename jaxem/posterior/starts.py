"""The starts of chains: the best distinct optima of a fit, and draws about the best one."""

import jax
import numpy as np

from jaxem.fitting import Fit
from jaxem.numerics.symmetric import covariance
from jaxem.posterior.fitted import Fitted, Start
from jaxem.posterior.target import Mode

#: Relative difference of parameters below which those of two restarts are equal.
_SAME = 1e-3


def distinct_restarts(fit: Fit, most: int, within: float) -> list[int]:
    """Indices of the best restart and of the next best optima, best first.

    Another optimum differs in its objective *and* in its parameters: components that have only
    changed names are the same optimum, and so is a restart that was stopped on its way.

    Args:
        fit: The fit.
        most: Number of restarts, at most.
        within: Nats by which an objective may fall short of the best.
    """
    restarts = fit.restarts
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(restarts.params)]
    flat = np.concatenate([leaf.reshape(len(restarts), -1) for leaf in leaves], 1)
    best = restarts.objective[restarts.best]
    chosen = [restarts.best]
    for k in np.argsort(-np.nan_to_num(restarts.objective, nan=-np.inf), kind="stable"):
        if len(chosen) >= most:
            break
        near = best - restarts.objective[k] <= within
        if restarts.status[k].usable and near and all(_apart(restarts, flat, k, c) for c in chosen):
            chosen.append(int(k))
    return chosen


def _apart(restarts, flat: np.ndarray, one: int, other: int) -> bool:
    objective = restarts.objective
    level = abs(objective[one] - objective[other]) > 1e-4 + 1e-7 * abs(objective[other])
    size = 1 + np.abs(flat[other])
    return bool(level and (np.abs(flat[one] - flat[other]) > _SAME * size).any())


def chain_starts(
    fitted: Fitted, best: Mode, chains: int, within: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[Start]]:
    """Coordinates of the starts of all chains, (chains, d), and the restarts of the first ones.

    Args:
        fitted: The density and the fit.
        best: The mode of the density near the best restart.
        chains: Number of chains.
        within: See `distinct_restarts`.
        rng: A random generator: chains without a restart of their own start at draws from the
            Gaussian at the mode, moved towards it where the density is not finite.
    """
    starts = [fitted.start(k) for k in distinct_restarts(fitted.fit, chains, within)]
    spread = np.linalg.cholesky(covariance(best.precision, 1e-6))
    rows = [start.u for start in starts]
    while len(rows) < chains:
        rows.append(_jittered(fitted, best.u, spread, rng))
    return np.stack(rows), starts


def _jittered(fitted: Fitted, mode: np.ndarray, spread: np.ndarray, rng) -> np.ndarray:
    """A draw, moved towards the mode until the density is finite; the last is the mode itself."""
    move = spread @ rng.normal(size=len(mode))
    for share in (1.0, 0.5, 0.1, 0.01):
        if np.isfinite(fitted.target.slope(mode + share * move)[0]):
            return mode + share * move
    return mode
