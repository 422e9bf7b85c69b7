"""Telling a collapsed component from a small one.

The likelihood of a mixture with free scales is unbounded: a component that sits on one point gains
without end as its scale goes to zero. A fit that got there is not an answer, however high its
objective. A scale (a positive number, a covariance, a Cholesky factor) is suspect when it is tiny
beside what is ordinary for the data; it has collapsed if making it smaller still, by a factor of
a hundred, raises the objective. A rate that is rightly near zero does not pass that test.
"""

import jax
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm.em import EM
from jaxem.estep.batch import Batch
from jaxem.estep.expectation import take_expectation
from jaxem.model import Model
from jaxem.model.prior import Parameter

_SUSPECT = 1e-4
_SHRINK = 1e-2
_GAIN = 0.5

Values = dict[str, np.ndarray]


def collapsed(
    model: Model, plan: Plan, algorithm: EM, batch: Batch, values: Values, objective: np.ndarray
) -> np.ndarray:
    """For each restart, whether a component has collapsed, (R,).

    Args:
        model: The declared model.
        plan: Its plan, which knows ordinary parameters.
        algorithm: Whose objective counts.
        batch: The rows.
        values: Parameters by dotted name, stacked over restarts.
        objective: Their objectives, (R,).
    """
    shrunk, suspect = dict(values), np.zeros(len(objective), bool)
    for p in model.free:
        if p.kind in ("positive", "positive_definite", "lower_cholesky"):
            with np.errstate(all="ignore"):
                shrunk[p.name], found = _shrink(p, values[p.name], plan.home[p.name])
            suspect |= found
    if not suspect.any():
        return suspect

    def evaluate(v, batch):
        evidence, _ = take_expectation(model, algorithm.e_step, v, batch, keep=False)
        return evidence + model.prior_density(v)

    program = plan.program(("evaluate", algorithm.e_step), jax.vmap(evaluate, in_axes=(0, None)))
    after = np.asarray(program(shrunk, batch))
    return suspect & ((after > objective + _GAIN) | (after == np.inf))


def _shrink(p: Parameter, t: np.ndarray, home: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leaf with its tiny scales made smaller, and which restarts had any."""
    if p.kind == "positive":
        tiny = t < _SUSPECT * np.median(home)
        return np.where(tiny, t * _SHRINK, t), tiny.reshape(len(t), -1).any(1)
    square = t @ t.swapaxes(-1, -2) if p.kind == "lower_cholesky" else t
    ordinary = home @ home.swapaxes(-1, -2) if p.kind == "lower_cholesky" else home
    units = np.sqrt(np.diagonal(ordinary, axis1=-2, axis2=-1))
    units = np.broadcast_to(units, (*t.shape[:-2], t.shape[-1])).astype(float)
    scaled = square / (units[..., :, None] * units[..., None, :])
    eigenvalues, vectors = np.linalg.eigh(np.nan_to_num(scaled))
    tiny = eigenvalues < _SUSPECT**2
    smaller = np.where(tiny, np.maximum(eigenvalues, 1e-14) * _SHRINK**2, eigenvalues)
    rebuilt = (vectors * smaller[..., None, :]) @ vectors.swapaxes(-1, -2)
    rebuilt = rebuilt * (units[..., :, None] * units[..., None, :])
    if p.kind == "lower_cholesky":
        rebuilt = units[..., :, None] * _factor(vectors, smaller)
    found = tiny.reshape(len(t), -1).any(1)
    changed = tiny.any(-1)[..., None, None]
    return np.where(changed, rebuilt, t).astype(t.dtype), found


def _factor(vectors: np.ndarray, eigenvalues: np.ndarray) -> np.ndarray:
    """The lower Cholesky factor of V diag(e) V', through QR, which bears tiny eigenvalues."""
    half = np.sqrt(eigenvalues)[..., :, None] * vectors.swapaxes(-1, -2)
    upper = np.linalg.qr(half)[1]
    signs = np.sign(np.diagonal(upper, axis1=-2, axis2=-1))[..., :, None]
    return (upper * np.where(signs == 0, 1.0, signs)).swapaxes(-1, -2)
