"""One compiled window onto Q, through which a plan is made.

Every question that planning asks (is the field affine, which axes are independent, whose answer
depends on whom) is about values, gradients and Hessian-vector products of the expected log joint
at chosen points. One program answers all of them, eight points at a time, so that planning costs
one compilation. The rest of the planning is NumPy on the host, in float64 whatever the flag says.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.types import Data

Values = dict[str, np.ndarray]

LANES = 8


class Probe:
    """Values and derivatives of Q on the planning rows, for given responsibilities.

    Attributes:
        model: The declared model.
        rows: The planning rows.
        possible: Where the log joint is above -inf at ordinary parameters, shape (n, K).
    """

    def __init__(self, model: Model, rows: Data):
        self.model = model
        self.rows = rows
        self.count = row_count(rows)
        self.free = model.free
        self._names = [p.name for p in model.free]
        with jax.enable_x64(True):
            self._rows = jax.tree.map(_widen, rows)
            self._program = jax.jit(jax.vmap(self._derivatives, in_axes=(0, 0, None, None)))
            table = jax.jit(model.table)(self._complete({}), self._rows)
        self.possible = np.asarray(table) > -np.inf

    def center(self) -> Values:
        """An ordinary value of every free parameter."""
        return {p.name: p.center() for p in self.free}

    def __call__(
        self, points: list[Values], responsibilities: np.ndarray, tangents: list[Values] | None = None
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
        for start in range(0, len(points), LANES):
            chunk = points[start : start + LANES]
            moves = tangents[start : start + LANES] if tangents else [{}] * len(chunk)
            q, g, h = self._run(chunk, moves, responsibilities)
            values.append(q[: len(chunk)])
            gradients += _unstack(g, len(chunk))
            products += _unstack(h, len(chunk))
        return np.concatenate(values), gradients, products

    def _run(self, points, tangents, responsibilities):
        pad = LANES - len(points)
        points = points + [points[-1]] * pad
        tangents = list(tangents) + [{}] * pad
        stacked = {n: np.stack([p[n] for p in points]) for n in self._names}
        moved = {
            n: np.stack([t.get(n, np.zeros_like(p[n])) for t, p in zip(tangents, points, strict=True)])
            for n in self._names
        }
        with jax.enable_x64(True):
            out = self._program(stacked, moved, responsibilities, self._rows)
            return jax.tree.map(np.asarray, out)

    def _derivatives(self, values, tangent, responsibilities, rows):
        both = jax.value_and_grad(lambda v: self._expected(v, responsibilities, rows))
        (q, g), (_, h) = jax.jvp(both, (values,), (tangent,))
        return q, g, h

    def _expected(self, values, responsibilities, rows):
        values = self._complete(values)
        table = self.model.table(values, rows)
        held = responsibilities > 0
        inner = jnp.where(held, responsibilities * jnp.where(held, table, 0.0), 0.0)
        return inner.sum() + self.model.prior_gradient_point(values)

    def _complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add the fixed parameters, and centers for names that are left out."""
        return {
            p.name: p.interior(jnp.asarray(values.get(p.name, p.center()), float))
            for p in self.model.parameters
        }


def _widen(leaf):
    leaf = np.asarray(leaf)
    return leaf.astype(float) if np.issubdtype(leaf.dtype, np.floating) else leaf


def _unstack(values: dict[str, np.ndarray], count: int) -> list[Values]:
    return [{name: leaf[i] for name, leaf in values.items()} for i in range(count)]
