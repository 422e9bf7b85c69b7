"""Derivatives that count nothing where nothing is asked, to every order and in both modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import betainc, gammainc, xlogy
from scipy import special

from jaxem.traces.products import zero_product
from jaxem.traces.rewrite import mentions, passes
from jaxem.traces.zeros import repair

TINY = float(np.finfo(float).tiny)


def repaired(function, *args):
    program = repair(jax.make_jaxpr(function)(*args))
    return lambda *values: jax.extend.core.jaxpr_as_fun(program)(*values)[0]


def gamma_log_density(x, v):
    shape, rate = v
    return shape * jnp.log(rate) + (shape - 1) * jnp.log(x) - rate * x - jax.lax.lgamma(shape)


def table_log(x):
    return jnp.round(jnp.log(x) * 2**20) / 2**20


own = jax.custom_jvp(table_log)
own.defjvps(lambda t, out, x: t / x)


def loop(v):
    """Newton's method for a cube root, of unknown length."""

    def step(state):
        return state[0] - (state[0] ** 3 - v[0]) / (3 * state[0] ** 2), state[1] + 1

    return jnp.log(jax.lax.while_loop(lambda s: s[1] < 60, step, (v[1], 0))[0])


MASKED = {
    "a filler at zero": lambda v: gamma_log_density(0.0 * v[0], v),
    "a negative filler": lambda v: gamma_log_density(-1.0 + 0.0 * v[0], v),
    "a clipped probability": lambda v: 3.0 * jnp.log(jnp.clip(0.0 * v[0], TINY, 1.0)),
    "an overflow": lambda v: jnp.exp(1e3 * v[0]) * v[1],
    "a root": lambda v: jnp.sqrt(v[0] - 1.0) * v[1],
    "a power": lambda v: (v[0] - 1.0) ** v[1] * v[0],
    "a rule of a library": lambda v: xlogy(v[1], v[0] - 1.0),
    "a rule of a person": lambda v: own(v[0] - 1.0) * v[1],
    "a matrix product": lambda v: jnp.log(v - 1.0) @ v,
    "a loop": lambda v: loop(v - 1.0) * v[0],
}


#: Their second derivatives exist in forward mode alone, of the gradient or twice.
FORWARD = ("a loop", "a matrix product")


@pytest.mark.parametrize("name", MASKED)
def test_a_branch_that_is_not_taken_asks_for_nothing(name):
    point = jnp.array([1.0, 2.0])

    def joint(v):
        return jnp.where(v[1] < 0, MASKED[name](v), v[0] * v[1] ** 2)

    function = repaired(joint, point)
    assert function(point) == 4.0
    np.testing.assert_allclose(jax.grad(function)(point), [4.0, 4.0])
    hessian = [[0.0, 4.0], [4.0, 2.0]]
    np.testing.assert_allclose(jax.hessian(function)(point), hessian)
    np.testing.assert_allclose(jax.jacfwd(jax.jacfwd(function))(point), hessian)
    if name not in FORWARD:
        np.testing.assert_allclose(jax.jacrev(jax.grad(function))(point), hessian)


def test_zero_times_infinity_is_zero_in_the_values_of_a_prior_alone():
    def prior(w):
        return jnp.sum((jnp.ones(2) - 1.0) * jnp.log(w))

    vertex = jnp.array([1.0, 0.0])
    program = repair(jax.make_jaxpr(prior)(vertex), values=True)
    assert jax.extend.core.jaxpr_as_fun(program)(vertex)[0] == 0.0
    assert jnp.isnan(repaired(prior, vertex)(vertex))


def test_what_is_asked_for_and_infinite_is_told():
    function = repaired(lambda x: jnp.sqrt(x), 1.0)
    assert jax.grad(function)(0.0) == np.inf
    assert jnp.isnan(jax.grad(repaired(lambda x: jnp.log(x) * jnp.log(x), 1.0))(-1.0))


def test_rules_are_kept():
    """The derivative of the rounded logarithm is zero almost everywhere, its rule's is not."""
    function = repaired(lambda v: v[1] * jnp.log(own(v[0])), jnp.array([3.0, 2.0]))
    point = jnp.array([3.0, 2.0])
    np.testing.assert_allclose(
        jax.grad(function)(point), [2.0 / 3.0 / table_log(3.0), np.log(table_log(3.0))]
    )


def test_a_rule_by_cotangents_is_kept():
    function = jax.custom_vjp(jnp.log)
    function.defvjp(lambda x: (jnp.log(x), x), lambda x, g: (2 * g / x,))
    joint = repaired(lambda x: jnp.where(x > 0, function(x), 0.0), 1.0)
    assert jax.grad(joint)(4.0) == 0.5
    assert jax.grad(joint)(0.0) == 0.0


