"""The optima that restarts reached: how often each, and how far apart."""

import dataclasses
from collections import Counter
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.diagnostics.labels import stack
from jaxem.diagnostics.overlap import Overlap
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.numerics.axes import open_axes
from jaxem.numerics.tables import aligned
from jaxem.status import Status
from jaxem.types import Data

#: Mean absolute difference of the log densities of rows, in nats, within one optimum.
_SAME = 1e-3


@dataclasses.dataclass(frozen=True)
class Optimum:
    """An optimum: restarts with one fitted distribution, whatever the labels of its states.

    Attributes:
        objective: Their highest objective.
        restarts: Their indices, best first.
        distance: Share of the data that is assigned differently than by the best optimum.
        status: The status of the best of them.
    """

    objective: float
    restarts: tuple[int, ...]
    distance: float
    status: Status


@dataclasses.dataclass(frozen=True, eq=False)
class Optima:
    """The optima that restarts found, best first; print it for a table.

    Attributes:
        optima: The optima.
        total: Number of restarts.
        unusable: Number of restarts whose status is not usable, by status; they are in no optimum.
    """

    optima: tuple[Optimum, ...]
    total: int
    unusable: dict[Status, int]

    def plot(self, ax: Any = None) -> Any:
        """Draw how often each optimum was reached, against its objective; needs matplotlib.

        Args:
            ax: Axes to draw into; new ones if left out.

        Returns:
            The axes.
        """
        ax = open_axes(ax)
        heights = [o.objective for o in self.optima]
        shares = [len(o.restarts) / self.total for o in self.optima]
        ax.vlines(heights, 0, shares)
        points = ax.scatter(heights, shares, c=[o.distance for o in self.optima])
        ax.figure.colorbar(points, ax=ax, label="distance from the best")
        ax.set_xlabel("objective")
        ax.set_ylabel("share of restarts")
        return ax

    def __str__(self) -> str:
        rows = [["optimum", "objective", "below best", "restarts", "share", "distance", "status"]]
        best = self.optima[0].objective if self.optima else np.nan
        for k, o in enumerate(self.optima):
            share = f"{100 * len(o.restarts) / self.total:.0f} %"
            gap = f"{best - o.objective:.4f}"
            distance = f"{100 * o.distance:.1f} %"
            count = str(len(o.restarts))
            rows.append([str(k), f"{o.objective:.4f}", gap, count, share, distance, str(o.status)])
        lines = aligned(rows, most=20)
        lines += [f"{count} restarts: {status.sentence}" for status, count in self.unusable.items()]
        return "\n".join([*lines, "distance: share of the data seen differently from optimum 0"])

    __repr__ = __str__


def landscape(fit: Fit, data: Data, *, weights: Any = None, lengths: Any = None) -> Optima:
    """Sort the restarts of a fit into optima.

    Two restarts are at one optimum if their objectives agree to 1e-4 nats and they give every row
    the same density. Where components are duplicates of one another, states may still differ
    within an optimum. A restart that a limit stopped is taken where it stopped.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        weights: Their weights, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
    """
    check_fit(fit, "jaxem.landscape")
    overlap = Overlap(fit, data, weights, lengths)
    restarts = fit.restarts
    usable = np.array([s.usable for s in restarts.status]) & np.isfinite(restarts.objective)
    waiting = list(np.argsort(-np.where(usable, restarts.objective, -np.inf), kind="stable"))
    waiting = [int(k) for k in waiting if usable[k]]
    every = stack(overlap.model, restarts.params)
    highest = waiting[0] if waiting else restarts.best  # of equals to rounding, one
    best = {name: jnp.asarray(leaf[highest]) for name, leaf in every.items()}
    _, from_best = overlap(every, best)
    shares = overlap.units.weights / overlap.units.weights.sum()
    density = overlap.log_densities(every)
    optima: list[Optimum] = []
    while waiting:
        leader = waiting[0]
        peak = restarts.objective[leader]
        near = 1e-4 + 1e-7 * abs(peak)
        difference = np.abs(density - density[leader]) @ shares
        same = [
            k
            for k in waiting
            if k == leader or (peak - restarts.objective[k] <= near and difference[k] <= _SAME)
        ]
        optima.append(
            Optimum(
                float(peak),
                tuple(same),
                float(from_best[leader]),
                restarts.status[leader],
            )
        )
        waiting = [k for k in waiting if k not in same]
    lost = Counter(s for s, good in zip(restarts.status, usable, strict=True) if not good)
    return Optima(tuple(optima), len(restarts), dict(lost))
