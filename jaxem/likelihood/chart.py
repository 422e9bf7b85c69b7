r"""Charts: real coordinates around one point, as many as there are free numbers.

Logarithms of positive numbers, logits of probabilities, Cholesky factors with a log diagonal. A
simplex of K entries has K - 1: logarithms relative to its largest entry, which is held fixed.
Coordinates on the boundary of their support, at a kink of their prior or on the way to infinity are
held fixed too, as curvature is not defined or zero there.
"""

from collections.abc import Collection, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.types import Array


class Chart(eqx.Module):
    """A point and its free coordinates; a pytree, so that programs serve other points.

    Attributes:
        base: All real coordinates of the point, (D,), held ones included.
        free: Positions of the free coordinates, (d,).
        fixed: Parameters that their priors fix.
    """

    base: Array
    free: Array
    fixed: dict[str, Array]

    @property
    def point(self) -> Array:
        """The free coordinates of the point itself, (d,)."""
        return self.base[self.free]

    def values(self, model: Model, u: Array) -> dict[str, Array]:
        """Parameters by dotted name at free coordinates (d,); differentiable."""
        flat, start, out = self.base.at[self.free].set(u), 0, {}
        for p in model.free:
            shape = p.support.real_shape(p.shape)
            size = int(np.prod(shape))
            out[p.name] = p.from_real(flat[start : start + size].reshape(shape))
            start += size
        return {**{name: jnp.asarray(v) for name, v in self.fixed.items()}, **out}


class ChartReport(eqx.Module):
    """The coordinates of a chart in words, and the entries that are held.

    Attributes:
        names: The free coordinates in words, (d,), such as "log scale[0]".
        edge: For each free parameter, which entries are on the boundary, by dotted name.
        resting: Which entries are exactly at a kink of their prior.
        endless: Which entries have a coordinate that goes to infinity, or has no effect any more.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    edge: dict[str, np.ndarray]
    resting: dict[str, np.ndarray]
    endless: dict[str, np.ndarray]


def make_chart(
    model: Model,
    values: Mapping[str, Any],
    references: Mapping[str, np.ndarray],
    resting: Mapping[str, np.ndarray],
    total: float,
    endless: Collection[str] = (),
) -> tuple[Chart, ChartReport]:
    """The chart at a point.

    Args:
        model: The declared model.
        values: Parameters by dotted name.
        references: Ordinary values of some; for the others the centre of the support is taken.
        resting: Which entries are exactly at a kink of their prior, by dotted name; parameters
            without kinks may be left out.
        total: Total weight of the rows.
        endless: Names of coordinates that go to infinity, or have no effect any more.
    """
    dtype = jnp.result_type(float)
    base, held, names, edges, gone = [], [], [], {}, {}
    resting = {p.name: resting.get(p.name, np.zeros(p.shape, bool)) for p in model.free}
    for p in model.free:
        value = np.asarray(values[p.name], float)
        reference = np.broadcast_to(references.get(p.name, p.center()), value.shape)
        edge = p.support.at_edge(value, reference, 1 / (1 + total))
        real, is_held, edges[p.name] = p.support.coordinates_at(value, edge, resting[p.name])
        own = coordinate_names(p, value)
        going = np.reshape([name in endless for name in own], is_held.shape)
        gone[p.name] = going if going.shape == p.shape else np.full(p.shape, going.any())
        base.append(real.ravel())
        held.append((is_held | going).ravel())
        names += own
    free = np.flatnonzero(~np.concatenate(held))
    chart = Chart(
        base=jax.device_put(np.concatenate(base).astype(dtype)),
        free=jax.device_put(free),
        fixed=jax.device_put({n: np.asarray(v, dtype) for n, v in model.fixed.items()}),
    )
    return chart, ChartReport(tuple(names[i] for i in free), edges, resting, gone)


def free_numbers(model: Model, resting: Mapping[str, np.ndarray]) -> int:
    """The number of free numbers of a model: K - 1 for a simplex, D(D+1)/2 for a covariance.

    Entries at a kink of their prior, the zeros of a lasso, are not counted: the number of the
    others is an unbiased estimate of the degrees of freedom (Zou, Hastie and Tibshirani 2007).

    Args:
        model: The declared model.
        resting: As in `make_chart`.
    """
    all_of_them = sum(int(np.prod(p.unconstrained_shape)) for p in model.free)
    return all_of_them - sum(int(rests.sum()) for rests in resting.values())


def entry_names(name: str, shape: tuple[int, ...]) -> list[str]:
    """The entries of an array in words: "loc[0, 1]"; a scalar has no brackets."""
    return [name + (f"[{', '.join(map(str, k))}]" if k else "") for k in np.ndindex(shape)]


def tree_names(tree: Any) -> tuple[str, ...]:
    """Every entry of a pytree of arrays in words, in the order in which JAX flattens it."""
    out: list[str] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        out += entry_names(name or "value", np.shape(leaf))
    return tuple(out)


def coordinate_names(p: Parameter, value: np.ndarray) -> list[str]:
    """The real coordinates of a parameter in words."""
    entries = entry_names(p.name, p.support.real_shape(p.shape))
    return p.support.coordinate_names(entries, value)


def free_names(model: Model, values: Mapping[str, np.ndarray]) -> list[str]:
    """The real coordinates of all free parameters in words, held ones included."""
    return [name for p in model.free for name in coordinate_names(p, values[p.name])]