def test_a_rule_that_refuses_integers_gives_way_to_what_it_computes():
    """JAX's own rule of ``xlogy`` multiplies the tangent of a count."""
    counts, point = jnp.array([2, 0, 3]), jnp.array([0.5, 0.0, 0.25])
    with pytest.raises(TypeError, match="float0"):
        jax.grad(lambda q: xlogy(counts, q).sum())(point)
    function = repaired(lambda q: xlogy(counts, q).sum(), point)
    np.testing.assert_allclose(jax.grad(function)(point), [4.0, 0.0, 12.0])
    np.testing.assert_allclose(jnp.diag(jax.hessian(function)(point)), [-8.0, 0.0, -48.0])


def test_constants_of_single_precision_among_doubles():
    """What a call or a loop was given in single precision it still gets so."""
    single = jnp.array([1.5, 2.0], jnp.float32)

    @jax.jit
    def doubled(a, y):
        return y * jnp.sum(a * jnp.float32(2))

    def joint(x):
        return jax.lax.scan(lambda c, y: (c * y, None), x, single)[0] + doubled(single, x) * single

    function = repaired(joint, 3.0)
    np.testing.assert_allclose(function(3.0), 9.0 + 21.0 * single)
    np.testing.assert_allclose(jax.jacfwd(function)(3.0), 3.0 + 7.0 * single)


def test_a_loop_is_differentiated_in_both_modes():
    point = jnp.array([8.0, 1.0])
    function = repaired(loop, point)
    np.testing.assert_allclose(jax.grad(function)(point), [1 / 24, 0.0], atol=1e-12)
    np.testing.assert_allclose(jax.jacfwd(function)(point), [1 / 24, 0.0], atol=1e-12)
    np.testing.assert_allclose(jax.hessian(function)(point)[0, 0], -1 / 192, atol=1e-12)


def differences(function, x, step):
    places = function(x - 2 * step), function(x - step), function(x + step), function(x + 2 * step)
    return (places[0] - 8 * places[1] + 8 * places[2] - places[3]) / (12 * step)


@pytest.mark.parametrize(
    "function, reference",
    [
        (lambda a: jnp.log(gammainc(a, 2.0)), lambda a: np.log(special.gammainc(a, 2.0))),
        (lambda a: jnp.log(betainc(a, 3.0, 0.3)), lambda a: np.log(special.betainc(a, 3.0, 0.3))),
    ],
    ids=["gamma", "beta"],
)
def test_derivatives_that_jax_does_not_know_are_differences(function, reference):
    mended = repaired(function, 1.5)
    first = differences(reference, 1.5, 1e-3)
    second = differences(lambda a: differences(reference, a, 1e-2), 1.5, 1e-2)
    np.testing.assert_allclose(jax.grad(mended)(1.5), first, rtol=1e-9)
    np.testing.assert_allclose(jax.grad(jax.grad(mended))(1.5), second, rtol=1e-6)
    np.testing.assert_allclose(jax.hessian(mended)(1.5), second, rtol=1e-6)


def test_zero_products_are_bilinear_and_batched():
    a, b = jnp.array([0.0, 1.0, 2.0]), jnp.array([jnp.inf, jnp.nan, 3.0])
    np.testing.assert_array_equal(jax.jit(zero_product)(a, b), [0.0, np.nan, 6.0])
    np.testing.assert_array_equal(jax.vmap(zero_product, (0, None))(a, 3.0), [0.0, 3.0, 6.0])
    each = jax.vmap(jax.grad(lambda x, y: zero_product(x, y)))
    np.testing.assert_array_equal(each(a, jnp.array([0.0, 1.0, 3.0])), [0.0, 1.0, 3.0])
    pushed = jax.linearize(lambda x: zero_product(x, b), a)[1](a)
    np.testing.assert_array_equal(pushed, [0.0, np.nan, 6.0])


def test_what_a_careful_function_computes_has_its_name():
    program = repair(jax.make_jaxpr(lambda x: jnp.abs(x / (x + 1.0)))(2.0)).jaxpr
    assert not any(eqn.primitive.name == "abs" for eqn in program.eqns)
    assert passes(program, [True], ["abs"])
    assert mentions(program, ["abs"])


def test_what_overflows_after_a_clip_does_not_pass_it():
    """A clipped probability is shared by many rows, whose slopes add up beyond all numbers."""

    def joint(p):
        return 60.0 * jnp.log(jnp.clip(0.0 * p, TINY, 1.0)) + jnp.log(p)

    function = repaired(joint, 0.5)
    assert jax.grad(function)(0.5) == 2.0
    assert jax.grad(jax.grad(function))(0.5) == -4.0
