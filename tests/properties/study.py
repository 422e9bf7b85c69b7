"""One case with what several tests look at, each made once."""

from functools import cache, cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxem

from .case import Case
from .models import declared

STEPS = 6


class Point(NamedTuple):
    """What the model and its E-step say at some parameters.

    Attributes:
        table: Log factors, (n, K).
        evidence: Log evidence, (n,).
        marginals: Responsibilities, (n, K).
        evidence_slope: Gradient of the summed evidence with respect to the table, (n, K).
        posterior: The log posterior.
        posterior_slope: Its gradient, by dotted name.
        expected_slope: The gradient of Q whose E-step was at the start, by dotted name.
    """

    table: Any
    evidence: Any
    marginals: Any
    evidence_slope: Any
    posterior: Any
    posterior_slope: Any
    expected_slope: Any


class Study:
    """A case and its fits.

    A fit has two restarts: the start of the case, and the same with its labels moved on by one
    place. All fits have as many rows, so that a case is compiled once.
    """

    def __init__(self, case: Case):
        self.case = case
        self.model = case.model
        self.start = {k: np.asarray(v) for k, v in case.model.flatten(case.start).items()}

    def fit(self, data=None, weights=None, **options) -> jaxem.Fit:
        """Fit the case, or other rows, from both starts."""
        if data is None:
            data, weights = self.case.data, self.case.weights
        return jaxem.fit(self.model, data, weights=weights, init=self.starts, restarts=2, **options)

    def steps(self, count: int = STEPS, **options) -> jaxem.Fit:
        """Exactly that many EM steps."""
        return self.fit(tolerance=0, max_steps=count, **options)

    @cached_property
    def starts(self) -> dict[str, Any]:
        other = self.relabel(self.start, 1)
        both = {name: np.stack([value, other[name]]) for name, value in self.start.items()}
        return self.model.nest(both)

    def relabel(self, values, places: int) -> dict[str, np.ndarray]:
        """Values by dotted name with the labels of all states moved on."""
        labels = self.case.labels
        return {
            name: np.roll(value, places, labels[name]) if name in labels else np.asarray(value)
            for name, value in values.items()
        }

    def lane(self, fit: jaxem.Fit, index: int = 0) -> dict[str, np.ndarray]:
        """The parameters of one restart, by dotted name."""
        one = jax.tree.map(lambda value: value[index], fit.restarts.params)
        return {name: np.asarray(value) for name, value in self.model.flatten(one).items()}

    @cached_property
    def explanation(self) -> jaxem.Explanation:
        return jaxem.explain(self.model, self.case.data, weights=self.case.weights)

    @cached_property
    def fitted(self) -> jaxem.Fit:
        """To the end."""
        return self.fit()

    @cached_property
    def short(self) -> jaxem.Fit:
        return self.steps()

    @cached_property
    def at_start(self) -> Point:
        return self.look(self.start)

    def look(self, values: dict[str, Any]) -> Point:
        """Everything at some parameters by dotted name."""
        return jax.tree.map(np.asarray, self._program(dict(values)))

    @cached_property
    def _program(self):
        data, weights = jax.tree.map(jnp.asarray, (self.case.data, self.row_weights))
        model, latent = self.model, self.model.latent
        q = jaxem.expected_log_joint(
            model, self.case.data, at=self.case.start, weights=self.case.weights
        )

        def posterior(values):
            params = model.nest(values)
            return model.log_likelihood(params, data, weights) + model.log_prior(params)

        def look(values):
            table = model.log_factors(model.nest(values), data)
            return Point(
                table,
                latent.log_partition(table),
                latent.marginals(table),
                jax.grad(lambda t: latent.log_partition(t).sum())(table),
                *jax.value_and_grad(posterior)(values),
                jax.grad(lambda v: q(model.nest(v)))(values),
            )

        return jax.jit(look)

    @cached_property
    def row_weights(self) -> np.ndarray:
        """The weights, ones if the case has none."""
        rows = jax.tree.leaves(self.case.data)[0].shape[0]
        return np.ones(rows) if self.case.weights is None else self.case.weights

    @property
    def responsibilities(self) -> np.ndarray:
        """Responsibilities at the start times row weights, (n, K), from the table alone."""
        table = self.at_start.table
        odds = np.exp(table - table.max(1, keepdims=True))
        return self.row_weights[:, None] * odds / odds.sum(1, keepdims=True)

    def assert_same(self, found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
        """Parameters by dotted name agree: to rounding, or as well as Newton's method ends."""
        tolerance = 1e-8 if self.case.exact else 2e-4
        for name, value in expected.items():
            np.testing.assert_allclose(
                found[name], value, rtol=tolerance, atol=tolerance, err_msg=name
            )

    def assert_same_trace(self, found: np.ndarray, expected: np.ndarray) -> None:
        """Objectives agree, to rounding or as well as Newton's method ends."""
        np.testing.assert_allclose(found, expected, rtol=1e-11 if self.case.exact else 1e-8)


@cache
def study_of(name: str) -> Study:
    """The study of a case; the same object each time."""
    return Study(declared(name))
