"""M-steps whose Q has kinks: medians, quantiles and L1 regressions, against exact answers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy import optimize

import jaxem

_rng = np.random.default_rng(0)
X = np.concatenate([_rng.laplace(-2, 1, 60), _rng.laplace(3, 0.7, 45)])
N = 60
DESIGN = np.column_stack([np.ones(N), _rng.normal(size=(N, 2))])
Y = DESIGN @ [1.0, 2.0, -1.0] + _rng.laplace(size=N)
SIDE = _rng.integers(0, 2, N)
YY = 1 + np.where(SIDE, 3, -3) * DESIGN[:, 1] + 0.4 * _rng.laplace(size=N)


@functools.cache
def laplaces():
    def log_joint(params, z, x):
        component = dist.Laplace(params["loc"][z], params["scale"][z])
        return jnp.log(params["w"][z]) + component.log_prob(x)

    prior = {"w": jaxem.flat((2,), constraints.simplex), "loc": jaxem.flat((2,))}
    prior["scale"] = jaxem.flat((2,), constraints.positive)
    return jaxem.Model(log_joint, jaxem.Finite(2), prior)


def by_weighted_medians(x):
    """The highest of a few runs of EM as a person would write it."""
    order, best = np.argsort(x), -np.inf
    for seed in range(8):
        r, last = np.random.default_rng(seed).dirichlet([1, 1], len(x)), -np.inf
        for _ in range(1000):
            n = r.sum(0)
            halves = [np.searchsorted(np.cumsum(r[order, k]), n[k] / 2) for k in (0, 1)]
            far = np.abs(x[:, None] - x[order][halves])
            scale = (r * far).sum(0) / n
            table = np.log(n / len(x)) - np.log(2 * scale) - far / scale
            rows = np.logaddexp.reduce(table, 1)
            r = np.exp(table - rows[:, None])
            if rows.sum() - last < 1e-11:
                break
            last = rows.sum()
        best = max(best, rows.sum())
    return best


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_laplace_locations_are_weighted_medians(offset):
    fit = jaxem.fit(laplaces(), X + offset, restarts=4)
    assert fit.converged
    assert fit.log_likelihood >= by_weighted_medians(X) - 1e-6
    assert_no_rise(laplaces(), fit, X + offset, "loc")
    gaps = np.abs(X[:, None] + offset - fit.params["loc"]).min(0)
    np.testing.assert_allclose(gaps, 0, atol=1e-7 * (1 + offset**0.5))


def test_the_page_says_how_they_are_solved():
    told = jaxem.explain(laplaces(), X)
    lines = {line.name: line for line in told.lines}
    assert lines["loc"].solved == "non-smooth: solved by bracketing, elementwise"
    assert "kinks" in lines["loc"].reason
    assert lines["scale"].solved.startswith("closed form")
    assert "w -> loc -> scale" in told.order


def by_programming(level):
    """The least pinball loss of a linear quantile (Koenker and Bassett 1978)."""
    cost = np.r_[np.zeros(6), level * np.ones(N), (1 - level) * np.ones(N)]
    equations = np.c_[DESIGN, -DESIGN, np.eye(N), -np.eye(N)]
    return optimize.linprog(cost, A_eq=equations, b_eq=Y, bounds=(0, None)).fun


def test_a_smooth_slope_that_is_rounding_far_away_has_no_kinks():
    """A normal log cdf is a difference of squares where its argument is 1e9."""

    def log_joint(params, z, x):
        u = (x - params["xi"]) / params["omega"]
        slant = jax.scipy.stats.norm.logcdf(params["alpha"] * u)
        return jax.scipy.stats.norm.logpdf(u) - jnp.log(params["omega"]) + slant

    prior = {"xi": jaxem.flat(()), "omega": jaxem.flat((), constraints.positive)}
    model = jaxem.Model(log_joint, jaxem.Finite(1), {**prior, "alpha": jaxem.flat(())})
    words = str(jaxem.explain(model, 20 + 4 * np.abs(np.random.default_rng(1).normal(size=202))))
    assert "non-smooth" not in words


def test_a_quantile_regression_reaches_the_linear_programme():
    """Intercept and slopes are two parameters, and one block: one at a time they get stuck."""

    def log_joint(params, z, row):
        r = row["y"] - params["a"] - row["u"] @ params["b"]
        return -jnp.where(r > 0, 0.3 * r, -0.7 * r)

    prior = {"a": jaxem.flat(), "b": jaxem.flat((2,))}
    model = jaxem.Model(log_joint, jaxem.Finite(1), prior)
    fit = jaxem.fit(model, {"u": DESIGN[:, 1:], "y": Y})
    assert fit.converged
    np.testing.assert_allclose(fit.log_likelihood, -by_programming(0.3), atol=1e-6)
    assert [s.describe() for s in fit.plan.solvers] == [
        "non-smooth: solved by bracketing, in blocks of 3"
    ]


@pytest.mark.long
def test_a_mixture_of_l1_regressions_is_a_maximum():
    def log_joint(params, z, row):
        component = dist.Laplace(row["u"] @ params["b"][z], params["s"])
        return jnp.log(params["w"][z]) + component.log_prob(row["y"])

    prior = {"w": jaxem.flat((2,), constraints.simplex), "b": jaxem.flat((2, 2))}
    prior["s"] = jaxem.flat((), constraints.positive)
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    rows = {"u": DESIGN[:, :2], "y": YY}
    fit = jaxem.fit(model, rows, restarts=4)
    assert fit.converged
    assert_no_rise(model, fit, rows, "b")


@pytest.mark.long
def test_a_fused_penalty_is_solved_jointly():
    groups = np.repeat(np.arange(4), 10)
    y = np.array([0.0, 0.0, 2.0, 2.0])[groups] + _rng.normal(size=40)
    model = jaxem.Model(
        lambda p, z, row: dist.Normal(p["m"][row["g"]], 1.0).log_prob(row["y"]),
        jaxem.Finite(1),
        {"m": jaxem.flat((4,))},
        factor=lambda p: -3 * jnp.abs(jnp.diff(p["m"])).sum(),
    )
    rows = {"g": groups, "y": y}
    fit = jaxem.fit(model, rows)
    assert fit.converged
    assert_no_rise(model, fit, rows, "m")


@pytest.mark.long
def test_a_hinge_with_a_prior_is_a_maximum():
    side = np.sign(DESIGN[:, 1] + 0.5 * _rng.normal(size=N))
    model = jaxem.Model(
        lambda p, z, row: -jnp.maximum(0.0, 1 - row["side"] * (row["u"] @ p["b"])),
        jaxem.Finite(1),
        {"b": dist.Normal(0, 3).expand([3])},
    )
    rows = {"u": DESIGN, "side": side}
    fit = jaxem.fit(model, rows)
    assert fit.converged
    assert_no_rise(model, fit, rows, "b")


def assert_no_rise(model, fit, rows, name):
    """No random move of a parameter, of any size, raises the objective by a millionth."""
    rng = np.random.default_rng(0)

    @jax.jit
    @jax.vmap
    def objective(move):
        params = {**fit.params, name: fit.params[name] + move}
        return model.log_likelihood(params, rows) + model.log_prior(params)

    size = 10.0 ** rng.uniform(-7, 0, 3000).reshape(-1, *[1] * np.ndim(fit.params[name]))
    moves = size * rng.normal(size=(3000, *np.shape(fit.params[name])))
    assert objective(moves).max() <= fit.objective + 1e-6
