"""The mode as a function that JAX can differentiate, by the implicit function theorem."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import sequential_vmap

from jaxem.derivatives.hyper import PriorOf, read_family
from jaxem.derivatives.posterior import Density, Inputs, PosteriorFamily, hessian, pull
from jaxem.derivatives.stationary import errors_at_mode, notes_of
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.likelihood.chart import Chart
from jaxem.model.arrays import as_arrays, in_flag_precision
from jaxem.numerics.newton import climb
from jaxem.numerics.symmetric import solve_definite
from jaxem.types import Array, Data, DeclarationError, Params

Values = dict[str, Array]


class ImplicitMode:
    """The mode of a log posterior near that of a fit, as a function of data, weights and prior.

    Call it within any JAX program. The value is found by Newton's method from the fit, and is NaN
    where that reaches no maximum. ``jax.grad`` and ``jax.jacrev`` go through it by one linear
    solve, however many inputs there are; what lies on the boundary of its support stays there.
    There is no second derivative, and no forward mode.

    Attributes:
        hyper: Hyper-parameters of the fit.
        notes: What a reader should know, in sentences.
    """

    def __init__(
        self,
        fit: Fit,
        data: Data,
        prior: PriorOf | None,
        hyper: Any,
        weights: Any,
        lengths: Any,
    ):
        errors, bound, _ = errors_at_mode(fit, data, None, weights, lengths)
        if errors.unidentified:
            raise DeclarationError(
                f"the mode is no function of the data: the likelihood does not change along "
                f"{errors.unidentified[0]}. A prior would choose a point there."
            )
        chart, self._model = errors.surface.chart, bound.model
        values = chart.values(bound.model, chart.point)
        family = read_family(bound.model, values, fit.log_prior, prior, hyper)
        self._posterior = PosteriorFamily(bound.model, bound.sequences, family)
        self._data = as_arrays(data)
        self._is_program = bound.model is not fit.model
        self._rows, self._weights = bound.rows, errors.surface.units.weights
        self.hyper, self.notes = family.hyper, notes_of(errors)
        self._mode = _with_rule(self._posterior, chart, fit.compile)

    def __call__(self, data: Data = None, *, weights: Any = None, hyper: Any = None) -> Params:
        """The mode.

        Args:
            data: Arrays in the form and of the shapes of the data of the fit; these if left out.
            weights: Weights of rows or sequences, (n,); those of the fit if left out.
            hyper: Hyper-parameters; those of the fit if left out.

        Returns:
            Parameters, nested as declared.

        Raises:
            DeclarationError: If an argument has another form than in the fit.
        """
        rows = self._rows if data is None else self._read(data)
        weights = self._weights if weights is None else jnp.asarray(weights)
        if jnp.shape(weights) != np.shape(self._weights):
            raise DeclarationError(
                f"weights has shape {jnp.shape(weights)}; expected {np.shape(self._weights)}, one "
                f"a row or sequence of the fit."
            )
        hyper = self.hyper if hyper is None else hyper
        wanted, got = (jax.tree.map(jnp.shape, tree) for tree in (self.hyper, hyper))
        if wanted != got:
            raise DeclarationError(f"hyper has the form {got}; expected that of the fit, {wanted}.")
        hyper = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(float)), hyper)
        free = self._mode(*self._posterior.split(rows, weights, hyper))
        fixed = {name: jnp.asarray(v) for name, v in self._model.fixed.items()}
        return self._model.nest({**fixed, **free})

    def _read(self, data: Data) -> Data:
        """Rows, or steps, of data that may be traced."""
        if self._is_program:
            raise DeclarationError(
                "a program turns its arguments into rows, and the way back is not differentiated; "
                "declare a jaxem.Model to differentiate in the data."
            )
        wanted, got = (jax.tree.map(jnp.shape, tree) for tree in (self._data, data))
        if wanted != got:
            raise DeclarationError(f"data has the form {got}; expected that of the fit, {wanted}.")
        dtypes = jax.tree.map(lambda leaf: in_flag_precision(leaf).dtype, self._data)
        arrays = jax.tree.map(jnp.asarray, data, dtypes)
        sequences = self._posterior.sequences
        return arrays if sequences is None else sequences.unroll(arrays)

    def __repr__(self) -> str:
        return f"ImplicitMode({self._model!r})"


def implicit_mode(
    fit: Fit,
    data: Data,
    *,
    prior: PriorOf | None = None,
    hyper: Any = None,
    weights: Any = None,
    lengths: Any = None,
) -> ImplicitMode:
    """The mode as a differentiable function of data, weights and prior, to be used in JAX programs.

    Args:
        fit: The fit, which the function starts from.
        data: The rows, or sequences, that were fitted.
        prior: A function from hyper-parameters to priors; see `jaxem.sensitivity`.
        hyper: With ``prior``, the hyper-parameters of the fit.
        weights: The weights that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Returns:
        A function ``mode(data, weights=..., hyper=...)`` that returns parameters.

    Raises:
        DeclarationError: If these are not the data of the fit, or it is no identified mode.
    """
    check_fit(fit, "jaxem.implicit_mode")
    return ImplicitMode(fit, data, prior, hyper, weights, lengths)


def _with_rule(posterior: PosteriorFamily, chart: Chart, compile: Any):
    """From inputs, and leaves that are no floats, to free parameters by dotted name."""

    def free(u: Array, chart: Chart) -> Values:
        values = chart.values(posterior.model, u)
        return {p.name: values[p.name] for p in posterior.model.free}

    def density_of(chart: Chart, rest: Data) -> Density:
        return lambda u, inputs: posterior.log_posterior(
            chart.values(posterior.model, u), inputs, rest
        )

    def find(chart: Chart, inputs: Inputs, rest: Data) -> tuple[Values, Array]:
        density = density_of(chart, rest)
        top = climb(lambda u: density(u, inputs), chart.point)
        u = jnp.where(top.reached & top.is_peak, top.u, jnp.nan)
        return free(u, chart), u

    def carry(chart: Chart, u: Array, inputs: Inputs, rest: Data, change: Values) -> Inputs:
        density = density_of(chart, rest)
        slope = jax.vjp(lambda u: free(u, chart), u)[1](change)[0]
        direction = solve_definite(-hessian(density, u, inputs), slope)
        return pull(density, u, inputs, direction)

    # one after another under vmap: climbs of unequal length would wait for one another
    found = sequential_vmap(compile(("mode", posterior), find, inside=True))
    carried = sequential_vmap(compile(("mode, backwards", posterior), carry, inside=True))

    @jax.custom_vjp
    def mode(inputs: Inputs, rest: Data) -> Values:
        return found(chart, inputs, rest)[0]

    def forward(inputs: Inputs, rest: Data):
        values, u = found(chart, inputs, rest)
        return values, (u, inputs, rest)

    def backward(kept, change: Values):
        u, inputs, rest = kept
        return carried(chart, u, inputs, rest, change), None

    mode.defvjp(forward, backward)
    return mode
