r"""Ordinary parameters for a model of which nothing is known but its supports and its data.

*Home* is found from the centre of the supports by coarse steps uphill, all states alike. A round of
steps that gains less than a twentieth of a nat a row is not taken: where the maximum lies at
infinity (pooled data that a truncated density, a separated logit or a shape would follow for ever)
the reference stays where the data still tell values apart.

Rows with a far value count for next to nothing: one value of a million would be all that the
reference is made of. The prior weighs nothing where there are hyperparameters, which the log joint
does not read. With all states alike nothing keeps the scale of a hierarchy from zero, and what
starts there stays there. Hyperparameters are found last: locations at the reference, scales from
parameters displaced by what is ordinary for the data.
"""

import jax.numpy as jnp
import numpy as np

from jaxem.algebra.draws import climb, random_responsibilities
from jaxem.algebra.probe import AT_ONCE, Probe, Values
from jaxem.algebra.rows import ordinary_rows
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.numerics.rows import take_rows
from jaxem.types import Data

_ROUNDS = 8
_ORDINARY = 0.05
_WORTHWHILE = 0.5
_LOUD = 1e4


def find_reference(probe: Probe, rng: np.random.Generator) -> Values:
    """Parameters of the size that the data ask for, all states alike."""
    responsibilities = (
        random_responsibilities(probe, rng, 20.0) * ordinary_rows(probe.rows)[:, None]
    )
    above = hyperparameters(probe.model, take_rows(probe.rows, 0))
    if not above:
        return _settle(probe, probe.center(), responsibilities, probe.free, _ORDINARY * probe.count)
    read = tuple(p for p in probe.free if p not in above)
    real = tuple(p for p in above if p.support.is_real)
    other = tuple(p for p in above if not p.support.is_real)
    enough = _LOUD * _ORDINARY * probe.count
    reference = _settle(probe, probe.center(), _LOUD * responsibilities, read, enough)
    reference = _settle(probe, reference, responsibilities, real, _WORTHWHILE)
    units = ordinary_units(probe, reference, rng)
    apart = {p.name: displaced(p, reference, units, rng.normal) for p in read}
    found = _settle(probe, {**reference, **apart}, responsibilities, other, _WORTHWHILE)
    return {**reference, **{p.name: found[p.name] for p in other}}


def hyperparameters(model: Model, row: Data) -> tuple[Parameter, ...]:
    """Free parameters that priors depend on, and the log joint does not."""
    centers = {p.name: jnp.asarray(p.center(), float) for p in model.parameters}
    in_joint, _ = model.reads(centers, row)
    return tuple(p for p in model.free if not in_joint[p.name])


def ordinary_units(probe: Probe, reference: Values, rng: np.random.Generator) -> Values:
    """How far each real coordinate moves until Q has changed by about a nat a row.

    Of a location it is the scale of the data. Of logarithms and logits it is 1. Of hyperparameters
    it is a nat in all, for rows do not count there.
    """
    above = {p.name for p in hyperparameters(probe.model, take_rows(probe.rows, 0))}
    responsibilities = probe.possible * ordinary_rows(probe.rows)[:, None]
    units = {p.name: np.ones(np.shape(p.to_real(reference[p.name]))) for p in probe.free}
    for p in probe.free:
        if p.support.is_real:
            loud, count = (1.0, 1.0) if p.name in above else (_LOUD, probe.count)
            signs = rng.choice([-1.0, 1.0], size=(AT_ONCE, *p.shape))
            tangents = [{p.name: s} for s in signs]
            _, _, images = probe([reference] * AT_ONCE, loud * responsibilities, tangents)
            curvature = np.sqrt(np.mean([image[p.name] ** 2 for image in images], axis=0))
            told = np.isfinite(curvature) & (curvature > 0)
            unit = np.sqrt(loud * count / np.where(told, curvature, 1.0))
            units[p.name] = np.where(told, unit, unit[told].min() if told.any() else 1.0)
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
    """Rounds of steps uphill, as long as each gains enough."""
    for _ in range(_ROUNDS if parameters else 0):
        higher = climb(probe, values, responsibilities, parameters)
        (before, after), _, _ = probe([values, higher], responsibilities)
        if not (after > before + enough or (np.isfinite(after) and not np.isfinite(before))):
            break
        values = higher
    return values
