r"""Posterior-predictive checks: do data drawn from the fit look like the data?

A statistic T of data drawn from the fitted model, or of one data set for each draw of the
parameters, is compared with that of the data; :math:`p = P(T(x^{rep}) \ge T(x))` (Rubin 1984;
Gelman, Meng and Stern 1996). At the fitted parameters alone it takes no account of their errors.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.diagnostics.labels import stack
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit, check_same_data
from jaxem.simulation import Sampler, simulate
from jaxem.simulation.draw import observed
from jaxem.types import Data, DeclarationError, Params


@dataclasses.dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """A statistic of the data among those of data drawn from the fit; print it.

    Attributes:
        observed: The statistic of the data, a scalar or an array.
        replicated: Those of data that were drawn, (draws, ...).
    """

    observed: np.ndarray
    replicated: np.ndarray

    @property
    def p_value(self) -> np.ndarray:
        """Share of the draws whose statistic is as large, ties counted half."""
        above = (self.replicated > self.observed).mean(0)
        return above + (self.replicated == self.observed).mean(0) / 2

    def __str__(self) -> str:
        low, middle, high = np.quantile(self.replicated, [0.025, 0.5, 0.975], axis=0)
        columns = (self.observed, middle, low, high, self.p_value)
        return "\n".join(
            f"observed {o:.5g}; drawn {m:.5g} ({a:.5g} to {b:.5g}); p = {p:.3g}"
            for o, m, a, b, p in np.stack([np.ravel(column) for column in columns], 1)
        )

    __repr__ = __str__


def predictive_check(
    fit: Fit,
    data: Data,
    sampler: Sampler | None,
    statistic: Callable[[Data], Any],
    *,
    draws: int = 200,
    params: Params | None = None,
    key: Any = 0,
    weights: Any = None,
    lengths: Any = None,
) -> PredictiveCheck:
    """Compare a statistic of the data with that of data drawn from the fit.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        sampler: ``sampler(params, key, x)``, which draws a row, or a sequence, in the place of x;
            see `Fit.simulate`. None of a program, which draws by itself.
        statistic: A function of a whole data set, in the form of ``data``, to a number or an array.
            Past the ends of sequences there are zeros.
        draws: How many data sets; with ``params``, one for each of these.
        params: Draws of the parameters, nested as declared, leaves (draws, ...), such as
            ``model.nest(mcmc.get_samples())``; the fitted parameters if left out.
        key: An int or a JAX key.
        weights: The weights that were fitted, (n,), integers; ``statistic`` gets rows, or
            sequences, as often.
        lengths: For a chain, the steps of each sequence, (n,), which are kept.

    Raises:
        DeclarationError: If there is no sampler, it or the statistic cannot be used, or these are
            not the data of the fit.
    """
    check_fit(fit, "jaxem.predictive_check")
    if not callable(statistic):
        raise DeclarationError(f"statistic must be a function of a data set; got {statistic!r}.")
    bound = fit.bound(data, lengths)
    given: Params = fit.params
    if params is not None:
        given = bound.model.nest(stack(bound.model, params))
        draws = len(jax.tree.leaves(given)[0])
    rows = observed(bound, data, weights)
    check_same_data(fit, data, weights, lengths)
    seen = np.asarray(statistic(rows), float)
    drawn = simulate(
        bound,
        data,
        given,
        sampler,
        what="a predictive check",
        compile=fit.compile,
        draws=draws,
        key=key,
        stacked=params is not None,
        weights=weights,
    )
    replicated = np.stack([np.asarray(statistic(one), float) for one in drawn])
    return PredictiveCheck(seen, replicated)
