"""The fit of a model whose priors fix every parameter: its evidence is evaluated, no more."""

from typing import Any

import jax
import numpy as np

from jaxem.algorithm import Algorithm
from jaxem.compiled.programs import Programs
from jaxem.fitting.result import Fit, Restarts
from jaxem.likelihood.units import make_units
from jaxem.model.binding import Bound
from jaxem.status import Status


def evaluate(bound: Bound, weights: np.ndarray, algorithm: Algorithm) -> Fit:
    """The fit, after no steps, of a model whose priors fix every parameter.

    Args:
        bound: The model and its rows.
        weights: Weights of all rows, (N,).
        algorithm: The algorithm, whose E-step is used.
    """
    model, programs = bound.model, Programs()
    source = make_units(bound, weights, merge=True).source
    values = {name: np.asarray(v, weights.dtype) for name, v in model.fixed.items()}

    def look(values: Any, source: Any) -> Any:
        return source.expect(model, algorithm.e_step, values)[0], model.prior_density(values)

    found, prior = programs.compiled("evidence", look)(values, source)
    evidence, log_prior = float(found), float(prior)
    status = Status.CONVERGED if np.isfinite(evidence + log_prior) else Status.NON_FINITE
    if evidence == -np.inf:
        status = Status.IMPOSSIBLE
    stacked = jax.tree.map(lambda leaf: np.asarray(leaf)[None], model.nest(values))
    objective = np.asarray([evidence + log_prior])
    restarts = Restarts(
        objective=objective,
        log_likelihood=np.asarray([evidence]),
        status=[status],
        steps=np.zeros(1, int),
        gradient_norm=np.zeros(1),
        params=stacked,
        traces=(objective,),
        best=0,
    )
    return Fit(
        params=model.nest(values),
        objective=evidence + log_prior,
        log_likelihood=evidence,
        log_prior=log_prior,
        status=status,
        steps=0,
        trace=objective,
        gradient_norm=0.0,
        restarts=restarts,
        plan=None,
        model=model,
        algorithm=algorithm,
        rows=int((weights > 0).sum()),
        notes=("every parameter is fixed by its prior: nothing was estimated",),
    )
