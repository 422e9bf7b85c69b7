r"""The log posterior around a fit, and what it says of quantities that depend on the parameters.

Second derivatives are Jacobian-vector products of a gradient, one column at a time, so that they
take no more memory than the gradient itself. By Fisher's identity Q has the same gradient at the
parameters of its E-step; its curvature there is the information that the complete data would give,
and the difference is the missing information (Louis 1982; Orchard and Woodbury 1972), which on
replaced data is had by itself.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxem.errors.louis import is_small, missing_information
from jaxem.estep import Exact
from jaxem.estep.anchored import Anchored
from jaxem.estep.source import Source
from jaxem.likelihood.chart import Chart
from jaxem.likelihood.units import Units, evidence, in_line, total_evidence, unit_weights
from jaxem.model import Model
from jaxem.model.prior import dotted
from jaxem.model.tied import nest
from jaxem.numerics.columns import columns
from jaxem.types import Array, Params

#: Compiles a function under a key, or finds it compiled.
Compile = Callable[..., Callable[..., Any]]

#: What the parameters say of quantities of interest, a pytree of arrays.
Quantity = Callable[[Params], Any]


class Curvature(NamedTuple):
    """Derivatives of the log posterior at a point, in its free coordinates.

    Attributes:
        value: Log posterior, as the log likelihood plus the log prior.
        gradient: Shape (d,).
        observed: Its negative Hessian, (d, d).
        complete: The negative Hessian of Q, (d, d).
        prior: The part of both that the prior makes, (d, d).
    """

    value: float
    gradient: np.ndarray
    observed: np.ndarray
    complete: np.ndarray
    prior: np.ndarray


class Surface:
    """The log posterior as a function of the free coordinates of a chart.

    Args:
        model: The declared model.
        chart: The point and its coordinates.
        units: The data.
        of: A function of the parameters, nested as declared; the free ones themselves if None.
        compile: How programs are compiled and kept.
    """

    def __init__(
        self, model: Model, chart: Chart, units: Units, of: Quantity | None, compile: Compile
    ):
        self.model, self.chart, self.units = model, chart, units
        self._given, self._compile = of, compile

    @property
    def of(self) -> Quantity:
        """The quantities of interest."""
        return free_only(self.model) if self._given is None else self._given

    def curvature(self) -> Curvature:
        """Derivatives at the point of the chart."""
        replaced = self.units.replaced
        if not self.chart.free.size:
            program = self._compile(("value",), _value_function(self.model))
            empty = np.zeros((0, 0))
            return Curvature(
                float(program(self.chart, self.units.source)), np.zeros(0), empty, empty, empty
            )
        if replaced is not None and is_small(self.model, replaced):
            program = self._compile(
                ("curvature", "product"), _louis_function(self.model), brief=True
            )
            found = program(self.chart, replaced)
        else:
            program = self._compile(("curvature",), _curvature_function(self.model), brief=True)
            found = program(self.chart, self.units.source)
        value, gradient, *matrices = (np.asarray(leaf, float) for leaf in found)
        return Curvature(float(value), gradient, *(-(m + m.T) / 2 for m in matrices))

    def scores(self) -> np.ndarray:
        """The gradient of the log evidence of each unit, (n, d), not weighted."""
        if not self.chart.free.size:
            return np.zeros((self.units.count, 0))
        program = self._compile(("scores",), _scores_function(self.model), brief=True)
        found = program(self.chart, self.units.source)
        return in_line(found, self.units.count).T

    def quantity(self) -> tuple[np.ndarray, np.ndarray]:
        """The quantities of interest at the point, (m,), and their Jacobian, (m, d)."""
        function = _quantity_function(self.model, self.of)
        value, slope = self._compile(("quantity", self._given), function, brief=True)(self.chart)
        return np.asarray(value, float), np.asarray(slope, float)

    def shaped(self, flat: np.ndarray) -> Any:
        """Numbers (m,) in the form that the quantities of interest have."""

        def quantities(chart: Chart) -> Any:
            return self.of(self.model.nest(chart.values(self.model, chart.point)))

        leaves, tree = jax.tree.flatten(jax.eval_shape(quantities, self.chart))
        ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
        pieces = np.split(np.asarray(flat), ends)
        shaped = [piece.reshape(leaf.shape) for piece, leaf in zip(pieces, leaves, strict=True)]
        return jax.tree.unflatten(tree, shaped)

    @staticmethod
    def flat(tree: Any) -> np.ndarray:
        """`shaped` backwards."""
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])

    def local(self, u: np.ndarray, which: int) -> tuple[np.ndarray, ...]:
        """Log posterior and one quantity at coordinates (d,): value, gradient, Hessian of each."""
        program = self._compile(
            ("local", self._given), _local_function(self.model, self.of), brief=True
        )
        found = program(self.chart, self.units.source, jnp.asarray(u), which)
        return tuple(np.asarray(leaf, float) for leaf in found)


def _value_function(model: Model):
    def value(chart: Chart, source: Source):
        return log_posterior(model, chart, source, chart.point)

    return value


def _curvature_function(model: Model):
    def curvature(chart: Chart, source: Source):
        values = jax.lax.stop_gradient(chart.values(model, chart.point))
        _, _, q = source.expect(model, Exact(), values)

        def parts(u: Array):
            value, observed = jax.value_and_grad(log_posterior, argnums=3)(model, chart, source, u)
            complete = jax.grad(lambda u: q(chart.values(model, u)))(u)
            prior = jax.grad(lambda u: model.prior_density(chart.values(model, u)))(u)
            return value, observed, complete, prior

        values, slopes = columns(parts, chart.point)
        return values[0][0], *slopes

    return curvature


def _louis_function(model: Model):
    def curvature(chart: Chart, source: Anchored):
        values = jax.lax.stop_gradient(chart.values(model, chart.point))
        evidence, _, q = source.expect(model, Exact(), values)

        def parts(u: Array):
            complete = jax.grad(lambda u: q(chart.values(model, u)))(u)
            return complete, jax.grad(lambda u: model.prior_density(chart.values(model, u)))(u)

        (gradients, _), (complete, prior) = columns(parts, chart.point)
        observed = complete + missing_information(model, chart, source)
        return evidence + model.prior_density(values), gradients[0], observed, complete, prior

    return curvature


def _scores_function(model: Model):
    def scores(chart: Chart, source: Source):
        def per_unit(u: Array):
            found = evidence(model, chart.values(model, u), source)
            return jnp.where(unit_weights(source) > 0, found, 0.0)

        return columns(per_unit, chart.point)[1]

    return scores


def _quantity_function(model: Model, quantity: Quantity):
    def first(chart: Chart):
        def of(u: Array):
            return flat_quantity(quantity, model, chart, u)

        slope = jax.jacfwd(of)(chart.point) if chart.free.size else of(chart.point)[:, None][:, :0]
        return of(chart.point), slope

    return first


def _local_function(model: Model, quantity: Quantity):
    def local(chart: Chart, source: Source, u: Array, which: Array):
        def density(u: Array):
            return log_posterior(model, chart, source, u)

        def entry(u: Array):
            return flat_quantity(quantity, model, chart, u)[which]

        out = []
        for function in (density, entry):
            (values, gradients), (_, hessian) = columns(jax.value_and_grad(function), u)
            out += [values[0], gradients[0], hessian]
        return tuple(out)

    return local


def free_only(model: Model) -> Quantity:
    """The parameters that are estimated, nested as declared."""

    def free(params: Params) -> Params:
        known = dict(dotted(params))
        return nest({p.name: known[p.name] for p in model.free}, model.free)

    return free


def flat_quantity(quantity: Quantity, model: Model, chart: Chart, u: Array) -> Array:
    """The quantities of interest at free coordinates (d,), one after another, (m,)."""
    return ravel_pytree(quantity(model.nest(chart.values(model, u))))[0]


def log_posterior(model: Model, chart: Chart, source: Source, u: Array) -> Array:
    """The log posterior at free coordinates (d,), a scalar; differentiable."""
    values = chart.values(model, u)
    return total_evidence(model, values, source) + model.prior_density(values)
