r"""Information criteria: log likelihood against the number of free parameters.

With d free parameters, n observations and log likelihood l, all on the scale of -2 l, lower being
better (mclust's BIC and ICL are these with the sign changed):

* AIC :math:`-2l + 2d` (Akaike 1974), BIC :math:`-2l + d \log n` (Schwarz 1978),
* CAIC :math:`-2l + d (\log n + 1)` (Bozdogan 1987),
* sample-size adjusted BIC :math:`-2l + d \log \frac{n + 2}{24}` (Sclove 1987),
* ICL :math:`\text{BIC} - 2 \sum_i \log \max_z p(z \mid x_i)`, the states set to their most probable
  ones (Biernacki, Celeux and Govaert 2000, as mclust computes it), and with the entropy of the
  posterior in place of that sum, :math:`\text{BIC} + 2 E`.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from jaxem.algebra.plan import kinks_of
from jaxem.estep import Exact
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.likelihood.chart import free_numbers
from jaxem.likelihood.entropy import sureness
from jaxem.likelihood.evidence import check_evidence
from jaxem.likelihood.units import Units, in_line, make_units
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.declaration import check_call
from jaxem.numerics.rows import take_rows
from jaxem.types import Data, DeclarationError


@dataclasses.dataclass(frozen=True)
class Criteria:
    """Information criteria of a fit; print it. Lower is better, except for `certainty`.

    Attributes:
        log_likelihood: Log likelihood of the data.
        parameters: Free parameters.
        n: Number of observations in the criteria.
        counted: The unit of n, in words.
        aic: Akaike's criterion.
        bic: Schwarz's criterion.
        caic: Bozdogan's consistent AIC.
        sabic: BIC adjusted for sample size.
        icl: Integrated complete likelihood, with states at their most probable.
        icl_entropy: Integrated complete likelihood, with the entropy of the states.
        entropy: Entropy of the posterior of the latent states, summed over the data.
        certainty: 1 less the entropy over the largest possible one; 1 where states are certain, and
            NaN with a single state (Celeux and Soromenho 1996).
    """

    log_likelihood: float
    parameters: int
    n: float
    counted: str
    aic: float
    bic: float
    caic: float
    sabic: float
    icl: float
    icl_entropy: float
    entropy: float
    certainty: float

    def __str__(self) -> str:
        numbers = {
            "log likelihood": self.log_likelihood,
            "AIC": self.aic,
            "BIC": self.bic,
            "CAIC": self.caic,
            "adjusted BIC": self.sabic,
            "ICL": self.icl,
            "ICL (entropy)": self.icl_entropy,
            "entropy": self.entropy,
        }
        lines = [f"{name:15s} {value:.4f}" for name, value in numbers.items()]
        lines.append(f"{'certainty':15s} {self.certainty:.4f}")
        head = f"{self.parameters} free parameters, n = {self.n:g} ({self.counted})"
        return "\n".join([head, *lines])

    __repr__ = __str__


def criteria(
    fit: Fit, data: Data, *, weights: Any = None, lengths: Any = None, n: float | None = None
) -> Criteria:
    """Information criteria of a fit.

    Free parameters are counted in free coordinates: a simplex of K counts K - 1, a covariance of D
    features D (D + 1) / 2; estimates on the boundary count as any other. With priors the log
    likelihood is that of the posterior mode, and the criteria are approximations.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        weights: The weights that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
        n: Number of observations; if left out, the sum of the weights of the rows, and of a chain
            the sum over all steps.

    Raises:
        DeclarationError: If these are not the data of the fit, or if it maximised something else
            than the likelihood.
    """
    check_fit(fit, "jaxem.criteria")
    if not isinstance(fit.algorithm.e_step, Exact):
        raise DeclarationError(
            f"this fit maximised the {fit.algorithm.e_step.likelihood}; the criteria need the "
            f"likelihood. Fit with algorithm=jaxem.EM()."
        )
    bound = fit.bound(data, lengths)
    check_call(bound.model, take_rows(bound.rows, 0))
    given = bound.weigh(weights)
    units = make_units(bound, given, merge=True)
    counted = _counted(bound, given) if n is None else "given"
    return _weigh(fit, bound.model, units, units.total if n is None else float(n), counted)


def _weigh(fit: Fit, model: Model, units: Units, size: float, counted: str) -> Criteria:
    """The criteria for a number of observations."""
    program = fit.compile(("sureness",), lambda v, s: sureness(model, v, s))
    values = model.flatten(fit.params)
    found = program(values, units.source)
    evidence, entropy, top = (in_line(leaf, units.count) for leaf in found)
    present, weights = units.weights > 0, units.weights.astype(float)
    total, spread, peak = (float((weights * x)[present].sum()) for x in (evidence, entropy, top))
    check_evidence(total, fit.log_likelihood)
    d = free_numbers(model, kinks_of(model, fit.plan).resting(values))
    bic = -2 * total + d * math.log(size)
    largest = units.total * math.log(model.latent.size)
    return Criteria(
        log_likelihood=total,
        parameters=d,
        n=size,
        counted=counted,
        aic=-2 * total + 2 * d,
        bic=bic,
        caic=bic + d,
        sabic=-2 * total + d * math.log((size + 2) / 24),
        icl=bic - 2 * peak,
        icl_entropy=bic + 2 * spread,
        entropy=spread,
        certainty=1 - spread / largest if largest > 0 else math.nan,
    )


def _counted(bound: Bound, weights: np.ndarray) -> str:
    """The unit of the sum of all row weights, in words."""
    if bound.sequences is not None:
        return f"steps of {weights[bound.sequences.starts].sum():g} sequences"
    return "rows" if np.all(np.isin(weights, (0, 1))) else "sum of row weights"
