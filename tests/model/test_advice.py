"""Common mistakes in a log joint are told with what to do."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

ROWS = np.random.default_rng(0).normal(size=20)
SCALES = np.array([0.5, 1.0])
PRIOR = {"weights": jaxem.flat((2,), constraints.simplex), "loc": jaxem.flat((2,))}


def log_density(p, z, x, scale=1.0):
    return jnp.log(p["weights"][z]) + dist.Normal(p["loc"][z], scale).log_prob(x)


def branches(p, z, x):
    if z == 0:
        return log_density(p, 0, x)
    return log_density(p, 1, x)


def all_states(p, z, x):
    return jnp.log(p["weights"]) + dist.Normal(p["loc"], 1.0).log_prob(x)


MISTAKES = [
    (branches, r"jnp\.where"),
    (all_states, r"index the parameters by the state.*\[z\]"),
    (lambda p, z, x: log_density(p, z, x, SCALES[z]), r"jnp\.asarray\(table\)\[z\]"),
    (lambda p, z, x: np.log(p["weights"][z]), r"jax\.numpy in place of numpy"),
    (lambda p, z, x: float(log_density(p, z, x)), "leave them JAX arrays"),
    (lambda p, z, x: None, "return statement"),
    (lambda p, z, x: (log_density(p, z, x), 0.0), "their sum alone"),
    (lambda p, z, x: "density", "a JAX scalar"),
]


@pytest.mark.parametrize(("log_joint", "advice"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_told_with_its_remedy(log_joint, advice):
    model = jaxem.Model(log_joint, jaxem.Finite(2), PRIOR)
    with pytest.raises(jaxem.DeclarationError, match=advice) as told:
        jaxem.fit(model, ROWS)
    assert ".." not in str(told.value)


def test_independent_entries_of_a_datum_are_summed():
    model = jaxem.Model(log_density, jaxem.Finite(2), PRIOR)
    with pytest.raises(jaxem.DeclarationError, match=r"\.sum\(\)") as told:
        jaxem.fit(model, np.ones((20, 3)))
    assert "index the parameters" not in str(told.value)


def test_a_fit_is_no_model_and_a_model_no_fit():
    model = jaxem.Model(log_density, jaxem.Finite(2), PRIOR)
    fit = jaxem.fit(model, ROWS, restarts=2, max_steps=3)
    for call in (jaxem.fit, jaxem.cross_validate):
        with pytest.raises(jaxem.DeclarationError, match="an object of type Fit"):
            call(fit, ROWS)
    takes_fits = (
        jaxem.bootstrap,
        jaxem.criteria,
        jaxem.diagnose,
        jaxem.landscape,
        jaxem.posterior.laplace,
        jaxem.posterior.nuts,
    )
    for call in takes_fits:
        with pytest.raises(jaxem.DeclarationError, match=r"takes a fit.*type Model"):
            call(model, ROWS)


def test_a_quantity_of_no_module_has_errors():
    scope: dict = {"__name__": None}
    exec("def first(p): return p['loc'][0]", scope)
    assert scope["first"].__module__ is None
    fit = jaxem.fit(jaxem.Model(log_density, jaxem.Finite(2), PRIOR), ROWS, restarts=2)
    assert fit.errors(ROWS, of=scope["first"]).estimate == fit.params["loc"][0]
