"""A declared model as a NumPyro program: the same density as NumPyro's own enumeration."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.distributions import biject_to, constraints
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoLaplaceApproximation
from numpyro.infer.util import constrain_fn, initialize_model, potential_energy

import jaxem
from jaxem.likelihood.units import make_source
from jaxem.model.binding import Bound
from jaxem.posterior.target import Target

from .problems import PAIRS, beta_bernoulli, mixture


def by_enumeration(x, weights):
    """The mixture as one writes it in NumPyro, its states enumerated by NumPyro."""
    w = numpyro.sample("weights", dist.Dirichlet(jnp.array([2.0, 3.0])))
    centre = numpyro.sample("centre", dist.Normal(0.0, 5.0))
    scale = numpyro.sample("part.scale", dist.InverseGamma(jnp.full(2, 3.0), 2.0).to_event(1))
    loc = numpyro.sample("part.loc", dist.Normal(centre, 2 * scale).to_event(1))
    with numpyro.plate("rows", len(x)), handlers.scale(scale=weights):
        z = numpyro.sample("z", dist.Categorical(w), infer={"enumerate": "parallel"})
        numpyro.sample("x", dist.Normal(loc[z], scale[z]), obs=x)


def points(model, count, rng):
    """Points in unconstrained coordinates, by dotted name."""
    return [
        {p.name: jnp.asarray(rng.normal(size=p.unconstrained_shape)) for p in model.free}
        for _ in range(count)
    ]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_density_is_that_of_enumeration(weighted):
    pytest.importorskip("funsor")
    weights = np.where(np.arange(len(PAIRS)) % 3 == 0, 2.0, 1.0) if weighted else None
    scales = 1.0 if weights is None else weights
    if weighted:  # NumPyro scales a site, not the sum over its states: repeat the rows instead
        rows, scales = np.repeat(PAIRS, weights.astype(int)), 1.0
    else:
        rows = PAIRS
    theirs = initialize_model(jax.random.key(0), by_enumeration, model_args=(rows, scales))
    program = jaxem.to_numpyro(mixture(), PAIRS, weights=weights)
    rng = np.random.default_rng(0)
    for u in points(mixture(), 4, rng):
        expected = theirs.potential_fn(u)
        np.testing.assert_allclose(potential_energy(program, (), {}, u), expected, rtol=1e-10)


def test_the_density_that_is_sampled_is_that_of_the_program():
    """Priors that depend on one another; a simplex and scales, which have a Jacobian."""
    model = mixture()
    target = Target(model, make_source(Bound(model, PAIRS, None), np.ones(len(PAIRS))))
    program = jaxem.to_numpyro(model, PAIRS)
    for u in points(model, 3, np.random.default_rng(2)):
        expected = potential_energy(program, (), {}, u)
        np.testing.assert_allclose(target.potential(u), expected, rtol=1e-12)
        values = constrain_fn(program, (), {}, u)
        for name, value in target.constrain(u).items():
            np.testing.assert_allclose(value, values[name], rtol=1e-12)


def test_it_is_likelihood_prior_and_jacobian():
    """Every support with a Jacobian of its own; blocks of rows; rows of weight zero."""
    model = jaxem.Model(
        lambda params, z, x: (
            jnp.log(params["weights"][z])
            + dist.MultivariateNormal(params["loc"][z], params["cov"]).log_prob(x)
        ),
        jaxem.Finite(2),
        {
            "weights": jaxem.flat((2,), constraints.simplex),
            "loc": jaxem.flat((2, 2)),
            "cov": jaxem.flat((2, 2), constraints.positive_definite),
        },
    )
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=(150_000, 2)), rng.integers(0, 3, 150_000).astype(float)
    program = jaxem.to_numpyro(model, x, weights=weights)
    (u,) = points(model, 1, rng)
    transforms = {p.name: biject_to(p.constraint) for p in model.free}
    values = {name: transforms[name](value) for name, value in u.items()}
    expected = float(model.log_likelihood(values, x, weights) + model.log_prior(values))
    for name, t in transforms.items():
        expected += float(jnp.sum(t.log_abs_det_jacobian(u[name], values[name])))
    np.testing.assert_allclose(-potential_energy(program, (), {}, u), expected, rtol=1e-10)


def test_sites_have_the_declared_names_and_the_factor_stands_in_a_plate():
    program = jaxem.to_numpyro(beta_bernoulli())
    seeded = handlers.seed(program, jax.random.key(0))
    trace = handlers.trace(seeded).get_trace(np.array([1, 0, 1]), np.array([1.0, 0.0, 2.0]))
    assert trace["kind"]["type"] == "deterministic"
    assert trace["coin.heads"]["type"] == "sample"
    assert trace["rows"]["type"] == "plate" and trace["rows"]["args"][0] == 3
    factors = trace["log_likelihood"]["fn"].log_prob(trace["log_likelihood"]["value"])
    heads = trace["coin.heads"]["value"]
    expected = [jnp.log(heads), 0.0, 2 * jnp.log(heads)]
    np.testing.assert_allclose(factors, expected, rtol=1e-12)


def test_a_parameter_may_have_the_name_of_a_site():
    model = jaxem.Model(
        lambda params, z, x: dist.Normal(params["rows"], 1.0).log_prob(x),
        jaxem.Finite(1),
        {"rows": dist.Normal(0.0, 1.0)},
    )
    seeded = handlers.seed(jaxem.to_numpyro(model, np.arange(3.0)), jax.random.key(0))
    trace = handlers.trace(seeded).get_trace()
    assert trace["rows"]["type"] == "sample" and trace["rows_"]["type"] == "plate"


def test_numpyro_s_own_inference_runs_on_it():
    """Flat priors, rows given when it runs; the guide's mode is that of the same density."""
    model = jaxem.Model(
        lambda params, z, x: dist.Normal(params["loc"], jnp.exp(params["log_scale"])).log_prob(x),
        jaxem.Finite(1),
        {"loc": jaxem.flat(), "log_scale": jaxem.flat()},
    )
    program = jaxem.to_numpyro(model)
    guide = AutoLaplaceApproximation(program)
    svi = SVI(program, guide, numpyro.optim.Minimize(), Trace_ELBO())
    x = np.array([0.5, 1.0, 3.0, 4.5])
    state, _ = svi.update(svi.init(jax.random.key(0), x), x)
    mode = guide.median(svi.get_params(state))
    np.testing.assert_allclose(mode["loc"], x.mean(), rtol=1e-4)
    np.testing.assert_allclose(jnp.exp(mode["log_scale"]), x.std(), rtol=1e-4)
