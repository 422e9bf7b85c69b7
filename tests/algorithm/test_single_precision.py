"""In single precision accelerated runs end, at the same optimum, or say that they are not there."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from tests.cases.counts import death_notices
from tests.cases.published import case

WAYS = {
    "plain": {},
    "squarem": {"algorithm": jaxem.Squarem()},
    "anderson": {"algorithm": jaxem.Anderson()},
    "finish": {"finish": "newton"},
}
ULP = float(np.finfo(np.float32).eps)


def in_double(declared, params):
    """The objective of parameters as it is, whatever precision they were found in."""
    with jax.enable_x64(True):
        exact = {name: np.asarray(value, float) for name, value in params.items()}
        exact["weights"] = exact["weights"] / exact["weights"].sum()
        return float(declared.model.log_likelihood(exact, declared.data, declared.weights))


QUICK = ("anderson", "finish")


@pytest.mark.parametrize(
    "way", [w if w in QUICK else pytest.param(w, marks=pytest.mark.long) for w in WAYS]
)
def test_the_flattest_of_likelihoods(way):
    """Converged within what single precision tells of the objective; or it says that it is not."""
    best = case("poisson_mix_death_notices")["reference"]["loglik"]
    with jax.enable_x64(False):
        declared = death_notices()
        fit = declared.fit(**WAYS[way])
    assert fit.trace.dtype == np.float32 and fit.steps < 2500
    left = best - in_double(death_notices(), fit.params)
    noise = 10 * (8 + 0.25 * 10**0.5) * ULP * abs(best)
    assert fit.status in (jaxem.Status.CONVERGED, jaxem.Status.STALLED)
    assert left < (noise if fit.converged else 0.1)
    assert fit.converged or way == "plain"


def test_what_is_short_of_its_optimum_has_not_converged():
    """Two tight clusters that overlap, far from zero: EM creeps, by less than rounding a step."""

    def log_joint(params, z, x):
        density = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)
        return jnp.log(params["weights"][z]) + density

    def model():
        prior = {
            "weights": jaxem.flat((3,), constraints.simplex),
            "loc": jaxem.flat((3,)),
            "scale": jaxem.flat((3,), constraints.positive),
        }
        return jaxem.Model(log_joint, jaxem.Finite(3), prior)

    rng = np.random.default_rng(0)
    pieces = [(50, 1e-3), (50.0015, 1e-3), (53, 5)]
    x = np.concatenate([rng.normal(*piece, 200) for piece in pieces]).astype(np.float32)
    start = {
        "weights": np.full(3, 1 / 3),
        "loc": np.array([49.999, 50.002, 51.5]),
        "scale": np.array([1.5e-3, 1.5e-3, 7.5]),
    }
    with jax.enable_x64(False):
        fit = jaxem.fit(model(), x, init=start)
    assert fit.steps < 1000
    assert fit.status == jaxem.Status.STALLED
