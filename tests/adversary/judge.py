"""Plain JAX, from the same declaration: the log posterior, and a climb from an answer.

Nothing of jaxem's arithmetic is used: sums over states are written out, chains go forward one step
at a time, trees enumerate, priors are NumPyro's own, coordinates are NumPyro's bijections.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import biject_to
from scipy.optimize import minimize

import jaxem
from jaxem import Status


@dataclasses.dataclass(frozen=True)
class Case:
    """One declaration with its data, and what may be said of its fit.

    Attributes:
        log_joint: As declared.
        latent: The latent structure.
        prior: As declared; entries may depend on others.
        data: Rows, or sequences.
        fit: Options of the fit; two restarts where nothing is said.
        ends: Outcomes that are right for the best restart.
        free: The names of entries that a climb may move, all if empty.
        gain: Nats that a climb may gain on an answer that is called converged.
    """

    log_joint: Callable[..., Any]
    latent: Any
    prior: Mapping[str, Any]
    data: Any
    fit: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    ends: tuple[Status, ...] = (Status.CONVERGED,)
    gain: float = 1e-4

    def model(self) -> jaxem.Model:
        """The declaration."""
        return jaxem.Model(self.log_joint, self.latent, self.prior)

    def run(self) -> jaxem.Fit:
        """The fit."""
        return jaxem.fit(self.model(), self.data, **{"restarts": 2, **self.fit})


def judge(case: Case, fit: jaxem.Fit) -> None:
    """Assert that a fit is what it says it is."""
    assert fit.status in case.ends, f"{fit.status}: {fit}"
    if not np.isfinite(fit.objective):
        assert fit.status != Status.CONVERGED
        return
    objective, start = posterior(case, fit.params)
    value = float(objective(start))
    np.testing.assert_allclose(value, fit.objective, rtol=1e-9, atol=1e-7)
    if fit.status != Status.CONVERGED:
        return
    gained = climb(objective, start) - value
    assert gained < case.gain, f"a climb gains {gained}: {fit}"


def climb(objective: Callable[[Any], Any], start: np.ndarray) -> float:
    """The highest value that a quasi-Newton method reaches, by exact gradients."""
    both = jax.jit(jax.value_and_grad(lambda u: -objective(u)))

    def loss(u):
        value, gradient = both(jnp.asarray(u))
        bad = not np.isfinite(value)
        return (1e300 if bad else float(value)), np.nan_to_num(np.asarray(gradient, float))

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return -float(found.fun)


def posterior(case: Case, params: Any) -> tuple[Callable[[Any], Any], np.ndarray]:
    """The log posterior as a function of unconstrained coordinates, and those of an answer."""
    entries = dict(_walk(case.prior))
    given = dict(_walk(params))
    free = {name: entry for name, entry in entries.items() if not _fixes(entry, params)}
    supports = {name: _law(entry, params).support for name, entry in free.items()}
    shapes, start = {}, []
    for name in free:
        inside = _inside(np.asarray(given[name], float), supports[name])
        u = np.asarray(biject_to(supports[name]).inv(jnp.asarray(inside)))
        shapes[name] = u.shape
        start.append(u.ravel())
    sizes = np.cumsum([len(u) for u in start])[:-1]

    def objective(u):
        pieces = jnp.split(jnp.asarray(u), sizes)
        values = {
            name: biject_to(supports[name])(piece.reshape(shapes[name]))
            for name, piece in zip(free, pieces, strict=True)
        }
        whole = _nest({**{k: jnp.asarray(v) for k, v in given.items()}, **values})
        for name, entry in entries.items():  # ties are followed
            if name not in free:
                whole = _nest({**dict(_walk(whole)), name: _law(entry, whole).mean})
        total = log_likelihood(case, whole)
        flat = dict(_walk(whole))
        for name, entry in free.items():
            law = _law(entry, whole)
            if not isinstance(_base(law), dist.ImproperUniform):
                total = total + law.log_prob(flat[name]).sum()
        return total

    return objective, np.concatenate(start)


def log_likelihood(case: Case, params: Any) -> Any:
    """Log evidence of all data, weights counted."""
    params = jax.tree.map(jnp.asarray, params)
    count = len(jax.tree.leaves(case.data)[0])
    weights = jnp.asarray(np.broadcast_to(case.fit.get("weights", 1.0), count), float)
    if isinstance(case.latent, jaxem.Chain):
        lengths = case.fit.get("lengths")
        horizon = jax.tree.leaves(case.data)[0].shape[1]
        lengths = np.full(count, horizon) if lengths is None else np.asarray(lengths)
        total = jnp.zeros(())
        for length in np.unique(lengths):
            some = np.flatnonzero(lengths == length)
            rows = jax.tree.map(lambda leaf, some=some: jnp.asarray(leaf)[some], case.data)
            one = functools.partial(_chain, case, params, length=int(length))
            total = total + (weights[some] * jax.vmap(one)(rows)).sum()
        return total
    if isinstance(case.latent, jaxem.Tree):
        each = jax.vmap(functools.partial(_tree, case, params))(case.data)
        return (weights * each).sum()
    states = _states(case.latent)

    def row(x):
        return jax.nn.logsumexp(jnp.stack([case.log_joint(params, z, x) for z in states]))

    return jnp.where(weights > 0, weights * jax.vmap(row)(case.data), 0.0).sum()


def _chain(case: Case, params: Any, sequence: Any, length: int) -> Any:
    states = _states(case.latent)
    steps = [jax.tree.map(lambda leaf, t=t: leaf[t], sequence) for t in range(length)]
    forward = jnp.stack([case.log_joint(params, None, z, steps[0]) for z in states])
    for x in steps[1:]:
        table = [[case.log_joint(params, a, z, x) for a in states] for z in states]
        forward = jax.nn.logsumexp(jnp.stack(list(map(jnp.stack, table))) + forward, axis=1)
    return jax.nn.logsumexp(forward)


def _tree(case: Case, params: Any, datum: Any) -> Any:
    states, parents = _states(case.latent), case.latent.parents
    nodes = [jax.tree.map(lambda leaf, t=t: leaf[t], datum) for t in range(len(parents))]
    paths = []
    for z in itertools.product(states, repeat=len(parents)):
        above = [None if p < 0 else z[p] for p in parents]
        parts = zip(above, z, nodes, strict=True)
        paths.append(sum(case.log_joint(params, a, own, x) for a, own, x in parts))
    return jax.nn.logsumexp(jnp.stack(paths))


def _states(latent: Any) -> list[Any]:
    states = latent.states()
    count = len(jax.tree.leaves(states)[0])
    return [jax.tree.map(lambda leaf, k=k: int(leaf[k]), states) for k in range(count)]


def _walk(entries: Mapping[str, Any], path: str = ""):
    for key, entry in entries.items():
        if isinstance(entry, Mapping):
            yield from _walk(entry, f"{path}{key}.")
        else:
            yield path + key, entry


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        here = out
        for key in path:
            here = here.setdefault(key, {})
        here[last] = value
    return out


def _law(entry: Any, params: Any) -> dist.Distribution:
    return entry if isinstance(entry, dist.Distribution) else entry(params)


def _base(law: dist.Distribution) -> dist.Distribution:
    while isinstance(law, dist.Independent | dist.ExpandedDistribution | dist.MaskedDistribution):
        law = law.base_dist
    return law


def _fixes(entry: Any, params: Any) -> bool:
    return isinstance(_base(_law(entry, params)), dist.Delta)


def _inside(value: np.ndarray, support: Any) -> np.ndarray:
    """A value on the boundary, moved inside by less than any rounding of the objective."""
    if type(support).__name__.lower().strip("_") == "simplex":
        value = np.maximum(value, 1e-14)
        return value / value.sum(-1, keepdims=True)
    low, high = getattr(support, "lower_bound", None), getattr(support, "upper_bound", None)
    if low is not None:
        value = np.where(value <= low, np.asarray(low) + 1e-14, value)  # a scale may be 1e-150
    if high is not None:
        below = np.asarray(high) - 1e-14 * np.maximum(1, np.abs(high))
        value = np.where(value >= high, below, value)
    return value
