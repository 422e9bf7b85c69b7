r"""Replicates as a record, and intervals made of them.

*Percentile* intervals are quantiles of the replicates. *BCa* ones (Efron 1987) move these quantiles
by the bias :math:`z_0`, the normal quantile of the share of replicates below the estimate, and by
the acceleration :math:`a = \sum u_i^3 / 6 (\sum u_i^2)^{3/2}`, u the influence of each unit.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr, ndtri

from jaxem.errors import Interval
from jaxem.errors.intervals import quantile
from jaxem.fitting import Fit
from jaxem.likelihood.chart import tree_names
from jaxem.model import Model
from jaxem.model.prior import dotted
from jaxem.model.tied import nest
from jaxem.numerics.tables import aligned
from jaxem.optimise.replicates import Replicates
from jaxem.status import Status
from jaxem.types import DeclarationError, Params


@dataclasses.dataclass(frozen=True, eq=False)
class Bootstrap:
    """Refits to data drawn again; print it for a table.

    Attributes:
        names: Every entry of the quantities, such as "loc[0]", (m,).
        estimate: The quantities at the fit: the parameters that are estimated, nested as declared,
            or what ``of`` returns.
        draws: The quantities of every usable replicate, leaves (B, ...).
        params: Parameters of these replicates, nested as declared, leaves (B, ...).
        failed: Number of replicates whose status is not usable; they are left out. Others that did
            not converge are kept.
        parametric: Whether data were drawn from the model.
        replicates: All refits.
    """

    names: tuple[str, ...]
    estimate: Any
    draws: Any
    params: Params
    failed: int
    parametric: bool
    replicates: Replicates
    influence: Callable[[], tuple[np.ndarray, np.ndarray]]

    @classmethod
    def make(
        cls,
        fit: Fit,
        model: Model,
        found: Replicates,
        of: Callable[[Params], Any] | None,
        parametric: bool,
        influence: Callable[[], tuple[np.ndarray, np.ndarray]],
    ) -> "Bootstrap":
        """The record of refits of a fit.

        Raises:
            DeclarationError: If fewer than two are usable.
        """
        good = found.usable[:, 0]
        if good.sum() < 2:
            raise DeclarationError(
                f"{len(good) - int(good.sum())} of {len(good)} replicates ended with no sane "
                f"answer: components collapse on data drawn again. A prior on scales helps."
            )
        params = model.nest({k: v[good, 0] for k, v in found.values.items()})
        quantity = of or (lambda params: _free(model, params))
        estimate = jax.tree.map(np.asarray, quantity(fit.params))
        draws = jax.tree.map(np.asarray, jax.vmap(quantity)(jax.tree.map(jnp.asarray, params)))
        failed = int((~good).sum())
        names = tree_names(estimate)
        return cls(names, estimate, draws, params, failed, parametric, found, influence)

    def __len__(self) -> int:
        return len(jax.tree.leaves(self.draws)[0])

    @property
    def status(self) -> list[Status]:
        """The status of each replicate, those that are left out included."""
        return self.replicates.first_status()

    @property
    def se(self) -> Any:
        """Standard deviations of the replicates, in the form of the quantities."""
        return jax.tree.map(lambda leaf: leaf.std(0, ddof=1), self.draws)

    @property
    def bias(self) -> Any:
        """Mean of the replicates less the estimate."""
        return jax.tree.map(lambda leaf, at: leaf.mean(0) - at, self.draws, self.estimate)

    def interval(self, level: float = 0.95, kind: str = "percentile") -> Interval:
        """Confidence intervals.

        Args:
            level: Coverage; a hundred replicates or more should lie outside for its ends to be
                stable.
            kind: "percentile", or "bca", which corrects for bias and skewness.

        Raises:
            DeclarationError: If the kind is unknown, or the level is not between 0 and 1.
        """
        if kind not in ("percentile", "bca"):
            raise DeclarationError(f'kind={kind!r}; expected "percentile" or "bca".')
        z = quantile(level)
        draws = _columns(self.draws)
        low, high = (np.full(draws.shape[1], ndtr(side)) for side in (-z, z))
        if kind == "bca":
            low, high = self._corrected(draws, z)
        ends = (_quantiles(draws, at) for at in (low, high))
        lower, upper = (self._shaped(end) for end in ends)
        return Interval(self.names, lower, upper, level, f"bootstrap, {kind}")

    def _corrected(self, draws: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
        """Levels at which the quantiles are taken, (m,) each; NaN where nothing varies."""
        estimate = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(self.estimate)])
        below = (draws < estimate).mean(0) + (draws == estimate).mean(0) / 2
        influence, weights = self.influence()
        with np.errstate(all="ignore"):
            bias = ndtri(below)
            skew = weights @ influence**3 / (6 * (weights @ influence**2) ** 1.5)
            levels = [ndtr(bias + (bias + s) / (1 - skew * (bias + s))) for s in (-z, z)]
        varies = (draws.std(0) > 0) & np.isfinite(levels).all(0)
        return np.where(varies, levels[0], np.nan), np.where(varies, levels[1], np.nan)

    def _shaped(self, flat: np.ndarray) -> Any:
        leaves, tree = jax.tree.flatten(self.estimate)
        pieces = np.split(flat, np.cumsum([leaf.size for leaf in leaves])[:-1])
        shaped = [p.reshape(leaf.shape) for p, leaf in zip(pieces, leaves, strict=True)]
        return jax.tree.unflatten(tree, shaped)

    def __str__(self) -> str:
        interval = self.interval()
        trees = (self.estimate, self.bias, self.se, interval.lower, interval.upper)
        columns = [np.concatenate([np.ravel(x) for x in jax.tree.leaves(t)]) for t in trees]
        rows = [["", "estimate", "bias", "se", "2.5 %", "97.5 %"]]
        rows += [[name, *(f"{c[i]:.5g}" for c in columns)] for i, name in enumerate(self.names)]
        kind = "parametric" if self.parametric else "nonparametric"
        head = f"{kind} bootstrap: {len(self)} replicates, percentile intervals"
        lines = [head, *aligned(rows)]
        return "\n".join([*lines, *self._notes()])

    def _notes(self) -> Iterator[str]:
        """Notes on replicates that did not converge."""
        counts = Counter(self.status)
        for status, count in sorted(counts.items()):
            if status != Status.CONVERGED:
                kept = "kept" if status.usable else "left out"
                yield f"note: {count} of {len(self.status)} replicates, {kept}: {status.sentence}."

    __repr__ = __str__


def _free(model: Model, params: Params) -> Params:
    known = dict(dotted(params))
    return nest({p.name: known[p.name] for p in model.free}, model.free)


def _columns(tree: Any) -> np.ndarray:
    """Leaves (B, ...) as a matrix, (B, m)."""
    leaves = jax.tree.leaves(tree)
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], 1)


def _quantiles(draws: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The quantile of each column (B, m) at its own level, (m,); NaN where the level is NaN."""
    safe = np.nan_to_num(levels)
    found = [np.quantile(c, level) for c, level in zip(draws.T, safe, strict=True)]
    return np.where(np.isnan(levels), np.nan, found)
