"""Programs run forward: moments that are known, and programs that cannot be."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

import jaxem
from jaxem.programs.simulate import Simulator
from jaxem.simulation.record import as_drawn

Y = np.arange(42.0).reshape(6, 7) % 5
STAY, LOC = np.array([0.8, 0.6]), np.array([-2.0, 3.0])


def mixture(record, kinds):
    weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(kinds)))
    loc = numpyro.param("loc", jnp.ones(kinds))
    with numpyro.plate("data", len(record["effect"]), subsample_size=2):
        z = numpyro.sample("z", dist.Categorical(weights))
        dose = numpyro.subsample(record["dose"], event_dim=0)
        effect = numpyro.subsample(record["effect"], event_dim=0)
        numpyro.sample("effect", dist.Normal(loc[z] * dose, 1.0), obs=effect)


def chain(y, lag=False):
    """Time is the second axis of the data, and the first of the scan."""
    stay = numpyro.sample("stay", dist.Beta(jnp.ones(2), 1.0).to_event(1))
    loc = numpyro.sample("loc", dist.Normal(jnp.zeros(2), 5.0).to_event(1))

    def step(carry, datum):
        z, before = carry
        with numpyro.plate("series", y.shape[0]):
            z = numpyro.sample("z", dist.Bernoulli(jnp.where(z == 0, 1 - stay[0], stay[1])))
            numpyro.sample("y", dist.Normal(loc[z] + lag * 0.5 * before, 1.0), obs=datum)
        return (z, datum), None

    scan(step, (jnp.zeros(y.shape[0], int), jnp.zeros(y.shape[0])), y.T)


def drawn(program, data, params, draws, key=0, **constants):
    model, _ = jaxem.from_numpyro(program, **constants).bind(data)
    simulator = Simulator(model, data)
    params = {name: jnp.asarray(value) for name, value in params.items()}
    found = simulator.draw(params, draws, key, False, lambda name, function: function)
    return simulator.data(found.observed, as_drawn), found.latents


def test_a_mixture_has_its_moments():
    dose = np.tile([1.0, 2.0], 50)
    data = {"record": {"effect": np.arange(100.0), "dose": dose}}
    params = {"weights": [0.3, 0.7], "loc": [1.0, 6.0]}
    found, latents = drawn(mixture, data, params, 200, kinds=2)
    effects, z = found["record"]["effect"], latents["z"]
    assert set(found) == {"record"} and effects.shape == z.shape == (200, 100)
    np.testing.assert_array_equal(found["record"]["dose"][7], dose)
    assert abs((z == 1).mean() - 0.7) < 4 * np.sqrt(0.21 / z.size)
    for kind in range(2):
        for d in (1.0, 2.0):
            some = effects[(z == kind) & (dose == d)]
            assert abs(some.mean() - params["loc"][kind] * d) < 4 / np.sqrt(len(some))
            assert abs(some.std() - 1) < 4 / np.sqrt(2 * len(some))


def test_a_scan_has_its_transitions_and_its_places():
    found, latents = drawn(chain, Y, {"stay": STAY, "loc": LOC}, 100)
    z = np.moveaxis(latents["z"], 1, 2)  # of a site in a scan, time comes first
    assert found.shape == z.shape == (100, 6, 7)
    noise = found - LOC[z]
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * noise.size)
    before = np.concatenate([np.zeros((100, 6, 1), int), z[..., :-1]], -1)
    for state in range(2):
        stays = (z == before)[before == state]
        assert abs(stays.mean() - STAY[state]) < 4 * np.sqrt(0.25 / len(stays))


@pytest.mark.long
def test_a_lag_of_the_argument_is_found_out():
    """The next step would depend on the datum that was there before, not on the one drawn."""
    with pytest.raises(jaxem.DeclarationError, match=r"carry what numpyro\.sample returns"):
        drawn(chain, Y, {"stay": STAY, "loc": LOC}, 1, lag=True)


def test_what_only_says_how_probable_data_are_is_refused():
    def computed(x):
        loc = numpyro.sample("loc", dist.Normal(jnp.zeros(2), 5.0).to_event(1))
        with numpyro.plate("data", len(x)):
            z = numpyro.sample("z", dist.Bernoulli(0.5))
            numpyro.sample("log x", dist.Normal(loc[z], 1.0), obs=jnp.log(x))

    def factored(x):
        loc = numpyro.sample("loc", dist.Normal(jnp.zeros(2), 5.0).to_event(1))
        with numpyro.plate("data", len(x)):
            z = numpyro.sample("z", dist.Bernoulli(0.5))
            numpyro.factor("near", dist.Normal(loc[z], 1.0).log_prob(x))

    x = np.array([1.0, 2.5, 3.0, 0.5])
    with pytest.raises(jaxem.DeclarationError, match="'log x' is no argument of the program"):
        drawn(computed, x, {"loc": LOC}, 1)
    with pytest.raises(jaxem.DeclarationError, match="the factor 'near'"):
        drawn(factored, x, {"loc": LOC}, 1)
