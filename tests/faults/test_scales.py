"""Data far from zero, or tiny, are the same data."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

from .mixtures import positive, weights

_rng = np.random.default_rng(0)
HEAPS = np.array([[0.0, 0.0], [4.0, 1.0]])
DATA = np.concatenate([_rng.normal(c, [1.0, 0.7], size=(30, 2)) for c in HEAPS])
#: How well a double far from zero holds the data.
HELD = 1e-6


def full():
    def log_joint(params, z, x):
        density = dist.MultivariateNormal(params["loc"][z], params["spread"][z]).log_prob(x)
        return jnp.log(params["weights"][z]) + density

    prior = {
        "loc": jaxem.flat((2, 2)),
        "spread": jaxem.flat((2, 2, 2), constraints.positive_definite),
    }
    return jaxem.Model(log_joint, latent=jaxem.Finite(2), prior={"weights": weights(2), **prior})


def diagonal():
    def log_joint(params, z, x):
        density = dist.Normal(params["loc"][z], params["spread"][z]).log_prob(x).sum()
        return jnp.log(params["weights"][z]) + density

    prior = {"loc": jaxem.flat((2, 2)), "spread": positive(2, 2)}
    return jaxem.Model(log_joint, latent=jaxem.Finite(2), prior={"weights": weights(2), **prior})


MODELS = {"full": full, "diagonal": diagonal}


@pytest.fixture(scope="module", params=MODELS)
def make(request):
    return MODELS[request.param]


@pytest.fixture(scope="module")
def centred(make):
    """The fit of the data as they are, labels in the order of the first centre."""
    return fit(make(), DATA)


def fit(model, data):
    found = jaxem.fit(model, data, restarts=4, key=0)
    order = np.argsort(found.params["loc"][:, 0])
    return found, {name: value[order] for name, value in found.params.items()}


def test_an_offset_moves_the_centres_and_nothing_else(make, centred, offset=1e8):
    """The plan is made on these data, too: a model that has seen no others."""
    reference, expected = centred
    found, params = fit(make(), DATA + offset)
    assert found.converged, found.status.sentence
    assert abs(found.log_likelihood - reference.log_likelihood) < 60 * HELD
    np.testing.assert_allclose(params["loc"] - offset, expected["loc"], rtol=0, atol=10 * HELD)
    for name in ("weights", "spread"):
        np.testing.assert_allclose(params[name], expected[name], rtol=20 * HELD, atol=20 * HELD)


def test_a_scale_is_a_unit(make, centred, scale=1e-8):
    reference, expected = centred
    found, params = fit(make(), DATA * scale)
    assert found.converged, found.status.sentence
    jacobian = DATA.size * np.log(scale)
    assert abs(found.log_likelihood + jacobian - reference.log_likelihood) < 1e-6
    np.testing.assert_allclose(params["loc"], scale * expected["loc"], rtol=1e-4, atol=1e-5 * scale)
    unit = scale**2 if make is full else scale
    np.testing.assert_allclose(
        params["spread"], unit * expected["spread"], rtol=1e-4, atol=1e-5 * unit
    )


def test_columns_may_have_very_different_units(make, centred):
    reference, expected = centred
    found, params = fit(make(), DATA * [1e6, 1e-6] + [1e9, 0.0])
    assert found.converged, found.status.sentence
    assert abs(found.log_likelihood - reference.log_likelihood) < 60 * HELD
    np.testing.assert_allclose(params["weights"], expected["weights"], rtol=1e-4)
