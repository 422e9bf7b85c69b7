r"""Elementwise primitives with a chain rule in which zero times infinity is zero.

The chain rule multiplies a derivative by zero at a responsibility of zero, and in the branch that
``jnp.where`` does not select. If the derivative is infinite or NaN there, JAX's product is NaN.
`careful` wraps an elementwise primitive: same value, and JAX's derivative with every product of
the chain rule a `zero_product`. The derivative consists of careful primitives again, so this holds
to every order, in forward and reverse mode.

Some primitives have no derivative in JAX: a gamma cdf has none of second order in its shape, a beta
cdf none at all in its parameters. Theirs is a central difference of fourth order, whose relative
error is about :math:`10^{-11}` in double precision.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.interpreters import ad, mlir

from jaxem.traces.products import batch_elementwise, of_one_shape, zero_product
from jaxem.traces.rewrite import Rewriter, bind, called

#: Elementwise primitives that are not affine in their operands. A maximum is among them: its
#: derivative in the smaller operand, zero, may be multiplied by an overflow.
CURVED = frozenset(
    "abs acos acosh asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt cos cosh digamma div "
    "erf erf_inv erfc exp exp2 expm1 igamma igamma_grad_a igammac integer_pow lgamma log log1p "
    "logistic max min mul polygamma pow random_gamma_grad regularized_incomplete_beta rem rsqrt "
    "sin sinh sqrt square tan tanh zeta".split()
)

_careful_p = core.Primitive("careful")


def careful(primitive: core.Primitive, args: Any, params: Any) -> jax.Array:
    """An elementwise primitive applied to operands, its derivative made of zero products.

    Args:
        primitive: An elementwise primitive with one output.
        args: Its operands; scalars are broadcast.
        params: Its parameters.
    """
    args = of_one_shape(*args)
    return _careful_p.bind(*args, function=primitive, params=tuple(sorted(params.items())))


def _evaluate(*args, function, params):
    return function.bind(*args, **dict(params))


def _shape(*avals, function, params):
    return function.abstract_eval(*avals, **dict(params))[0]


def _push(primals, tangents, *, function, params):
    moving = tuple(i for i, t in enumerate(tangents) if type(t) is not ad.Zero)
    kinds = tuple((jnp.shape(x), jnp.result_type(x)) for x in primals)
    out = careful(function, primals, dict(params))
    if not moving:
        return out, ad.Zero.from_primal_value(out)  # pyright: ignore[reportAttributeAccessIssue]
    program = _pushed(function, params, kinds, moving)
    (tangent,) = chain_rule(program, primals, [tangents[i] for i in moving])
    return out, tangent


@functools.lru_cache(maxsize=2048)
def _pushed(primitive, params, kinds, moving) -> core.ClosedJaxpr:
    """The tangent of a primitive as a program of its operands and their tangents."""
    avals = [jax.ShapeDtypeStruct(*kind) for kind in kinds]
    moves = [avals[i] for i in moving]

    def push(args, tangents):
        def of_moving(*some):
            return primitive.bind(*_with(args, moving, some), **dict(params))

        return jax.jvp(of_moving, [args[i] for i in moving], list(tangents))[1]

    def differences(args, tangents):
        pushed = [
            zero_product(tangent, _difference(primitive, args, i, params))
            for i, tangent in zip(moving, tangents, strict=True)
        ]
        return sum(pushed[1:], pushed[0])

    rule = push if has_rule(primitive, params, kinds, moving) else differences
    return jax.make_jaxpr(lambda a, t: rule(a, t))(avals, moves)


@functools.lru_cache(maxsize=2048)
def has_rule(primitive, params, kinds, moving) -> bool:
    """Whether JAX has a derivative of a primitive in some of its operands."""
    avals = [jax.ShapeDtypeStruct(*kind) for kind in kinds]

    def push(*args):
        def of_moving(*some):
            return primitive.bind(*_with(args, moving, some), **dict(params))

        some = [args[i] for i in moving]
        return jax.jvp(of_moving, some, [jnp.ones_like(x) for x in some])[1]

    try:
        jax.eval_shape(push, *avals)
    except (NotImplementedError, ValueError, TypeError):
        return False
    return True


def _with(args, moving, some):
    out = list(args)
    for i, value in zip(moving, some, strict=True):
        out[i] = value
    return out


def _difference(primitive, args, i, params):
    """Central difference of fourth order in one operand, with a step relative to its size.

    The four values are stacked in one equation, as the primitives that need it are long to compile.
    """
    x = args[i]
    unit = float(jnp.finfo(x.dtype).eps) ** 0.2
    step = jax.lax.stop_gradient(unit * jnp.where(x == 0, 1.0, jnp.abs(x)).astype(x.dtype))
    ones = (1,) * jnp.ndim(x)
    offsets = jnp.asarray([-2.0, -1.0, 1.0, 2.0], x.dtype).reshape(-1, *ones)
    weights = jnp.asarray([1.0, -8.0, 8.0, -1.0], x.dtype).reshape(-1, *ones) / 12
    values = careful(primitive, _with(args, (i,), (x + offsets * step,)), dict(params))
    return (weights * values).sum(0) / step


def chain_rule(program: core.ClosedJaxpr, primals, tangents) -> list[Any]:
    """Evaluate a jvp program of primals and tangents, products with tangents as zero products.

    Args:
        program: A jaxpr, linear in the tangents.
        primals: Its first inputs.
        tangents: Its other inputs.
    """
    interpreter = _Linear([False] * len(primals) + [True] * len(tangents))
    return interpreter.run(program, [*primals, *tangents])


class _Linear(Rewriter):
    """Interpreter with zero products where operands depend on tangents, else careful primitives."""

    def __init__(self, moving):
        super().__init__(RULES, opens_calls)
        self._moving = moving

    def run(self, closed, args) -> list[Any]:
        """See `Rewriter`; the first run, of the program itself."""
        inputs = closed.jaxpr.invars
        self._reached = {v for v, moves in zip(inputs, self._moving, strict=True) if moves}
        return super().run(closed, args)

    def evaluate(self, eqn, args) -> list[Any]:
        """See `Rewriter`."""
        moving = [not isinstance(v, core.Literal) and v in self._reached for v in eqn.invars]
        if not any(moving):
            return Rewriter(RULES, opens_calls).evaluate(eqn, args)
        self._reached.update(eqn.outvars)
        if eqn.primitive.name == "mul":
            return [zero_product(*args)]
        if eqn.primitive.name == "div" and not moving[1]:
            one = jnp.ones((), jnp.result_type(args[1]))
            return [zero_product(args[0], careful(eqn.primitive, (one, args[1]), eqn.params))]
        inner = called(eqn)
        if inner is not None:
            return _Linear(moving).run(inner, args)
        out = bind(eqn.primitive, args, eqn.params)
        return list(out) if eqn.primitive.multiple_results else [out]


def opens_calls(name: str, _: core.Jaxpr) -> bool:
    """Whether a call is inlined: all are, but functions with derivative rules of their own."""
    return not name.startswith("custom_")


def _always(eqn, *args) -> list[Any]:
    if not np.issubdtype(eqn.outvars[0].aval.dtype, np.floating):
        return [bind(eqn.primitive, args, eqn.params)]
    return [careful(eqn.primitive, args, eqn.params)]


#: Rewriting rules: every curved equation becomes a careful primitive. `own_rules` adds rules for
#: functions with derivative rules of their own, loops and matrix products.
RULES: dict[str, Any] = dict.fromkeys(CURVED, _always)

_careful_p.def_impl(_evaluate)
_careful_p.def_abstract_eval(_shape)
ad.primitive_jvps[_careful_p] = _push
batch_elementwise(_careful_p)
mlir.register_lowering(_careful_p, mlir.lower_fun(_evaluate, multiple_results=False))
