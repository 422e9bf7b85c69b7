"""Second derivatives on replaced data are those of the log joint at every row."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem
from jaxem.data.replaced import make_replaced
from jaxem.errors.surface import Surface
from jaxem.estep.anchored import Anchored
from jaxem.likelihood.chart import make_chart
from jaxem.likelihood.units import make_units
from jaxem.model.binding import bind_steps


def test_the_information_is_that_of_all_rows():
    """With a prior, a share of rows that are equal, and weights."""
    rng = np.random.default_rng(2)
    x = np.round(np.concatenate([rng.gamma(2.0, size=80), rng.gamma(9.0, size=70)]), 1) + 0.1
    weights = rng.integers(0, 3, 150).astype(float)
    model = jaxem.Model(
        lambda p, z, x: jnp.log(p["w"][z]) + dist.Gamma(p["a"][z], p["b"][z]).log_prob(x),
        jaxem.Finite(2),
        {
            "w": dist.Dirichlet(jnp.full(2, 3.0)),
            "a": jaxem.flat((2,), constraints.positive),
            "b": dist.Gamma(jnp.full(2, 2.0), 1.0),
        },
    )
    fit = jaxem.fit(model, x, weights=weights)
    bound = bind_steps(model, x)
    chart, _ = make_chart(model, model.flatten(fit.params), {}, {}, weights.sum())
    replaced = make_replaced(fit.plan, bound, weights)
    assert isinstance(replaced, Anchored)
    units = make_units(bound, weights, merge=True)
    found = [
        Surface(model, chart, own, None, fit.compile).curvature()
        for own in (units, dataclasses.replace(units, replaced=replaced))
    ]
    rows, products = found
    np.testing.assert_allclose(products.value, rows.value, rtol=1e-12)
    np.testing.assert_allclose(products.gradient, rows.gradient, atol=1e-7)
    for name in ("observed", "complete", "prior"):
        one, other = getattr(rows, name), getattr(products, name)
        scale = np.sqrt(np.outer(np.diag(rows.complete), np.diag(rows.complete)))
        np.testing.assert_allclose(other / scale, one / scale, atol=1e-9)
