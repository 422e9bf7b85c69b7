"""Values, gradients and Hessian-vector products of Q on the planning rows, for making a plan.

All that a plan is made from (whether a natural gradient is affine, which axes are independent,
which answers depend on which parameters) are these at chosen points. One compiled program evaluates
them, at up to eight points a call in a loop: planning costs one compilation, and one point the time
of one. The rest of the planning is NumPy on the host, in float64 whatever the 64-bit flag.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.penalty import Penalty
from jaxem.model import Model
from jaxem.numerics.ties import off_zero
from jaxem.types import Data

Values = dict[str, np.ndarray]

AT_ONCE = 8


Compiled = Callable[..., Any]


class Probe:
    """Q and its derivatives on the planning rows, at given parameters and responsibilities.

    Args:
        model: The declared model.
        rows: The planning rows, floats in float64.
        possible: Whether the log joint is above -inf at ordinary parameters, shape (n, K).
        count: The first so many rows are rows of the data; the others are filler.
        compiled: `derivatives` of the model, compiled.
        slopes: `derivatives` without products, for calls without tangents; None where they would
            not save the time to compile them.
    """

    def __init__(
        self,
        model: Model,
        rows: Data,
        possible: np.ndarray,
        count: int,
        compiled: Compiled,
        slopes: Compiled | None = None,
    ):
        self.model = model
        self.rows = rows
        self.possible = possible
        self.count = count
        self.free = model.free
        self._compiled, self._slopes = compiled, slopes
        self._names = [p.name for p in model.free]

    def center(self) -> Values:
        """An ordinary value of every free parameter."""
        return {p.name: p.center() for p in self.free}

    def __call__(
        self,
        points: list[Values],
        responsibilities: np.ndarray,
        tangents: list[Values] | None = None,
    ) -> tuple[np.ndarray, list[Values], list[Values]]:
        """Q, its gradient, and its Hessian times a tangent, at each point.

        Args:
            points: Free parameters by name.
            responsibilities: Weights of rows and states, shape (n, K).
            tangents: One for each point; names left out are zero.

        Returns:
            Values (len(points),), gradients and products.
        """
        values, gradients, products = [], [], []
        for start in range(0, len(points), AT_ONCE):
            chunk = points[start : start + AT_ONCE]
            moves = tangents[start : start + AT_ONCE] if tangents else None
            q, g, h = self._run(chunk, moves, responsibilities)
            values.append(q[: len(chunk)])
            gradients += _unstack(g, len(chunk))
            products += _unstack(h, len(chunk))
        return np.concatenate(values), gradients, products

    def _run(self, points, tangents, responsibilities):
        pad = AT_ONCE - len(points)
        tangents = None if tangents is None else [*tangents, *[{}] * pad]
        points = points + [points[-1]] * pad
        stacked = {n: np.stack([p[n] for p in points]) for n in self._names}
        number: Any = np.int32(AT_ONCE - pad)
        if tangents is None and self._slopes is not None:
            with jax.enable_x64(True):
                q, g = self._slopes(stacked, None, responsibilities, self.rows, number)
                return np.asarray(q), jax.tree.map(np.asarray, g), {}
        tangents = tangents or [{}] * len(points)
        moved = {
            n: np.stack(
                [t.get(n, np.zeros_like(p[n])) for t, p in zip(tangents, points, strict=True)]
            )
            for n in self._names
        }
        with jax.enable_x64(True):
            out = self._compiled(stacked, moved, responsibilities, self.rows, number)
            return jax.tree.map(np.asarray, out)


def derivatives(model: Model, penalty: Penalty, products: bool = True) -> Compiled:
    """The function of values, tangents, responsibilities, rows and a number that evaluates Q.

    Values and tangents are stacked over points, and so are Q, its gradients and, with `products`,
    the Hessian times the tangent that it returns. Only the first points, as many as the number, are
    evaluated.

    Absolute values in the log prior are left out, as closed forms are of the smooth part of Q.
    """

    def expected(values, responsibilities, rows):
        given = {**values, **model.fixed}
        values = {p.name: p.interior(jnp.asarray(given[p.name], float)) for p in model.parameters}
        real = {p.name for p in model.free if p.support.is_real}
        values = {k: off_zero(v) if k in real else v for k, v in values.items()}
        total = model.expected(values, rows, responsibilities)
        return total + model.prior_density(values) + penalty.absolute(values)

    def at(values, tangent, responsibilities, rows):
        both = jax.value_and_grad(lambda v: expected(v, responsibilities, rows))
        if not products:
            return both(values)
        (q, g), (_, h) = jax.jvp(both, (values,), (tangent,))
        return q, g, h

    def at_each(values, tangents, responsibilities, rows, number):
        def step(place, found):
            point, tangent = jax.tree.map(lambda leaf: leaf[place], (values, tangents))
            outputs = at(point, tangent, responsibilities, rows)
            return jax.tree.map(lambda all, one: all.at[place].set(one), found, outputs)

        nothing = jnp.zeros(len(next(iter(values.values()))), float), values
        nothing = (*nothing, tangents) if products else nothing
        return jax.lax.fori_loop(0, number, step, nothing)

    return at_each


def widen(rows: Data) -> Data:
    """Rows with their floats in float64."""
    return jax.tree.map(_widen, rows)


def _widen(leaf):
    leaf = np.asarray(leaf)
    return leaf.astype(float) if np.issubdtype(leaf.dtype, np.floating) else leaf


def _unstack(values: dict[str, np.ndarray], count: int) -> list[Values]:
    return [{name: leaf[i] for name, leaf in values.items()} for i in range(count)]
