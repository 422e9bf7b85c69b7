"""One case with what several tests look at, each made once."""

from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxem

from .case import Case

STEPS = 6


class Point(NamedTuple):
    """What the model and its E-step say at the start.

    Attributes:
        table: Log factors, (n, K).
        evidence: Log evidence, (n,).
        marginals: Responsibilities, (n, K).
        evidence_slope: Gradient of the summed evidence with respect to the table, (n, K).
        posterior: The log posterior.
        posterior_slope: Its gradient, by dotted name.
        expected_slope: Gradient of Q, taken at the parameters of its E-step, by dotted name.
    """

    table: Any
    evidence: Any
    marginals: Any
    evidence_slope: Any
    posterior: Any
    posterior_slope: Any
    expected_slope: Any


class Study:
    """A case and its fits; programs are compiled when first asked for, and kept."""

    def __init__(self, case: Case):
        self.case = case
        self.model = case.model
        self.start = case.model.flatten(case.start)

    def fit(self, init=None, data=None, weights=None, **options) -> jaxem.Fit:
        """Fit the case, unless told otherwise from its start and on its data."""
        given = data is not None
        return jaxem.fit(
            self.model,
            data if given else self.case.data,
            weights=weights if given else self.case.weights,
            init=self.case.start if init is None else init,
            **options,
        )

    def few_steps(self, init=None, steps: int = STEPS, **options) -> jaxem.Fit:
        """Exactly that many EM steps."""
        return self.fit(init, tolerance=0, max_steps=steps, **options)

    @cached_property
    def explanation(self) -> jaxem.Explanation:
        return jaxem.explain(self.model, self.case.data, weights=self.case.weights)

    @cached_property
    def fitted(self) -> jaxem.Fit:
        """From the start to the end."""
        return self.fit()

    @cached_property
    def short(self) -> jaxem.Fit:
        return self.few_steps()

    @cached_property
    def pair(self) -> jaxem.Fit:
        """Two restarts: the start, and the start with its labels moved on by one."""
        other = self.relabel(self.start, 1)
        stacked = {name: np.stack([self.start[name], other[name]]) for name in other}
        return self.few_steps(self.model.nest(stacked), restarts=2)

    def relabel(self, values, places: int) -> dict[str, np.ndarray]:
        """Values by dotted name with the labels of all states moved on."""
        labels = self.case.labels
        return {
            name: np.roll(value, places, labels[name]) if name in labels else np.asarray(value)
            for name, value in values.items()
        }

    @cached_property
    def at_start(self) -> Point:
        data, weights = jax.tree.map(jnp.asarray, (self.case.data, self.row_weights))
        q = jaxem.expected_log_joint(
            self.model, self.case.data, at=self.case.start, weights=self.case.weights
        )

        def look(values):
            latent, table = self.model.latent, self.model.table(values, data)
            objective = lambda v: self._objective(v, data, weights)  # noqa: E731
            return Point(
                table,
                latent.log_partition(table),
                latent.marginals(table),
                jax.grad(lambda t: latent.log_partition(t).sum())(table),
                *jax.value_and_grad(objective)(values),
                jax.grad(lambda v: q(self.model.nest(v)))(values),
            )

        return jax.tree.map(np.asarray, jax.jit(look)(self.start))

    def objectives(self, points: dict[str, np.ndarray]) -> np.ndarray:
        """The log posterior at stacked values by dotted name."""
        data, weights = jax.tree.map(jnp.asarray, (self.case.data, self.row_weights))
        return np.asarray(jax.jit(jax.vmap(lambda v: self._objective(v, data, weights)))(points))

    def _objective(self, values, data, weights):
        params = self.model.nest(values)
        return self.model.log_likelihood(params, data, weights) + self.model.log_prior(params)

    @cached_property
    def row_weights(self) -> np.ndarray:
        """The weights, ones if the case has none."""
        rows = jax.tree.leaves(self.case.data)[0].shape[0]
        return np.ones(rows) if self.case.weights is None else self.case.weights

    @property
    def shares(self) -> np.ndarray:
        """Responsibilities at the start times row weights, (n, K), from the table alone."""
        table = self.at_start.table
        odds = np.exp(table - table.max(1, keepdims=True))
        return self.row_weights[:, None] * odds / odds.sum(1, keepdims=True)
