"""A function traced once for each shape, rewritten, and cached as a jaxpr.

A log joint is differentiated dozens of times while a plan is made. Building its distributions in
Python each time would cost more than the arithmetic; so the trace is made once for each combination
of shapes and dtypes, rewritten (`masks`, `simplify`, `thin`, `zeros`), and the result is evaluated
instead of the function. Functions whose traces have equal digests (`meaning`) share it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend import core

from jaxem.traces.bounds import CONSTANT, DATA, STATE, Reads
from jaxem.traces.masks import with_masks
from jaxem.traces.meaning import meaning
from jaxem.traces.simplify import simplify
from jaxem.traces.thin import thin
from jaxem.traces.zeros import repair
from jaxem.types import DeclarationError

Signature = tuple[Any, ...]

#: Rewritten traces in the cache of a process.
_MOST = 256

_repaired: dict[Any, core.ClosedJaxpr] = {}


class Traced:
    """A function of pytrees that returns one array, evaluated by its rewritten trace.

    Args:
        function: A function of pytrees.
        zero_times_infinity: Whether zero times infinity is zero in its values too; see `repair`.

    Attributes:
        traces: How many times the function has been traced.
    """

    def __init__(self, function: Callable[..., Any], zero_times_infinity: bool = False):
        self._function = function
        self._zero_times_infinity = zero_times_infinity
        self._traces: dict[Signature, core.ClosedJaxpr] = {}
        self._programs: dict[Signature, core.ClosedJaxpr] = {}
        self._meanings: dict[Signature, bytes | None] = {}
        self.traces = 0

    def program(self, *args: Any) -> core.ClosedJaxpr:
        """The rewritten trace for arguments of these shapes."""
        signature = self._signature(args)
        if signature not in self._programs:
            self._programs[signature] = self._repair(signature)
        return self._programs[signature]

    def meaning(self, *args: Any) -> bytes | None:
        """A digest of the trace for arguments of these shapes; None if it cannot be compared."""
        return self._meanings[self._signature(args)]

    def _signature(self, args: Any) -> Signature:
        """The cache key of arguments: pytree, shapes, dtypes, flag; traces the function if new."""
        leaves, tree = jax.tree.flatten(args)
        signature = (
            tree,
            tuple((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves),
            jax.config.jax_enable_x64,  # pyright: ignore[reportAttributeAccessIssue]
        )
        if signature not in self._traces:
            self._traces[signature] = closed = self._trace(leaves, tree)
            self._meanings[signature] = meaning(closed)
        return signature

    def _repair(self, signature: Signature) -> core.ClosedJaxpr:
        meant = self._meanings[signature]
        key = meant, self._zero_times_infinity
        if meant is not None and key in _repaired:
            return _repaired[key]
        masked = with_masks(self._traces[signature], _kinds(signature[0]))
        mended = repair(thin(simplify(masked)), values=self._zero_times_infinity)
        if meant is not None:
            while len(_repaired) >= _MOST:
                _repaired.pop(next(iter(_repaired)), None)
            _repaired[key] = mended
        return mended

    def _trace(self, leaves: Any, tree: Any) -> core.ClosedJaxpr:
        self.traces += 1
        avals = [jax.ShapeDtypeStruct(jnp.shape(a), jnp.result_type(a)) for a in leaves]
        closed = jax.make_jaxpr(lambda *flat: self._function(*jax.tree.unflatten(tree, flat)))(
            *avals
        )
        if any(isinstance(constant, Tracer) for constant in closed.consts):
            raise DeclarationError(
                "the log joint or the prior holds a value of a function that JAX transforms "
                "(jax.jit, jax.vmap, jax.grad, ...). Models are read and fitted outside of such "
                "functions; what a fit depends on is differentiated by jaxem.sensitivity."
            )
        return simplify(closed)

    def __call__(self, *args: Any) -> jax.Array:
        """Evaluate the function at these arguments."""
        program = self.program(*args)
        leaves = [  # `jnp.asarray` would compile a program for each shape
            leaf if isinstance(leaf, jax.Array) else np.asarray(leaf, jnp.result_type(leaf))
            for leaf in jax.tree.leaves(args)
        ]
        return core.jaxpr_as_fun(program)(*leaves)[0]

    def indexed(self, *args: Any) -> Reads:
        """The reads of arrays at an index.

        The first argument of the function holds parameters, the last one data, and those between
        are states.
        """
        signature = self._signature(args)
        return Reads(self._traces[signature], _kinds(signature[0]))

    def shapes(self, *args: Any) -> list[tuple[int, ...]]:
        """Shapes of the arrays that the function returns for these arguments."""
        return [tuple(v.aval.shape) for v in self.program(*args).jaxpr.outvars]

    def reads(self, *args: Any) -> list[bool]:
        """For each leaf of the arguments, whether the value depends on it."""
        program = self.program(*args).jaxpr
        used = {v for v in program.outvars if not isinstance(v, core.Literal)}
        for eqn in program.eqns:
            used.update(v for v in eqn.invars if not isinstance(v, core.Literal))
        return [v in used for v in program.invars]


def _kinds(arguments: Any) -> list[int]:
    """The kind of each leaf of arguments, see `bounds`: parameters first, data last."""
    places = jax.tree.unflatten(arguments, range(arguments.num_leaves))
    kinds = [CONSTANT, *[STATE] * (len(places) - 2), DATA][: len(places)]
    each = zip(kinds, places, strict=True)
    return [kind for kind, argument in each for _ in jax.tree.leaves(argument)]
