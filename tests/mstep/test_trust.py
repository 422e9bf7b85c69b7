"""Newton's method from far away: no step is longer than what the data call ordinary."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import optimize, special

import jaxem
from jaxem.mstep.newton import _search, _step

_rng = np.random.default_rng(0)
WINS = np.array([[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0.0]])
WON, LOST = np.nonzero(WINS)
DESIGN = np.column_stack([np.ones(60), _rng.normal(size=60), 1e4 * _rng.normal(size=60)])
YES = (_rng.random(60) < special.expit(DESIGN[:, 1] + 0.5)) * 1


@functools.cache
def strengths():
    """Paired comparisons of four players (Bradley and Terry 1952), the first of strength zero."""

    def log_joint(params, z, pair):
        s = jnp.concatenate([jnp.zeros(1), params["s"]])
        return s[pair["won"]] - jnp.logaddexp(s[pair["won"]], s[pair["lost"]])

    return jaxem.Model(log_joint, jaxem.Finite(1), {"s": jaxem.flat((3,))})


@pytest.mark.parametrize("start", [None, [30.0, 0.0, 0.0], [0.0, -300.0, 1e4], [0.0, 0.0, 0.0]])
def test_where_a_logistic_is_flat(start):
    """Newton's own step from there is 1e13 long."""
    init = None if start is None else {"s": start}
    pairs = {"won": WON, "lost": LOST}
    fit = jaxem.fit(strengths(), pairs, weights=WINS[WON, LOST], init=init)
    assert fit.converged and fit.steps <= 12
    np.testing.assert_allclose(fit.log_likelihood, -1622.889808827598, atol=1e-7)


@functools.cache
def logistic():
    """A logistic regression whose covariates have units of 1 and of 1e4."""

    def log_joint(params, z, row):
        return dist.Bernoulli(logits=row["u"] @ params["b"]).log_prob(row["yes"])

    return jaxem.Model(log_joint, jaxem.Finite(1), {"b": jaxem.flat((3,))})


@pytest.mark.parametrize(
    "start", [[0.0, 0.0, 0.0], [40.0, 0.0, 0.0], [0.0, -35.0, 0.01], [300.0, -300.0, 0.0]]
)
def test_units_and_exact_zeros(start):
    """At logits of exactly zero the library's density has another derivative than beside it."""

    def loss(b):
        u = DESIGN * [1, 1, 1e-4] @ b
        return np.logaddexp(0, u).sum() - YES @ u

    truth = -optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).fun
    fit = jaxem.fit(logistic(), {"u": DESIGN, "yes": YES}, init={"b": np.asarray(start)})
    assert fit.converged and fit.steps <= 12
    np.testing.assert_allclose(fit.log_likelihood, truth, atol=1e-8)


def huber(params, z, x):
    """Linear but for a narrow middle: without curvature nearly everywhere."""
    r = jnp.abs(x - params["loc"])
    return -jnp.where(r < 0.3, r**2 / 2, 0.3 * (r - 0.15))


@pytest.mark.parametrize("start", [0.0, -1e5])
def test_a_slope_without_curvature_is_climbed(start):
    x = 5 + _rng.normal(size=40) * np.ones(1)
    fit = jaxem.fit(
        jaxem.Model(huber, jaxem.Finite(1), {"loc": jaxem.flat()}), x, init={"loc": start}
    )
    assert fit.converged
    centre = optimize.brentq(lambda c: np.clip(x - c, -0.3, 0.3).sum(), 0, 10)
    np.testing.assert_allclose(fit.params["loc"], centre, atol=1e-7)


def test_a_block_whose_step_is_refused_does_not_hold_up_the_others():
    """Two blocks: a quadratic, whose step is right, and one that overshoots a thousandfold."""

    def objective(x):
        return -jnp.sum(x[0] ** 2) - jnp.sum(jnp.sqrt(1 + x[1] ** 2))

    x = jnp.array([[1.0], [10.0]])
    gradient = jax.grad(objective)(x)
    curvature = jnp.array([[[-2.0]], [[-1e-3]]])
    limit = jnp.full_like(x, 1e6)
    step = _step(curvature, gradient, limit, jnp.asarray(1e-14))
    new, risen, share = _search(objective, x, objective(x), gradient, step, jnp.asarray(1e-14))
    np.testing.assert_allclose(new[0], 0.0, atol=1e-12)
    assert share[0] == 1 and share[1] < 0.1 and risen > objective(x)
    assert abs(new[1, 0]) < 10


def test_no_step_of_an_unknown_is_longer_than_its_length():
    """One unknown has a slope and no curvature; the other keeps the step that it has alone."""
    curvature = jnp.diag(jnp.array([-1e-13, -4.0]))[None]
    gradient, limit = jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 3.0]])
    step = _step(curvature, gradient, limit, jnp.asarray(1e-14))
    np.testing.assert_allclose(step, [[3.0, 2 / (4 + 2 / 3)]], rtol=1e-6)
