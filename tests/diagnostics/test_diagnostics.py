"""Labels, optima, components and predictions of a fit whose truth is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import constraints

import jaxem

ROWS = np.random.default_rng(0).normal(size=(150, 1))
ROWS[:60] = 4 + 0.7 * ROWS[:60]
MODEL = jaxem.zoo.gaussian_mixture(3, 1, "spherical")


@pytest.fixture(scope="module")
def fit():
    return jaxem.fit(MODEL, ROWS, restarts=12)


@pytest.fixture(scope="module")
def twins():
    """A fit that was stopped where two states are nearly one, and another holds nothing."""
    start = {"weights": [0.3, 0.3, 0.4], "loc": [[0.1], [0.1], [4.0]], "variance": [1.0, 1.0, 0.5]}
    return jaxem.fit(MODEL, ROWS, init=start, max_steps=3)


def draw(params, key, x):
    which, where = jax.random.split(key)
    z = jax.random.categorical(which, jnp.log(params["weights"]))
    return params["loc"][z] + jnp.sqrt(params["variance"][z]) * jax.random.normal(where, (1,))


def renamed(params, order):
    return {name: np.asarray(leaf)[order] for name, leaf in params.items()}


def test_renamed_states_get_their_names_back(fit):
    orders = [[1, 2, 0], [0, 2, 1], [2, 1, 0]]
    every = [renamed(fit.params, order) for order in orders]
    stacked = {name: np.stack([one[name] for one in every]) for name in fit.params}
    found = jaxem.align(fit, ROWS, stacked)
    assert found.axes == {"weights": (0,), "loc": (0,), "variance": (0,)}
    assert found.distance.max() < 1e-12
    for name, leaf in fit.params.items():
        np.testing.assert_array_equal(found.params[name], np.stack([leaf] * 3))
    np.testing.assert_array_equal(found.orders, [np.argsort(order) for order in orders])


def test_axes_of_a_chain_are_found_although_all_have_one_length():
    def log_joint(params, z_prev, z, x):
        moved = params["initial"][z] if z_prev is None else params["transition"][z_prev, z]
        return jnp.log(moved) + jnp.log(params["shown"])[z, x]

    prior = {
        "initial": jaxem.flat((2,), constraints.simplex),
        "transition": jaxem.flat((2, 2), constraints.simplex),
        "shown": jaxem.flat((2, 2), constraints.simplex),
    }
    model = jaxem.Model(log_joint, jaxem.Chain(2), prior)
    data = np.random.default_rng(3).integers(0, 2, (4, 8))
    start = {
        "initial": [0.6, 0.4],
        "transition": [[0.8, 0.2], [0.3, 0.7]],
        "shown": [[0.9, 0.1], [0.35, 0.65]],
    }
    fit = jaxem.fit(model, data, init=start, max_steps=2)
    turned = {name: np.asarray(leaf)[::-1] for name, leaf in fit.params.items()}
    turned["transition"] = turned["transition"][:, ::-1]
    found = jaxem.align(fit, data, {name: leaf[None] for name, leaf in turned.items()})
    assert found.axes == {"initial": (0,), "transition": (0, 1), "shown": (0,)}
    for name, leaf in fit.params.items():
        np.testing.assert_allclose(found.params[name][0], leaf, rtol=1e-12)


def test_the_landscape_counts_every_restart_once(fit):
    found = jaxem.landscape(fit, ROWS)
    counted = sorted(k for optimum in found.optima for k in optimum.restarts)
    usable = [k for k, s in enumerate(fit.restarts.status) if s.usable]
    assert counted == usable
    assert len(found.optima) >= 2
    heights = [optimum.objective for optimum in found.optima]
    assert heights == sorted(heights, reverse=True)
    assert found.optima[0].distance == pytest.approx(0, abs=1e-12)
    assert fit.restarts.best in found.optima[0].restarts
    for optimum in found.optima:
        ends = np.sort(np.asarray(fit.restarts.params["loc"])[list(optimum.restarts), :, 0], 1)
        np.testing.assert_allclose(ends, np.broadcast_to(ends[:1], ends.shape), atol=5e-3)


def test_the_landscape_is_drawn(fit):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    ax = jaxem.landscape(fit, ROWS).plot()
    assert ax.get_xlabel() == "objective"
    pyplot.close(ax.figure)


def test_duplicates_and_vanishing_states_are_told(fit, twins):
    assert jaxem.diagnose(twins, ROWS).duplicates == ((0, 1),)
    assert "near duplicates" in str(jaxem.diagnose(twins, ROWS))
    found = jaxem.diagnose(fit, ROWS)
    assert found.sound and not found.duplicates
    responsibilities = np.asarray(fit.responsibilities(ROWS))
    np.testing.assert_allclose(found.occupancy, responsibilities.sum(0), rtol=1e-6)


def test_a_state_that_holds_nothing_is_told():
    start = {"weights": [0.5, 0.5, 0.0], "loc": [[0.0], [4.0], [9.0]], "variance": [1.0, 0.5, 1e-5]}
    found = jaxem.diagnose(jaxem.fit(MODEL, ROWS, init=start, max_steps=2), ROWS)
    assert found.vanishing == (2,)
    assert "state 2 holds" in str(found)


def test_ill_conditioned_matrices_are_told():
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    rows = np.stack([x, x + 1e-4 * rng.normal(size=60)], 1)
    model = jaxem.zoo.gaussian_mixture(1, 2)
    found = jaxem.diagnose(jaxem.fit(model, rows), rows)
    assert list(found.ill_conditioned) == ["cov[0]"]
    expected = np.linalg.cond(np.corrcoef(rows.T))
    assert found.ill_conditioned["cov[0]"] == pytest.approx(expected, rel=1e-3)


def test_a_predictive_check_knows_what_the_model_fits(fit):
    def statistic(rows):
        return np.array([rows.mean(), rows.std(), (rows > 100).sum() + len(rows)])

    found = jaxem.predictive_check(fit, ROWS, draw, statistic, draws=100)
    np.testing.assert_allclose(found.observed, statistic(ROWS))
    assert (found.p_value[:2] > 0.1).all() and (found.p_value[:2] < 0.9).all()
    assert found.p_value[2] == 0.5
    assert found.replicated.shape == (100, 3)


def test_a_predictive_check_of_draws_of_the_parameters(fit):
    """Two draws whose data cannot be mistaken for one another."""
    draws = {name: np.stack([leaf, leaf]) for name, leaf in fit.params.items()}
    draws["loc"] = draws["loc"] + np.array([0.0, 100.0])[:, None, None]
    found = jaxem.predictive_check(fit, ROWS, draw, np.mean, params=draws)
    assert found.replicated[1] - found.replicated[0] == pytest.approx(100, abs=2)


def test_mistakes_are_told(fit):
    with pytest.raises(jaxem.DeclarationError, match="lacks parameter 'loc'"):
        jaxem.align(fit, ROWS, {"weights": np.ones((2, 3)) / 3})
    with pytest.raises(jaxem.DeclarationError, match="one leading axis"):
        jaxem.align(fit, ROWS, fit.params)
    with pytest.raises(jaxem.DeclarationError, match="returns shapes"):
        jaxem.predictive_check(fit, ROWS, lambda p, key, x: x[0], np.mean)
    with pytest.raises(jaxem.DeclarationError, match="no integers"):
        jaxem.predictive_check(fit, ROWS, draw, np.mean, weights=np.full(150, 0.5))
    with pytest.raises(jaxem.DeclarationError, match="not how to draw them"):
        jaxem.predictive_check(fit, ROWS, None, np.mean)
