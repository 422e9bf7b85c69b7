"""Candidates for a closed form of one parameter, from its support and three gradients of Q."""

from collections.abc import Iterator

import numpy as np

from jaxem.algebra.forms import Form
from jaxem.algebra.matrices import (
    CholeskyOfCovariance,
    CholeskyOfPrecision,
    Covariance,
    Precision,
)
from jaxem.algebra.probe import Probe
from jaxem.algebra.prove import Trial
from jaxem.algebra.scalars import Logit, LogPower, Power, Probability
from jaxem.algebra.vectors import BaselineSoftmax, Simplex, Softmax
from jaxem.model.prior import Parameter
from jaxem.supports import (
    CholeskyFactors,
    PositiveDefinite,
    PositiveNumbers,
    Support,
    UnitInterval,
    UnitSimplex,
)

_FORMS: dict[type[Support], tuple[Form, ...]] = {
    UnitSimplex: (Simplex(),),
    UnitInterval: (Probability(),),
    PositiveDefinite: (Covariance(), Precision()),
    CholeskyFactors: (CholeskyOfCovariance(), CholeskyOfPrecision()),
}


def candidate_forms(probe: Probe, p: Parameter, trials: list[Trial]) -> Iterator[Form]:
    """Forms for this support, the likeliest first."""
    yield from _FORMS.get(type(p.support), ())
    if isinstance(p.support, PositiveNumbers):
        power = constant_exponent(probe, p, trials, lambda t, doublings: t * 2.0**doublings)
        if power is not None:
            yield Power(power)
    if p.support.is_real:
        power = constant_exponent(probe, p, trials, lambda u, d: u + d * np.log(2.0))
        if power is not None:
            yield LogPower(power)
        yield Logit()
        if p.shape and p.shape[-1] > 1:
            yield Softmax()
            yield BaselineSoftmax()


def constant_exponent(probe: Probe, p: Parameter, trials: list[Trial], double) -> float | None:
    r"""The exponent of a field :math:`a + b\,t^p`, if it is the same everywhere.

    With :math:`h_0, h_1, h_2` the field at :math:`t, 2t, 4t`,
    :math:`2^p = (h_2 - h_1) / (h_1 - h_0)`.

    Args:
        probe: Q and its derivatives on the planning rows.
        p: The parameter.
        trials: Parameters and responsibilities at which Q is evaluated.
        double: ``double(t, k)``, the start with its rate doubled k times.

    Returns:
        The exponent, rounded to a half if it is one; None if it varies or there is none.
    """
    found, positive = [], isinstance(p.support, PositiveNumbers)
    for trial in trials:
        points = [double(trial.values[p.name], k) for k in range(3)]
        _, gradients, _ = probe(
            [{**trial.values, p.name: t} for t in points], trial.responsibilities
        )
        carried = zip(points, gradients, strict=True)
        h = [g[p.name] * (t if positive else 1.0) for t, g in carried]
        with np.errstate(all="ignore"):
            exponent = np.log2((h[2] - h[1]) / (h[1] - h[0])).ravel()
        found.append(exponent[(h[1] != h[0]).ravel()])
    powers = np.concatenate(found) if found else np.zeros(0)
    if powers.size == 0 or not np.all(np.isfinite(powers)):
        return None
    middle = float(np.median(powers))
    if np.abs(powers - middle).max() > 1e-4 * max(1.0, abs(middle)) or abs(middle) < 1e-3:
        return None
    half = round(2 * middle) / 2
    return half if abs(half - middle) < 1e-4 else middle
