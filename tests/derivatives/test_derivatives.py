"""Derivatives of a fit against finite differences of fits, and against fits without a row."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from tests.derivatives import problems

STEP = 5e-4
PROBLEMS = {
    "mixture": (problems.mixture, 7),
    "regression": (problems.regression, 20),
    "chain": (problems.chain, 2),
}
LONG = [pytest.param(name, marks=pytest.mark.long) for name in ("regression", "chain")]


@pytest.fixture(scope="module", params=["mixture", *LONG])
def case(request):
    make, unit = PROBLEMS[request.param]
    return make(), make().fit(), unit


@pytest.fixture(scope="module")
def fit():
    return problems.mixture().fit()


@pytest.fixture(scope="module")
def mode(fit):
    return jaxem.implicit_mode(fit, problems.mixture().data, **problems.mixture().given)


def differences(fit_at):
    """Central differences of fitted parameters."""
    up, down = (fit_at(step).params for step in (STEP, -STEP))
    return jax.tree.map(lambda a, b: (a - b) / (2 * STEP), up, down)


def assert_close(found, expected, rtol=2e-5, atol=1e-6):
    for name, leaf in expected.items():
        np.testing.assert_allclose(found[name], leaf, rtol=rtol, atol=atol, err_msg=name)


def test_influence_is_the_derivative_in_a_weight(case):
    problem, fit, unit = case

    def fit_at(step):
        weights = problem.weights.copy()
        weights[unit] += step
        return problem.fit(weights=weights, start=fit.params)

    found = jaxem.influence(fit, problem.data, **problem.given)
    mine = {name: leaf[unit] for name, leaf in found.derivative.items()}
    assert_close(mine, differences(fit_at))
    assert len(found.displacement) == len(problem.weights)


def test_sensitivity_is_the_derivative_in_the_data(case):
    problem, fit, unit = case
    data = problem.data["x"] if isinstance(problem.data, dict) else problem.data
    place = (unit,) if data.ndim == 1 else (unit, 3)

    def fit_at(step):
        moved = data.copy()
        moved[place] += step
        moved = {**problem.data, "x": moved} if isinstance(problem.data, dict) else moved
        return problem.fit(data=moved, start=fit.params)

    found = jaxem.sensitivity(fit, problem.data, wrt="data", **problem.given)
    derivative = found.derivative
    if isinstance(problem.data, dict):
        assert derivative["y"] is None
        derivative = derivative["x"]
    assert_close({k: leaf[..., *place] for k, leaf in derivative.items()}, differences(fit_at))
    if problem.lengths is not None:
        assert not derivative["loc"][:, 0, problem.lengths[0] :].any()
    assert "data" in str(found) or "x[" in str(found)


def test_the_mode_is_the_fit_to_other_data(fit, mode):
    problem = problems.mixture()
    data, weights = problem.data.copy(), problem.weights.copy()
    data[3] += 0.5
    weights[8] = 0.0
    expected = problem.fit(data=data, weights=weights, start=fit.params).params
    assert_close(mode(data, weights=weights), expected, rtol=1e-7)
    assert_close(mode(), fit.params, rtol=1e-7)


def test_one_gradient_holds_all_derivatives(fit, mode):
    problem = problems.mixture()

    def loss(data, weights, hyper):
        params = mode(data, weights=weights, hyper=hyper)
        return params["loc"] @ jnp.array([1.0, -2.0]) + params["scale"][0]

    slope = jax.jit(jax.grad(loss, (0, 1, 2)))(problem.data, problem.weights, mode.hyper)

    def of(tree):
        return np.moveaxis(tree["loc"], 0, -1) @ np.array([1.0, -2.0]) + tree["scale"][0]

    influence = jaxem.influence(fit, problem.data, **problem.given).derivative
    in_data = jaxem.sensitivity(fit, problem.data, wrt="data", **problem.given)
    in_prior = jaxem.sensitivity(fit, problem.data, **problem.given)
    by_weight = influence["loc"] @ np.array([1.0, -2.0]) + influence["scale"][:, 0]
    np.testing.assert_allclose(slope[0], of(in_data.derivative), rtol=1e-6)
    np.testing.assert_allclose(slope[1], by_weight, rtol=1e-6)
    assert set(in_prior.derivative) == {
        "weights.concentration",
        "loc.loc",
        "loc.scale",
        "scale.loc",
        "scale.scale",
    }
    for name, leaf in in_prior.derivative.items():
        np.testing.assert_allclose(slope[2][name], of(leaf), rtol=1e-5, atol=1e-10)

        def at(step, name=name):
            moved = {**mode.hyper, name: mode.hyper[name] + step}
            return loss(problem.data, problem.weights, moved)

        expected = float(at(STEP) - at(-STEP)) / (2 * STEP)
        assert np.sum(of(leaf)) == pytest.approx(expected, rel=1e-4, abs=1e-8)
    several = jax.vmap(lambda weights: mode(weights=weights)["loc"])(
        problem.weights * np.ones((2, 1))
    )
    np.testing.assert_allclose(several, np.stack([fit.params["loc"]] * 2), rtol=1e-7)


def test_influence_is_nearly_leaving_one_out(fit, mode):
    """In standard errors, over all rows and entries."""
    problem = problems.mixture()
    found = jaxem.influence(fit, problem.data, **problem.given)
    se = fit.errors(problem.data, **problem.given).se
    first, step = [], []
    for row, weight in enumerate(problem.weights):
        left = mode(weights=np.where(np.arange(30) == row, 0.0, problem.weights))
        for name, leaf in fit.params.items():
            rate = found.derivative[name][row]
            first.append((leaf - weight * rate - left[name]) / se[name])
            step.append((found.without[name][row] - left[name]) / se[name])
    error = [np.sqrt(np.mean(np.square(one))) for one in (first, step)]
    assert error[0] < 0.1 and error[1] < error[0] / 2, error


@pytest.mark.long
def test_leaving_a_row_out_at_the_order_of_theory():
    """A row counts for a share of the data; of half of it, a quarter and an eighth of the error."""
    problem, row = problems.mixture(), 12
    data = np.append(problem.data, problem.data[row] + 1e-9)
    errors = []
    for copies in (4.0, 8.0):
        weights = np.append(problem.weights * copies, 1.0)
        weights[row] -= 1.0
        fit = problem.fit(data=data, weights=weights)
        left = problem.fit(data=data, weights=np.append(weights[:-1], 0.0), start=fit.params)
        found = jaxem.influence(fit, data, weights=weights)
        first = {k: fit.params[k] - leaf[-1] for k, leaf in found.derivative.items()}
        without = {k: leaf[-1] for k, leaf in found.without.items()}
        errors.append(
            [
                np.sqrt(sum(np.sum((guess[k] - left.params[k]) ** 2) for k in guess))
                for guess in (first, without)
            ]
        )
        nats = found.displacement[-1]
        moved = np.concatenate([(without[k] - fit.params[k]).ravel() for k in sorted(without)])
        assert 0 < nats < 1 and np.abs(moved).max() > 1e-3
    ratio = np.divide(*errors)
    assert ratio[0] == pytest.approx(4, rel=0.2) and ratio[1] == pytest.approx(8, rel=0.3)
    assert errors[1][1] < 0.1 * errors[1][0]


def test_a_table_lists_what_moves_most(fit):
    problem = problems.mixture()
    found = jaxem.influence(fit, problem.data, **problem.given)
    order = found.most_influential(30)
    assert (np.diff(found.displacement[order]) <= 0).all() and sorted(order) == list(range(30))
    assert str(order[0]) in str(found).splitlines()[2].split()
    assert found.shift.shape == (30, 6)


def test_what_is_not_identified_has_no_derivative():
    def log_joint(params, z, x):
        return dist.Normal(params["a"] + params["b"], 1.0).log_prob(x)

    prior = {"a": jaxem.flat(()), "b": jaxem.flat(())}
    rows = np.array([0.0, 1.0, 2.0, 5.0])
    fit = jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(1), prior), rows)
    found = jaxem.influence(fit, rows, of=lambda p: {"sum": p["a"] + p["b"], "a": p["a"]})
    np.testing.assert_allclose(found.derivative["sum"], (rows - 2) / 4, atol=1e-9)
    np.testing.assert_allclose(found.without["sum"], (8 - rows) / 3, rtol=1e-9)
    assert np.isnan(found.derivative["a"]).all() and "not identified" in str(found)
    with pytest.raises(jaxem.DeclarationError, match="no function of the data"):
        jaxem.implicit_mode(fit, rows)
    with pytest.raises(jaxem.DeclarationError, match="no prior has arguments"):
        jaxem.sensitivity(fit, rows)


def test_mistakes_are_told(fit, mode):
    problem = problems.mixture()
    early = jaxem.fit(
        problem.model, problem.data, init=problem.start, weights=problem.weights, max_steps=2
    )
    with pytest.raises(jaxem.DeclarationError, match=r"no mode.*'step limit'"):
        jaxem.influence(early, problem.data, **problem.given)
    with pytest.raises(jaxem.DeclarationError, match='expected "prior" or "data"'):
        jaxem.sensitivity(fit, problem.data, wrt="weights", **problem.given)
    with pytest.raises(jaxem.DeclarationError, match="the fit reports"):
        jaxem.influence(fit, problem.data)
    for arguments, words in (
        ({"data": problem.data[:5]}, r"form \(5,\); expected that of the fit, \(30,\)"),
        ({"weights": np.ones(3)}, r"shape \(3,\); expected \(30,\)"),
        ({"hyper": {"loc.loc": 0.0}}, "expected that of the fit"),
    ):
        with pytest.raises(jaxem.DeclarationError, match=words):
            mode(**arguments)


@pytest.fixture(scope="module")
def influences(fit):
    problem = problems.mixture()
    return jaxem.influence(fit, problem.data, **problem.given)


@pytest.mark.long
def test_single_precision(influences, float32):
    """Derivatives to a hundredth of their largest."""
    found = influences
    problems.mixture.cache_clear()
    single = problems.mixture()
    data = np.float32(single.data)
    again = jaxem.fit(single.model, data, init=single.start, weights=single.weights)
    mine = jaxem.influence(again, data, weights=single.weights)
    problems.mixture.cache_clear()
    for name, leaf in found.derivative.items():
        np.testing.assert_allclose(mine.derivative[name], leaf, atol=1e-2 * np.abs(leaf).max())
