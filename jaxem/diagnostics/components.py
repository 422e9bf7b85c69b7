r"""Diagnostics of components: nearly empty, nearly duplicate, or ill-conditioned ones.

Two states whose log joints differ by a constant on the data differ in their probabilities alone.
So duplicates are found by the standard deviation of :math:`f_{ik} - f_{il}` over the rows, weighted
by the responsibilities of both, whatever the components are.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.estep.expectation import over_blocks
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.latent import Chain
from jaxem.likelihood.chart import entry_names
from jaxem.likelihood.evidence import check_evidence
from jaxem.likelihood.units import make_units
from jaxem.model import Model
from jaxem.model.declaration import check_call
from jaxem.numerics.rows import take_rows
from jaxem.numerics.symmetric import spectrum
from jaxem.supports import Matrices
from jaxem.types import Data

#: States whose log joints vary against one another by less, in nats, are near duplicates.
_ALIKE = 0.1

#: Condition numbers of correlation matrices beyond this are reported.
_ILL = 1e6

#: A scale is reported where it is so many times smaller than the median of its parameter.
_NARROW = 1e3


@dataclasses.dataclass(frozen=True, eq=False)
class Diagnosis:
    """The diagnosis of the components of a fit; print it.

    Attributes:
        occupancy: Expected weight of the data in each state, (K,).
        vanishing: States that hold less than one row, or a thousandth of the data.
        duplicates: Pairs of states that are near duplicates; of chains none are looked for.
        ill_conditioned: Matrices in words, with the condition number of their correlations.
        narrow: Scales far smaller than the others of their parameter, in words.
    """

    occupancy: np.ndarray
    vanishing: tuple[int, ...]
    duplicates: tuple[tuple[int, int], ...]
    ill_conditioned: dict[str, float]
    narrow: dict[str, float]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not (self.vanishing or self.duplicates or self.ill_conditioned or self.narrow)

    def __str__(self) -> str:
        lines = [f"state {k} holds {self.occupancy[k]:.3g} rows" for k in self.vanishing]
        lines += [
            f"states {a} and {b} are near duplicates: they differ in how common they are alone"
            for a, b in self.duplicates
        ]
        lines += [
            f"{name} is ill-conditioned: its correlations have the condition number {value:.1e}"
            for name, value in self.ill_conditioned.items()
        ]
        lines += [
            f"{name} is {value:.1e} times smaller than the median of its parameter"
            for name, value in self.narrow.items()
        ]
        return "\n".join(lines) or "nothing looks wrong with the components"

    __repr__ = __str__


def diagnose(fit: Fit, data: Data, *, weights: Any = None, lengths: Any = None) -> Diagnosis:
    """Look for vanishing, duplicate and ill-conditioned components.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        weights: Their weights, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If these are not the data of the fit.
    """
    check_fit(fit, "jaxem.diagnose")
    bound = fit.bound(data, lengths)
    model = bound.model
    check_call(model, take_rows(bound.rows, 0))
    units = make_units(bound, bound.weigh(weights), merge=True)
    values = model.flatten(fit.params)
    expect = fit.compile(("counts",), lambda v, s: s.expect(model, fit.algorithm.e_step, v)[:2])
    evidence, counts = expect(values, units.source)
    check_evidence(float(evidence), fit.log_likelihood)
    occupancy = np.asarray(model.latent.occupancy(counts), float)
    few = max(1.0, 1e-3 * units.total)
    vanishing = tuple(int(k) for k in np.flatnonzero(occupancy < few))
    duplicates: tuple[tuple[int, int], ...] = ()
    if not isinstance(model.latent, Chain):
        program = fit.compile(("deviations",), _deviations_function(model))
        deviations = np.asarray(program(values, units.source), float)
        pairs = np.argwhere(np.triu(deviations < _ALIKE, 1))
        duplicates = tuple((int(a), int(b)) for a, b in pairs if not {a, b} & set(vanishing))
    return Diagnosis(occupancy, vanishing, duplicates, *_scales(model, values))


def _deviations_function(model: Model):
    def deviations(values, source):
        """Standard deviation of the difference of the log joints of each two states, (K, K)."""

        def block(totals, inputs):
            rows, weights = inputs[:2]
            table = model.table(values, rows)
            responsibilities = weights[:, None] * model.latent.marginals(table)
            possible = jnp.isfinite(table)
            safe = jnp.where(possible, table, -1e3)
            gap = safe[:, :, None] - safe[:, None, :]
            weight = responsibilities[:, :, None] + responsibilities[:, None, :]
            new = (weight.sum(0), (weight * gap).sum(0), (weight * gap**2).sum(0))
            return tuple(a + b for a, b in zip(totals, new, strict=True)), None

        zero = jnp.zeros((model.latent.size,) * 2, source.batch.weights.dtype)
        (total, first, second), _ = over_blocks(block, (zero,) * 3, source.blocks)
        safe = jnp.maximum(total, 1e-30)
        return jnp.sqrt(jnp.maximum(second / safe - (first / safe) ** 2, 0.0))

    return deviations


def _scales(model: Model, values: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Condition numbers of matrices, and ratios of scales, that are beyond the limits."""
    ill, narrow = {}, {}
    for p in model.free:
        value = np.asarray(values[p.name], float)
        if isinstance(p.support, Matrices):
            eigenvalues = spectrum(p.support.square(value))[0]
            number = eigenvalues[..., -1] / np.maximum(eigenvalues[..., 0], 1e-300)
            ill |= _beyond(p.name, number, _ILL)
        elif p.support.is_scale and value.size > 1:
            smaller = np.median(value) / np.maximum(value, 1e-300)
            narrow |= _beyond(p.name, smaller, _NARROW)
    return ill, narrow


def _beyond(name: str, numbers: np.ndarray, limit: float) -> dict[str, float]:
    """The entries that are larger than a limit, by name."""
    named = zip(entry_names(name, numbers.shape), numbers.ravel().tolist(), strict=True)
    return {entry: value for entry, value in named if value > limit}
