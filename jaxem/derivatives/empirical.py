"""Empirical Bayes: hyper-parameters that maximise the marginal likelihood."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.optimize import minimize

from jaxem.derivatives.hyper import Family, PriorOf, read_family
from jaxem.derivatives.marginal import marginal_function
from jaxem.derivatives.posterior import PosteriorFamily
from jaxem.derivatives.stationary import errors_at_mode
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.likelihood.edges import step_inside
from jaxem.likelihood.unconstrained import coordinates, parameters, sites
from jaxem.model import Model
from jaxem.model.tied import nest
from jaxem.numerics.tables import aligned
from jaxem.types import Data, DeclarationError, Params


@dataclasses.dataclass(frozen=True, eq=False)
class EmpiricalBayes:
    """Hyper-parameters of a larger marginal likelihood; print it.

    Attributes:
        hyper: Hyper-parameters, in the form in which they were given, or by name.
        before: Hyper-parameters of the fit.
        log_marginal: Log marginal likelihood by Laplace's approximation; with improper priors it
            is the logarithm of an integral that is no probability, and differences alone count.
        log_marginal_before: Log marginal likelihood at the hyper-parameters of the fit.
        slope: Its gradient at the hyper-parameters of the fit, of their form; where they were read
            by name, in the logarithms of those that are positive.
        converged: Whether the gradient vanished; False after the steps that were asked for.
        prior: The priors that depend on the hyper-parameters, by dotted name.
        model: The model with these priors; None for a program.
        params: The mode of its posterior density in unconstrained coordinates, a start for
            ``jaxem.fit(found.model, data, init=found.params)``.
    """

    hyper: Any
    before: Any
    log_marginal: float
    log_marginal_before: float
    slope: Any
    converged: bool
    prior: dict[str, Any]
    model: Model | None
    params: Params

    def __str__(self) -> str:
        rows = [["hyper-parameter", "before", "now"]]
        leaves = jax.tree_util.tree_leaves_with_path(self.before)
        for (path, old), new in zip(leaves, jax.tree.leaves(self.hyper), strict=True):
            name = jax.tree_util.keystr(path, simple=True, separator=".") or "hyper"
            rows.append([name, *(np.array2string(np.asarray(x), precision=4) for x in (old, new))])
        rows.append(["log marginal", f"{self.log_marginal_before:.4f}", f"{self.log_marginal:.4f}"])
        ending = "a maximum" if self.converged else "not yet a maximum"
        return "\n".join([f"empirical Bayes: {ending}", *aligned(rows)])

    __repr__ = __str__


def empirical_bayes(
    fit: Fit,
    data: Data,
    *,
    prior: PriorOf | None = None,
    hyper: Any = None,
    max_steps: int = 100,
    weights: Any = None,
    lengths: Any = None,
) -> EmpiricalBayes:
    """Raise the marginal likelihood in the parameters of the priors, by a quasi-Newton method.

    The marginal likelihood is Laplace's approximation in unconstrained coordinates around one mode,
    `jaxem.posterior.laplace`; its gradient is exact, by implicit differentiation of the mode. A
    prior of its own for each parameter has no maximum (it shrinks to a point), so say which
    parameters share one: by an argument that all entries of a parameter have in common, as in
    ``dist.Normal(0.0, 1.0).expand((3,))``, or by a function.

    Args:
        fit: A fit with the priors to begin with.
        data: The rows, or sequences, that were fitted.
        prior: A function from hyper-parameters to a dictionary of priors; hyper-parameters may then
            take any real value (use logarithms). If left out, all arguments of the declared priors
            are raised, within their supports.
        hyper: With ``prior``, the hyper-parameters of the fit, a pytree of numbers.
        max_steps: Limit of steps; 1 for a single one.
        weights: The weights that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If these are not the data of the fit, if it is no mode, or if there is
            nothing to raise or no curvature to approximate by.
    """
    check_fit(fit, "jaxem.empirical_bayes")
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise DeclarationError(f"max_steps must be an integer of at least 1; got {max_steps!r}.")
    errors, bound, _ = errors_at_mode(fit, data, None, weights, lengths)
    model, chart = bound.model, errors.surface.chart
    family = read_family(model, chart.values(model, chart.point), fit.log_prior, prior, hyper)
    if not jax.tree.leaves(family.hyper):
        raise DeclarationError(
            "no prior has arguments that could be read; give prior, a function of hyper-parameters."
        )
    start, back = ravel_pytree(family.to_real(family.hyper))
    posterior = PosteriorFamily(model, bound.sequences, family)
    function = marginal_function(posterior, lambda h: family.from_real(back(h)))
    program = fit.compile(("marginal", posterior), function)
    inputs, rest = posterior.split(bound.rows, errors.surface.units.weights, family.hyper)
    points = [coordinates(model, _inside(fit, model))]

    def look(h: Any) -> tuple[float, np.ndarray, Any]:
        value, gradient, u = program(points[-1], jnp.asarray(h, start.dtype), inputs, rest)
        if np.isfinite(value):
            points.append(u)
        return float(value), np.asarray(gradient, float), u

    def negative(h: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient, _ = look(h)
        return (-value, -gradient) if np.isfinite(value) else (np.inf, np.zeros_like(gradient))

    first, slope, _ = look(start)
    if not np.isfinite(first) or not np.all(np.isfinite(slope)):
        raise DeclarationError(
            "the posterior of the fit has no mode in unconstrained coordinates, and so no Laplace "
            "approximation: with flat priors on scales or probabilities there may be none."
        )
    options = {"maxiter": max_steps, "gtol": 1e-5}
    found = minimize(negative, np.asarray(start, float), jac=True, method="BFGS", options=options)
    last, gradient, u = look(found.x)
    new = family.from_real(back(jnp.asarray(found.x, start.dtype)))
    return EmpiricalBayes(
        hyper=jax.tree.map(np.asarray, new),
        before=jax.tree.map(np.asarray, family.hyper),
        log_marginal=last,
        log_marginal_before=first,
        slope=jax.tree.map(np.asarray, back(jnp.asarray(slope, start.dtype))),
        converged=bool(np.abs(gradient).max() <= 1e-3),
        prior=family.priors(new),
        model=_with_priors(family, new) if model is fit.model else None,
        params=model.nest(jax.tree.map(np.asarray, parameters(model, sites(model, u))[0])),
    )


def _inside(fit: Fit, model: Model) -> dict[str, np.ndarray]:
    """The parameters of the fit by dotted name, moved inside the support."""
    references = {p.name: p.center() for p in model.free}
    references |= {} if fit.plan is None else fit.plan.reference
    values = {k: np.asarray(v, float) for k, v in model.flatten(fit.params).items()}
    return {**values, **step_inside(model.free, values, references, fit.rows)[0]}


def _with_priors(family: Family, hyper: Any) -> Model:
    """The declaration with other hyper-parameters."""
    model, new = family.model, family.priors(hyper)
    priors = {p.name: new.get(p.name, p.prior) for p in model.parameters}
    priors |= {t.name: t.prior for t in model.tied}
    nested = nest(priors, (*model.parameters, *model.tied))
    return Model(model.log_joint, model.latent, nested, factor=model.factor)
