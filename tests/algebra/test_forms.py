"""Each closed form on a Q of its own, made of two gradients and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.algebra.forms import propose
from jaxem.algebra.matrices import (
    CholeskyOfCovariance,
    CholeskyOfPrecision,
    Covariance,
    Precision,
)
from jaxem.algebra.scalars import Logit, LogPower, Power, Probability
from jaxem.algebra.vectors import BaselineSoftmax, Simplex, Softmax

YES, NO = jnp.array([3.0, 0.5]), jnp.array([7.0, 9.5])
TABLE = jnp.array([[2.0, 5.0, 3.0], [1.0, 1.0, 8.0]])
SCATTER = jnp.array([[[4.0, 1.0], [1.0, 3.0]], [[2.0, -0.5], [-0.5, 1.0]]])
COUNT = jnp.array([5.0, 2.0])
TRUTH = SCATTER / COUNT[:, None, None]


def gaussian(cov):
    inner = jnp.einsum("kij,kji->k", jnp.linalg.inv(cov), SCATTER)
    return -(COUNT * jnp.linalg.slogdet(cov)[1] + inner).sum() / 2


def power(p):
    return lambda t: (
        jnp.array([6.0, 2.0]) * (jnp.log(t) if p > 0 else -jnp.log(t)) - YES * t**p
    ).sum()


EYES = jnp.stack([jnp.eye(2)] * 2)
SHARES = TABLE / TABLE.sum(1, keepdims=True)
FORMS = {
    "proportion": (
        Probability(),
        lambda t: (YES * jnp.log(t) + NO * jnp.log1p(-t)).sum(),
        jnp.array([0.2, 0.7]),
        YES / 10,
    ),
    "rate": (Power(1.0), power(1.0), jnp.array([0.2, 5.0]), jnp.array([2.0, 4.0])),
    "variance": (Power(-1.0), power(-1.0), jnp.array([0.2, 5.0]), YES / jnp.array([6.0, 2.0])),
    "scale": (
        Power(-2.0),
        power(-2.0),
        jnp.array([0.2, 5.0]),
        jnp.sqrt(2 * YES / jnp.array([6.0, 2.0])),
    ),
    "half power": (Power(0.5), power(0.5), jnp.array([0.2, 5.0]), (2 * jnp.array([2.0, 4.0])) ** 2),
    "log-rate": (
        LogPower(1.0),
        lambda u: (YES * u - NO * jnp.exp(u)).sum(),
        jnp.array([0.3, -2.0]),
        jnp.log(YES / NO),
    ),
    "log-scale": (
        LogPower(-2.0),
        lambda u: -(NO * u + YES * jnp.exp(-2 * u)).sum(),
        jnp.array([0.3, -2.0]),
        jnp.log(2 * YES / NO) / 2,
    ),
    "logit": (
        Logit(),
        lambda u: (YES * u - 10 * jax.nn.softplus(u)).sum(),
        jnp.array([0.3, -2.0]),
        jnp.log(YES / NO),
    ),
    "simplex": (Simplex(), lambda t: (TABLE * jnp.log(t)).sum(), jnp.full((2, 3), 1 / 3), SHARES),
    "simplex, normalised": (
        Simplex(),
        lambda t: (TABLE * jnp.log(t / t.sum(-1, keepdims=True))).sum(),
        jnp.array([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]]),
        SHARES,
    ),
    "softmax": (
        Softmax(),
        lambda u: (TABLE * jax.nn.log_softmax(u)).sum(),
        jnp.array([[0.1, -1.0, 0.4], [2.0, 0.0, 0.0]]),
        jnp.log(SHARES),
    ),
    "softmax against a baseline": (
        BaselineSoftmax(),
        lambda u: (TABLE * jax.nn.log_softmax(jnp.pad(u, ((0, 0), (0, 1))))).sum(),
        jnp.array([[0.1, -1.0], [2.0, 0.0]]),
        jnp.log(TABLE[:, :2] / TABLE[:, 2:]),
    ),
    "covariance": (Covariance(), gaussian, EYES, TRUTH),
    "precision": (
        Precision(),
        lambda p: gaussian(jnp.linalg.inv(p)),
        EYES,
        jnp.linalg.inv(TRUTH),
    ),
    "factor of a covariance": (
        CholeskyOfCovariance(),
        lambda t: gaussian(t @ t.mT),
        EYES,
        jnp.linalg.cholesky(TRUTH),
    ),
    "factor of a precision": (
        CholeskyOfPrecision(),
        lambda t: gaussian(jnp.linalg.inv(t @ t.mT)),
        EYES,
        jnp.linalg.cholesky(jnp.linalg.inv(TRUTH)),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_two_gradients_give_the_maximiser(name):
    form, q, start, truth = FORMS[name]
    other = form.other(start)
    slope = jax.grad(q)
    answer, count, inside = propose(form, start, slope(start), other, slope(other))
    np.testing.assert_allclose(answer, truth, rtol=1e-10)
    assert np.all(count > 0) and np.all(inside)
    np.testing.assert_allclose(form.mean(form.inverse(form.mean(start))), form.mean(start))
    assert isinstance(form.describe(), str)


def test_a_block_that_nothing_touches_stays():
    def q(t):
        return 3.0 * jnp.log(t[0]) - t[0] + 0.0 * t[1]

    start = jnp.array([0.5, 7.0])
    form = Power(1.0)
    answer, count, inside = propose(
        form, start, jax.grad(q)(start), 2 * start, jax.grad(q)(2 * start)
    )
    np.testing.assert_allclose(answer, [3.0, 7.0])
    np.testing.assert_allclose(count, [1.0, 0.0])
    assert inside.tolist() == [True, False]


def test_the_tiniest_count_is_enough():
    def q(t):
        return 1e-300 * (2.0 * jnp.log(t) - t)

    start = jnp.array(0.7)
    answer, count, _ = propose(
        Power(1.0), start, jax.grad(q)(start), 2 * start, jax.grad(q)(2 * start)
    )
    np.testing.assert_allclose(answer, 2.0, rtol=1e-10)
    assert count > 0


def test_a_negative_count_is_no_maximum():
    def q(t):
        return t - 2.0 * jnp.log(t)

    start = jnp.array(0.7)
    answer, _, inside = propose(
        Power(1.0), start, jax.grad(q)(start), 2 * start, jax.grad(q)(2 * start)
    )
    assert np.isnan(answer) and not inside


def test_answers_on_the_edge_are_taken_and_flagged():
    """Nobody ever said no, and no one chose the second."""
    slope = jax.grad(lambda t: 4.0 * jnp.log(t))
    answer, _, _ = propose(Probability(), jnp.array(0.3), slope(0.3), jnp.array(0.65), slope(0.65))
    np.testing.assert_allclose(answer, 1.0, rtol=1e-12)
    counts = jnp.array([2.0, 0.0])
    slope = jax.grad(lambda t: (counts * jnp.log(t)).sum())
    start = jnp.array([0.5, 0.5])
    other = Simplex().other(start)
    answer, _, _ = propose(Simplex(), start, slope(start), other, slope(other))
    np.testing.assert_allclose(answer, [1.0, 0.0], atol=1e-15)
