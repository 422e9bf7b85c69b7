"""In single precision replaced data are used where they serve, and left where they do not."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

ULP = float(np.finfo(np.float32).eps)
_rng = np.random.default_rng(6)


@dataclasses.dataclass(frozen=True)
class Case:
    """Rows that single precision holds exactly, and where to start."""

    rows: np.ndarray
    loc: tuple[float, float]
    scale: tuple[float, float]


def _case(first: tuple[float, float], second: tuple[float, float]) -> Case:
    pieces = [_rng.normal(loc, scale, 200) for loc, scale in (first, second)]
    start = np.array([first[0] + 0.3 * first[1], second[0] - 0.3 * second[1]])
    return Case(
        np.concatenate(pieces).astype(np.float32),
        (float(start[0]), float(start[1])),
        (1.5 * first[1], 1.5 * second[1]),
    )


CASES = {
    "ordinary": _case((0.0, 1.0), (7.0, 1.5)),
    "tight": _case((0.0, 1.0), (0.5, 1e-4)),
    "far from zero": _case((1e3, 1.0), (1e3 + 5, 2.0)),
}


def _model() -> jaxem.Model:
    def log_joint(params, z, x):
        density = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)
        return jnp.log(params["weights"][z]) + density

    prior = {
        "weights": jaxem.flat((2,), constraints.simplex),
        "loc": jaxem.flat((2,)),
        "scale": jaxem.flat((2,), constraints.positive),
    }
    return jaxem.Model(log_joint, jaxem.Finite(2), prior)


@functools.cache
def fitted(name: str, double: bool) -> jaxem.Fit:
    case = CASES[name]
    start = {"weights": np.full(2, 0.5), "loc": np.array(case.loc), "scale": np.array(case.scale)}
    with jax.enable_x64(double):
        return jaxem.fit(_model(), case.rows, init=start)


@pytest.fixture(params=CASES)
def name(request):
    return request.param


def test_the_objective_is_that_of_double_precision(name):
    """To some ulps of it, and what half an ulp of a location costs in its own deviations."""
    single, double = fitted(name, False), fitted(name, True)
    assert np.asarray(single.params["loc"]).dtype == np.float32
    moved = np.abs(double.params["loc"]) * ULP / double.params["scale"]
    slack = 64 * ULP * (1 + abs(double.objective)) + 400 * float(np.max(moved)) ** 2
    assert slack < 0.1
    assert abs(single.objective - double.objective) < slack


def test_the_parameters_are_those_of_double_precision(name):
    single, double = fitted(name, False).params, fitted(name, True).params
    root = 10 * ULP**0.5
    scale = double["scale"]
    ulps = 8 * ULP * np.abs(double["loc"])
    assert np.all(np.abs(single["loc"] - double["loc"]) < root * scale + ulps)
    np.testing.assert_allclose(single["scale"], scale, rtol=root)
    np.testing.assert_allclose(single["weights"], double["weights"], atol=root)


def test_the_objective_never_falls_by_more_than_rounding(name):
    trace = fitted(name, False).trace
    assert len(trace) == fitted(name, False).steps + 1
    assert np.all(np.diff(trace) >= -32 * ULP * (1 + np.abs(trace[1:])))


def test_a_fit_ends_well(name):
    assert fitted(name, False).status in (jaxem.Status.CONVERGED, jaxem.Status.STALLED)
    assert fitted(name, True).converged


@pytest.mark.parametrize("easy", ["ordinary", "far from zero"])
def test_ordinary_data_stay_on_the_product(easy):
    route = fitted(easy, False).plan.route
    assert route.path == "product"
    assert route.changes == ()
    assert route.guards


def test_tight_clusters_leave_the_product():
    route = fitted("tight", False).plan.route
    assert route.path == "product"
    assert route.changes
    assert any(not (guard.bound <= 1e-2 and guard.error <= 1e-3) for guard in route.guards)
