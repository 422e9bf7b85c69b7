r"""Reference parameters of a model, from its supports and its data alone; and ordinary units.

Coarse ascent steps on Q lead from the centres of the supports to the reference parameters, under
nearly equal responsibilities. A round that gains less than a twentieth of a nat a row is not taken:
where the maximum lies at infinity (of a truncated density, a separated logit or a shape parameter
on pooled data) the reference stays where the data distinguish values.

Rows with far values get almost no weight, as a single value of a million would determine the
reference. If there are hyperparameters, which the log joint does not read, the prior is given
almost no weight: with all states alike the scale of a hierarchy would go to zero, and an EM map
that starts there stays there. Hyperparameters are found last: locations at the reference, scales at
parameters displaced from it by ordinary units.
"""

import jax.numpy as jnp
import numpy as np

from jaxem.algebra.draws import ascend, random_responsibilities
from jaxem.algebra.probe import AT_ONCE, Probe, Values
from jaxem.algebra.rows import ordinary_rows
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.numerics.rows import take_rows
from jaxem.types import Data

_ROUNDS = 8
_ORDINARY = 0.05
_WORTHWHILE = 0.5

#: Multiplies the log likelihood where the prior should have almost no weight.
_LIKELIHOOD_FACTOR = 1e4


def find_reference(probe: Probe, rng: np.random.Generator) -> Values:
    """The reference parameters by dotted name."""
    responsibilities = (
        random_responsibilities(probe, rng, 20.0) * ordinary_rows(probe.rows)[:, None]
    )
    above = hyperparameters(probe.model, take_rows(probe.rows, 0))
    if not above:
        return _settle(probe, probe.center(), responsibilities, probe.free, _ORDINARY * probe.count)
    read = tuple(p for p in probe.free if p not in above)
    real = tuple(p for p in above if p.support.is_real)
    other = tuple(p for p in above if not p.support.is_real)
    enough = _LIKELIHOOD_FACTOR * _ORDINARY * probe.count
    reference = _settle(probe, probe.center(), _LIKELIHOOD_FACTOR * responsibilities, read, enough)
    reference = _settle(probe, reference, responsibilities, real, _WORTHWHILE)
    units = ordinary_units(probe, reference, rng)
    moved = {p.name: displaced(p, reference, units, rng.normal) for p in read}
    found = _settle(probe, {**reference, **moved}, responsibilities, other, _WORTHWHILE)
    return {**reference, **{p.name: found[p.name] for p in other}}


def hyperparameters(model: Model, row: Data) -> tuple[Parameter, ...]:
    """Free parameters that priors depend on, and the log joint does not."""
    centers = {p.name: jnp.asarray(p.center(), float) for p in model.parameters}
    in_joint, _ = model.reads(centers, row)
    return tuple(p for p in model.free if not in_joint[p.name])


def ordinary_units(probe: Probe, reference: Values, rng: np.random.Generator) -> Values:
    """Lengths by which real coordinates move to change Q by about a nat a row.

    For a location the unit is the scale of the data, for logarithms and logits 1. For
    hyperparameters Q changes by a nat in all, as rows do not depend on them.
    """
    above = {p.name for p in hyperparameters(probe.model, take_rows(probe.rows, 0))}
    responsibilities = probe.possible * ordinary_rows(probe.rows)[:, None]
    units = {p.name: np.ones(np.shape(p.to_real(reference[p.name]))) for p in probe.free}
    for p in probe.free:
        if p.support.is_real:
            factor, count = (1.0, 1.0) if p.name in above else (_LIKELIHOOD_FACTOR, probe.count)
            signs = rng.choice([-1.0, 1.0], size=(AT_ONCE, *p.shape))
            tangents = [{p.name: s} for s in signs]
            _, _, images = probe([reference] * AT_ONCE, factor * responsibilities, tangents)
            curvature = np.sqrt(np.mean([image[p.name] ** 2 for image in images], axis=0))
            curved = np.isfinite(curvature) & (curvature > 0)
            unit = np.sqrt(factor * count / np.where(curved, curvature, 1.0))
            units[p.name] = np.where(curved, unit, unit[curved].min() if curved.any() else 1.0)
    return units


def displaced(p: Parameter, reference: Values, units: Values, draw) -> np.ndarray:
    """A value at a random distance from the reference, coordinate by coordinate.

    Args:
        p: The parameter.
        reference: Ordinary values, by dotted name.
        units: Of `ordinary_units`.
        draw: Makes random numbers of a given ``size``.
    """
    u = np.asarray(p.to_real(reference[p.name]), float)
    step = units[p.name] * draw(size=u.shape) * p.support.moving(u.shape) * p.support.lengths(u)
    return np.asarray(p.from_real(u + step), float)


def _settle(
    probe: Probe,
    values: Values,
    responsibilities: np.ndarray,
    parameters: tuple[Parameter, ...],
    enough: float,
) -> Values:
    """Rounds of coarse ascent steps, as long as each gains enough."""
    for _ in range(_ROUNDS if parameters else 0):
        higher = ascend(probe, values, responsibilities, parameters)
        (before, after), _, _ = probe([values, higher], responsibilities)
        if not (after > before + enough or (np.isfinite(after) and not np.isfinite(before))):
            break
        values = higher
    return values
