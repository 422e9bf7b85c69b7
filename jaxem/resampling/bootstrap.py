"""The bootstrap of a fit: many data sets, one compiled program (Efron 1979)."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import make_plan
from jaxem.data.fit_data import find_fit_data
from jaxem.data.own import every_row
from jaxem.fitting import Fit
from jaxem.fitting.options import check_options
from jaxem.fitting.same_data import check_fit, check_same_data
from jaxem.initial import Setting
from jaxem.likelihood.edges import step_inside
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.numerics.keys import generator
from jaxem.numerics.rows import row_count
from jaxem.optimise.replicates import Replicates, refit
from jaxem.resampling.record import Bootstrap
from jaxem.simulation import Sampler, Simulation, simulate
from jaxem.types import Data, DeclarationError, Params


def bootstrap(
    fit: Fit,
    data: Data,
    *,
    replicates: int = 200,
    of: Callable[[Params], Any] | None = None,
    parametric: bool = False,
    sampler: Sampler | None = None,
    key: Any = 0,
    weights: Any = None,
    lengths: Any = None,
    tolerance: float = 1e-4,
    max_steps: int = 1000,
) -> Bootstrap:
    """The bootstrap of a fit: refits to resampled data, all at once, each from the fit.

    Rows, or whole sequences, are drawn with replacement: a replicate is the same data with
    multinomial weights, so that merged rows and sufficient statistics stay. As every replicate
    starts at the fit, its components keep their names. The parametric bootstrap draws new data
    from the fitted model, sequences with their lengths.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        replicates: Number of replicates.
        of: A function from parameters, nested as declared, to arrays, written in JAX; the
            parameters themselves if left out.
        parametric: Whether to draw new data from the model; needs a sampler, or a program.
        sampler: ``sampler(params, key, x)``, which draws a row, or a sequence, in the place of x;
            see `Fit.simulate`.
        key: An int or a JAX key.
        weights: The weights that were fitted, (n,); they count equal rows, and so many are drawn
            as they sum to.
        lengths: For a chain, the steps of each sequence, (n,).
        tolerance: Nats that a replicate may have left to gain; at the default it is about a
            hundredth of a standard deviation from its end.
        max_steps: Limit of steps of a replicate.

    Returns:
        The replicates, with standard errors and intervals.

    Raises:
        DeclarationError: If an option is out of range, these are not the data of the fit, or there
            is nothing to draw from.
    """
    check_fit(fit, "jaxem.bootstrap")
    _check_count(replicates)
    fit.check_mode()
    check_options(1, tolerance, max_steps, None, fit.algorithm)
    if sampler is not None and not parametric:
        raise DeclarationError(
            "the bootstrap draws rows of the data, and no sampler; give parametric=True with it, "
            "or leave it out."
        )
    check_same_data(fit, data, weights, lengths)
    bound = fit.bound(data, lengths)
    given = bound.weigh(weights)
    options = {"tolerance": tolerance, "max_steps": max_steps}
    if parametric:
        drawn = simulate(
            bound,
            data,
            fit.params,
            sampler,
            what="the parametric bootstrap",
            compile=fit.compile,
            draws=replicates,
            key=key,
            weights=weights,
        )
        starts = warm_starts(fit, bound.model, replicates)
        found = refit_drawn(fit, bound.model, drawn, starts, **options)
    else:
        found = _resampled(fit, bound, given, replicates, key, options)

    def influence() -> tuple[np.ndarray, np.ndarray]:
        return _influence(fit, data, of, weights, lengths)

    return Bootstrap.make(fit, bound.model, found, of, parametric, influence)


def refit_drawn(
    fit: Fit, model: Model, drawn: Simulation, starts: dict[str, np.ndarray], **options: Any
) -> Replicates:
    """Fit a model to data sets of its own kind.

    Args:
        fit: A fit of the model, for its algorithm.
        model: The model.
        drawn: The data sets.
        starts: Parameters by dotted name, leaves (B, R, ...).
        **options: Those of `refit`.
    """
    first, rows = drawn.rows(model)
    ones = np.ones(row_count(first.rows), jnp.result_type(float))
    plan = make_plan(model, first.rows, ones)
    setting = Setting(model, plan, first.rows, ones, first.sequences)
    fit_data = every_row(setting, fit.algorithm)
    weights = np.broadcast_to(ones, (len(drawn), len(ones)))
    return refit(model, plan, fit.algorithm, fit_data, starts, weights, rows=rows, **options)


def warm_starts(fit: Fit, model: Model, count: int) -> dict[str, np.ndarray]:
    """The parameters of the fit, inside the support, for each replicate, leaves (B, 1, ...)."""
    references = {p.name: p.center() for p in model.free}
    references |= {} if fit.plan is None else fit.plan.reference
    values = {k: np.asarray(v, float) for k, v in model.flatten(fit.params).items()}
    inside = {**values, **step_inside(model.free, values, references, fit.rows)[0]}
    return {k: np.broadcast_to(v, (count, 1, *v.shape)) for k, v in inside.items()}


def _resampled(
    fit: Fit, bound: Bound, given: np.ndarray, count: int, key: Any, options: dict[str, Any]
) -> Replicates:
    """Fits to rows, or sequences, drawn with replacement."""
    model, sequences = bound.model, bound.sequences
    if sequences is not None and int((given[sequences.starts] > 0).sum()) < 2:
        raise DeclarationError(
            "the bootstrap draws whole sequences, and there is but one: there is nothing to draw "
            "from. Cut it into sequences that may be taken for independent ones."
        )
    plan = make_plan(model, bound.rows, given) if fit.plan is None else fit.plan
    setting = Setting(model, plan, bound.rows, given, sequences)
    rng = generator(key)
    if sequences is None:
        fit_data = find_fit_data(setting, fit.algorithm, 1)
        weights = _multinomial(rng, fit_data.weights, count)
    else:
        fit_data = every_row(setting, fit.algorithm)
        drawn = _multinomial(rng, given[sequences.starts], count)
        weights = np.stack([sequences.spread(one) for one in drawn])
    starts = warm_starts(fit, model, count)
    return refit(model, plan, fit.algorithm, fit_data, starts, weights, **options)


def _multinomial(rng: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """Number of times that each unit is drawn, (B, n)."""
    share = weights.astype(float)
    total = share.sum()
    return rng.multinomial(max(1, round(total)), share / total, size=count).astype(float)


def _influence(fit: Fit, data: Data, of: Any, weights: Any, lengths: Any):
    """The influence of each unit on each quantity, (n, m), and its weight, (n,)."""
    errors = fit.errors(data, of=of, weights=weights, lengths=lengths)
    return errors.influence(), errors.surface.units.weights.astype(float)


def _check_count(replicates: Any) -> None:
    whole = isinstance(replicates, int | np.integer) and not isinstance(replicates, bool)
    if not whole or replicates < 2:
        raise DeclarationError(f"replicates must be an integer of at least 2; got {replicates!r}.")
