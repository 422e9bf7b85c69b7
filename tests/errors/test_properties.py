"""What must hold of standard errors, whatever the model: each against a reference of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy.optimize import brentq, minimize

import jaxem

MODEL = jaxem.zoo.gaussian_mixture(2, 1, "spherical")
ROWS = np.random.default_rng(0).normal(size=(120, 1))
ROWS[:45] = 3 + 0.6 * ROWS[:45]
WEIGHTS = np.random.default_rng(1).integers(1, 4, 120).astype(float)
START = {"weights": [0.5, 0.5], "loc": [[3.0], [0.0]], "variance": [1.0, 1.0]}


@pytest.fixture(scope="module")
def fit():
    return jaxem.fit(MODEL, ROWS, init=START, weights=WEIGHTS)


@pytest.fixture(scope="module")
def errors(fit):
    return fit.errors(ROWS, weights=WEIGHTS)


def log_likelihood(p, m, v):
    """By hand, in parameters of its own: the weight of the first, two means, two variances."""
    logs = -0.5 * (np.log(2 * np.pi * v) + (ROWS - m) ** 2 / v)
    return WEIGHTS @ np.logaddexp(np.log(p) + logs[:, 0], np.log1p(-p) + logs[:, 1])


def at(theta):
    return log_likelihood(theta[0], theta[1:3], theta[3:5])


def mode(fit):
    p = fit.params
    return np.concatenate([p["weights"][:1], p["loc"][:, 0], p["variance"]]).astype(float)


def second_differences(function, at, step=1e-4):
    eye = step * np.eye(len(at))
    return np.array(
        [
            [
                function(at + a + b)
                - function(at + a - b)
                - function(at - a + b)
                + function(at - a - b)
                for b in eye
            ]
            for a in eye
        ]
    ) / (4 * step**2)


def test_information_is_the_finite_difference_of_a_likelihood_by_hand(fit, errors):
    covariance = np.linalg.inv(-second_differences(at, mode(fit)))
    expected = np.sqrt(np.diagonal(covariance))
    se = errors.se
    found = np.concatenate([se["weights"][:1], se["loc"][:, 0], se["variance"]])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert se["weights"][0] == pytest.approx(se["weights"][1])


def test_the_rate_is_how_fast_em_gets_there(fit, errors):
    path = jaxem.fit(MODEL, ROWS, init=START, weights=WEIGHTS, tolerance=0, max_steps=60)
    gains = np.diff(path.trace)
    late = np.flatnonzero(gains < 1e-5)[0]  # later ones are rounding
    assert gains[late] / gains[late - 1] == pytest.approx(errors.rate**2, rel=0.05)
    near = jaxem.fit(MODEL, ROWS, init=START, weights=WEIGHTS, tolerance=0, max_steps=20)
    next_ = jaxem.fit(MODEL, ROWS, init=START, weights=WEIGHTS, tolerance=0, max_steps=21)
    far = [np.abs(f.params["loc"] - fit.params["loc"]).max() for f in (near, next_)]
    assert far[1] / far[0] == pytest.approx(errors.rate, rel=0.02)


def test_a_quantity_has_the_error_of_the_delta_method(fit, errors):
    def distance(params):
        return {"apart": params["loc"][0, 0] - params["loc"][1, 0]}

    found = fit.errors(ROWS, of=distance, weights=WEIGHTS)
    i, j = (errors.names.index(f"loc[{k}, 0]") for k in (0, 1))
    c = errors.covariance
    assert found.se["apart"] == pytest.approx(np.sqrt(c[i, i] + c[j, j] - 2 * c[i, j]))
    assert found.estimate["apart"] == pytest.approx(
        fit.params["loc"][0, 0] - fit.params["loc"][1, 0]
    )
    assert found.names == ("apart",)


def test_profile_intervals_end_where_the_constrained_maximum_is_low_enough(fit, errors):
    interval = errors.profile("loc[1, 0]", "weights[0]")
    peak = at(mode(fit))
    for entry, index in (("loc", 2), ("weights", 0)):
        rest = [i for i in range(5) if i != index]

        def shortfall(value, index=index, rest=rest):
            def negative(free):
                theta = np.empty(5)
                theta[index], theta[rest] = value, free
                return -at(theta) if theta[3:].min() > 0.01 and 0.001 < theta[0] < 0.999 else 1e9

            best = minimize(negative, mode(fit)[rest], method="Nelder-Mead", tol=1e-11)
            return 2 * (peak + best.fun) - 3.841458820694124

        where = (1, 0) if entry == "loc" else (0,)
        for ends, side in ((interval.lower, -1), (interval.upper, 1)):
            middle, se = mode(fit)[index], float(errors.se[entry][where])
            expected = brentq(shortfall, middle + side * se, middle + side * 3 * se, xtol=1e-6)
            assert ends[entry][where] == pytest.approx(expected, abs=1e-4)
    assert np.isnan(interval.lower["variance"]).all()


def test_wald_intervals_stay_inside_the_support(errors):
    interval = errors.interval(0.999)
    low, high = interval.lower, interval.upper
    assert (low["variance"] > 0).all()
    assert (low["weights"] > 0).all() and (high["weights"] < 1).all()
    odds = np.log(errors.estimate["weights"] / (1 - errors.estimate["weights"]))
    ends = [np.log(w / (1 - w)) for w in (low["weights"], high["weights"])]
    np.testing.assert_allclose((ends[0] + ends[1]) / 2, odds, rtol=1e-6, atol=1e-9)
    assert low["loc"] + high["loc"] == pytest.approx(2 * errors.estimate["loc"])


@pytest.mark.long
def test_repeated_rows_are_integer_weights_and_their_copies_are_clusters(fit, errors):
    repeated = np.repeat(ROWS, WEIGHTS.astype(int), axis=0)
    copies = np.repeat(np.arange(120), WEIGHTS.astype(int))
    weighted = fit.errors(ROWS, kind="sandwich", weights=WEIGHTS)
    plain = jaxem.fit(MODEL, repeated, init=START)
    np.testing.assert_allclose(
        plain.errors(repeated, kind="sandwich").se["loc"], weighted.se["loc"], rtol=1e-5
    )
    as_clusters = plain.errors(repeated, kind="sandwich", clusters=copies)
    own = fit.errors(ROWS, kind="sandwich", clusters=np.arange(120), weights=WEIGHTS)
    np.testing.assert_allclose(as_clusters.se["loc"], own.se["loc"], rtol=1e-5)
    assert (own.se["loc"] > weighted.se["loc"]).all()


def test_sandwich_and_outer_by_hand(fit):
    theta, step = mode(fit), 1e-5

    def each(theta):
        m, v = theta[1:3], theta[3:5]
        logs = -0.5 * (np.log(2 * np.pi * v) + (ROWS - m) ** 2 / v)
        return np.logaddexp(np.log(theta[0]) + logs[:, 0], np.log1p(-theta[0]) + logs[:, 1])

    eye = step * np.eye(5)
    scores = np.stack([(each(theta + e) - each(theta - e)) / (2 * step) for e in eye], 1)
    spread = (scores * WEIGHTS[:, None]).T @ scores
    inverse = np.linalg.inv(-second_differences(at, theta))
    for kind, matrix in (
        ("sandwich", inverse @ spread @ inverse),
        ("outer", np.linalg.inv(spread)),
    ):
        se = fit.errors(ROWS, kind=kind, weights=WEIGHTS).se
        found = np.concatenate([se["weights"][:1], se["loc"][:, 0], se["variance"]])
        np.testing.assert_allclose(found, np.sqrt(np.diagonal(matrix)), rtol=1e-4)


def test_a_prior_adds_its_curvature():
    prior = {"rate": dist.Gamma(3.0, 2.0)}
    model = jaxem.Model(
        lambda params, z, x: dist.Poisson(params["rate"]).log_prob(x), jaxem.Finite(1), prior
    )
    counts = np.array([1, 4, 2, 0, 3])
    fit = jaxem.fit(model, counts)
    shape, rate = counts.sum() + 2, 5 + 2  # the mode is shape / rate, the curvature shape / mode^2
    se = fit.errors(counts).se["rate"]
    assert fit.params["rate"] == pytest.approx(shape / rate)
    assert se == pytest.approx(np.sqrt(shape) / rate)
    # In log rate the prior 2 log rate - 2 rate has the curvature 2 rate.
    outer = fit.errors(counts, kind="outer").se["rate"]
    mode = shape / rate
    assert outer == pytest.approx(mode / np.sqrt(np.var(counts) * 5 + 2 * mode))


def test_a_direction_that_is_not_identified_is_told_in_words():
    def log_joint(params, z, x):
        return dist.Normal(params["a"] + params["b"], params["scale"]).log_prob(x)

    model = jaxem.Model(
        log_joint,
        jaxem.Finite(1),
        {"a": jaxem.flat(), "b": jaxem.flat(), "scale": jaxem.flat((), constraints.positive)},
    )
    rows = ROWS[:, 0]
    errors = jaxem.fit(model, rows).errors(rows)
    assert errors.unidentified == ("+1 a, -1 b",)
    assert np.isnan(errors.se["a"]) and np.isnan(errors.se["b"])
    assert errors.se["scale"] == pytest.approx(rows.std() / np.sqrt(2 * len(rows)), rel=1e-6)
    assert "not identified" in str(errors)
    together = jaxem.fit(model, rows).errors(rows, of=lambda p: p["a"] + p["b"])
    assert together.se == pytest.approx(rows.std() / np.sqrt(len(rows)), rel=1e-6)
    with pytest.raises(jaxem.DeclarationError, match="identified in every direction"):
        errors.profile()


def test_a_saddle_has_no_standard_errors():
    """Two equal means, of a mixture whose components are narrower than the data."""

    def log_joint(params, z, x):
        return jnp.log(0.5) + dist.Normal(params["loc"][z], 0.5).log_prob(x)

    model = jaxem.Model(log_joint, jaxem.Finite(2), {"loc": jaxem.flat((2,))})
    rows = ROWS[:, 0]
    fit = jaxem.fit(model, rows, init={"loc": np.full(2, rows.mean())})
    assert fit.status == jaxem.Status.SADDLE
    errors = fit.errors(rows)
    assert errors.upward == ("+1 loc[0], -1 loc[1]",)
    assert "saddle" in str(errors)
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(errors.se))
    assert errors.rate > 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "bootstrap"}, "expected one of 'information', 'sandwich', 'outer'"),
        ({"clusters": np.zeros(120)}, 'give kind="sandwich"'),
        ({"kind": "outer", "clusters": np.zeros(3)}, r"shape \(3,\); expected \(120,\)"),
        ({"of": "loc"}, "must be a function"),
        ({"of": lambda p: p["mean"]}, "of.params. fails"),
        ({"of": lambda p: 3}, "floats"),
        ({"weights": np.ones(120)}, "the fit reports"),
    ],
)
def test_mistakes_are_told(fit, options, words):
    with pytest.raises(jaxem.DeclarationError, match=words):
        fit.errors(ROWS, **{"weights": WEIGHTS, **options})


def test_a_fit_that_was_cut_short_is_told():
    short = jaxem.fit(MODEL, ROWS, init=START, weights=WEIGHTS, max_steps=1)
    assert "ended with the status 'step limit'" in short.errors(ROWS, weights=WEIGHTS).notes[-1]


def test_an_unknown_entry_and_level_are_told(errors):
    with pytest.raises(jaxem.DeclarationError, match="no entry 'mean'"):
        errors.profile("mean")
    with pytest.raises(jaxem.DeclarationError, match="between 0 and 1"):
        errors.interval(95)


def test_a_hard_fit_has_no_information():
    hard = jaxem.fit(MODEL, ROWS, init=START, algorithm=jaxem.EM(jaxem.Hard()))
    with pytest.raises(jaxem.DeclarationError, match="classification log likelihood"):
        hard.errors(ROWS)


def test_single_precision(fit, errors, float32):
    single = jaxem.zoo.gaussian_mixture(2, 1, "spherical")
    rows = ROWS.astype(np.float32)
    found = jaxem.fit(single, rows, init=START, weights=WEIGHTS).errors(rows, weights=WEIGHTS)
    for name in ("loc", "variance", "weights"):
        np.testing.assert_allclose(found.se[name], errors.se[name], rtol=2e-2)
    assert not found.unidentified and not found.upward


def test_a_loaded_fit_has_the_same_errors(fit, errors, tmp_path):
    fit.save(tmp_path / "fit")
    again = jaxem.load(tmp_path / "fit", MODEL).errors(ROWS, weights=WEIGHTS)
    np.testing.assert_allclose(again.se["loc"], errors.se["loc"], rtol=1e-10)


def test_a_table_has_every_entry(errors):
    lines = str(errors).splitlines()
    assert all(any(line.startswith(name) for line in lines) for name in errors.names)
    assert jnp.isfinite(errors.rate)
