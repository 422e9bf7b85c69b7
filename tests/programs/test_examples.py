"""Programs as people write them: sizes read off the data, decorators, subsamples, masks, plates."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.distributions import constraints
from numpyro.infer.util import log_density

import jaxem

from . import annotation

WHO, SAID = annotation.annotations()


def documented(data):
    """The Gaussian mixture of NumPyro's documentation."""
    weights = numpyro.sample("weights", dist.Dirichlet(0.5 * jnp.ones(2)))
    scale = numpyro.sample("scale", dist.LogNormal(0.0, 2.0))
    with numpyro.plate("components", 2):
        locs = numpyro.sample("locs", dist.Normal(0.0, 10.0))
    with numpyro.plate("data", len(data)):
        assignment = numpyro.sample("assignment", dist.Categorical(weights))
        numpyro.sample("obs", dist.Normal(locs[assignment], scale), obs=data)


MIXTURE = jaxem.from_numpyro(documented)
FIVE = jnp.array([0.0, 1.0, 10.0, 11.0, 12.0])


@pytest.mark.parametrize(
    ("program", "data"),
    [
        (documented, {"data": FIVE}),
        (annotation.multinomial, {"annotations": SAID}),
        (annotation.dawid_skene, {"positions": WHO, "annotations": SAID}),
        (annotation.mace, {"positions": WHO, "annotations": SAID}),
        (annotation.hierarchical_dawid_skene, {"positions": WHO, "annotations": SAID}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_the_joint_is_what_numpyro_says(program, data):
    """`log_density` of NumPyro at given parameters and hidden states."""
    model, rows = jaxem.from_numpyro(program).bind(data)
    rng = np.random.default_rng(0)
    params = {p.name: p.center() for p in model.parameters}
    n = len(next(iter(rows.values())))
    states = rng.integers(model.latent.size, size=n)
    table = np.asarray(jax.jit(model.log_factors)(params, rows))
    values = {**params, **model.datum.states.values_of_all(states, (n,))}
    said, _ = log_density(program, (), data, values)
    found = table[np.arange(n), states].sum() + model.log_prior(params)
    assert float(found) == pytest.approx(float(said), rel=1e-10)


@pytest.mark.long
def test_the_documented_mixture_is_fitted():
    fit = jaxem.fit(MIXTURE, FIVE, restarts=4)
    assert fit.converged
    np.testing.assert_allclose(np.sort(fit.params["locs"]), [0.5, 11.0], atol=0.05)
    np.testing.assert_array_equal(np.unique(fit.predict(FIVE)[:2]), fit.predict(FIVE)[:1])


def test_what_nothing_depends_on_is_left_out():
    """The unobserved part of a masked site, and a prediction, integrate to one."""

    def program(y, seen):
        loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        numpyro.sample("anywhere", dist.Normal(loc[0], 1.0))
        with numpyro.plate("data", len(y)):
            z = numpyro.sample("z", dist.Categorical(jnp.array([0.3, 0.7])))
            numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y, obs_mask=seen)
            numpyro.sample("next", dist.Normal(loc[z], 1.0))

    y = np.random.default_rng(1).normal(size=20)
    seen = np.arange(20) % 3 > 0
    model, rows = jaxem.from_numpyro(program).bind({"y": y, "seen": seen})
    assert [p.name for p in model.parameters] == ["loc"]
    loc = np.array([-1.0, 2.0])
    found = np.asarray(model.log_factors({"loc": loc}, rows))
    density = np.asarray(dist.Normal(loc, 1.0).log_prob(y[:, None]))
    np.testing.assert_allclose(found, np.log([0.3, 0.7]) + seen[:, None] * density, rtol=1e-12)


def configurations(y, effect):
    """Hidden states in two plates at once; a parameter and an observed site in the outer one."""
    groups, members = y.shape
    loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
    with numpyro.plate("group", groups, dim=-2):
        weights = numpyro.sample("weights", dist.Dirichlet(2.0 * jnp.ones(2)))
        shift = numpyro.sample("shift", dist.Normal(0.0, 1.0))
        numpyro.sample("effect", dist.Normal(shift, 0.1), obs=effect)
        with numpyro.plate("member", members, dim=-1):
            z = numpyro.sample("z", dist.Categorical(weights))
            numpyro.sample("y", dist.Normal(loc[z] + shift, 1.0), obs=y)


def test_a_datum_may_be_an_element_of_two_plates():
    rng = np.random.default_rng(2)
    y, effect = rng.normal(size=(4, 6)), rng.normal(size=(4, 1))
    model, rows = jaxem.from_numpyro(configurations).bind({"y": y, "effect": effect})
    params = {
        "loc": np.array([-1.0, 2.0]),
        "weights": rng.dirichlet([3.0, 3.0], size=(4, 1)),
        "shift": rng.normal(size=(4, 1)),
    }
    states = rng.integers(2, size=24)
    table = np.asarray(jax.jit(model.log_factors)(params, rows))
    found = table[np.arange(24), states].sum()
    values = {**params, "z": states.reshape(4, 6)}
    said, _ = log_density(configurations, (y, effect), {}, values)
    assert float(found + model.log_prior(params)) == pytest.approx(float(said), rel=1e-10)
    assert model.nest({p.name: p.shape for p in model.parameters}) == {
        "loc": (2,),
        "weights": (4, 1, 2),
        "shift": (4, 1),
    }


def test_deterministic_sites_are_told_at_the_mode():
    def program(y):
        loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        numpyro.deterministic("gap", loc[1] - loc[0])
        with numpyro.plate("data", len(y)):
            z = numpyro.sample("z", dist.Categorical(jnp.array([0.5, 0.5])))
            numpyro.deterministic("mean of its component", loc[z])
            numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)

    y = np.array([-4.0, -3.5, 3.0, 3.5, 4.5])
    program = jaxem.from_numpyro(program)
    params = {"loc": np.array([-3.0, 4.0])}
    told = program.deterministic(params, y)
    assert told["gap"] == 7.0
    np.testing.assert_allclose(told["mean of its component"], [-3.0, -3.0, 4.0, 4.0, 4.0])
    model, _ = program.bind(y)
    assert model.deterministic(params, y[1:3])["mean of its component"].tolist() == [-3.0, 4.0]


def test_a_read_argument_may_carry_rows_and_index():
    """Who said it is in the rows, and the number of annotators is read off them."""

    def program(who, said):
        annotators, classes = int(np.max(who)) + 1, int(said.max()) + 1
        shape = (annotators, classes, classes)
        beta = numpyro.param("beta", jnp.full(shape, 1 / classes), constraint=constraints.simplex)
        with numpyro.plate("item", len(said), dim=-2):
            c = numpyro.sample("c", dist.DiscreteUniform(0, classes - 1))
            with numpyro.plate("place", said.shape[1]):
                numpyro.sample("said", dist.Categorical(beta[jnp.asarray(who), c]), obs=said)

    rng = np.random.default_rng(3)
    who = np.stack([rng.permutation(5)[:3] for _ in range(25)])
    said = rng.integers(3, size=(25, 3))
    program = jaxem.from_numpyro(program)
    model, rows = program.bind({"who": who, "said": said})
    assert model.parameter("beta").shape == (5, 3, 3)
    beta = rng.dirichlet(np.ones(3), size=(5, 3))
    expected = np.log(beta[who[:, :, None], np.arange(3), said[:, :, None]]).sum(1) - np.log(3)
    np.testing.assert_allclose(model.log_factors({"beta": beta}, rows), expected, rtol=1e-10)
    assert program.bind({"who": who.copy(), "said": said})[0] is model
    assert program.bind({"who": who.clip(max=3), "said": said})[0] is not model


@pytest.mark.long
def test_plans_and_traces_are_shared():
    program = MIXTURE
    jaxem.explain(program, FIVE)
    model, _ = program.bind({"data": FIVE + 1.0})
    before = model.traces
    fit = jaxem.fit(program, FIVE, restarts=4)
    assert fit.model is model
    assert model.traces == before
    assert len(model.known) == 1
    assert program.bind(jnp.append(FIVE, 3.0))[0] is not model


def test_a_fit_is_saved_and_loaded(tmp_path):
    fit = jaxem.fit(MIXTURE, FIVE, restarts=4)
    fit.save(tmp_path / "fit")
    again = jaxem.load(tmp_path / "fit", MIXTURE)
    assert "5 rows" in str(again)
    np.testing.assert_allclose(again.responsibilities(FIVE), fit.responsibilities(FIVE))
    new = {"data": jnp.array([0.5, 9.0, 20.0])}
    np.testing.assert_allclose(again.log_density(new), fit.log_density(new), rtol=1e-12)
    q = jaxem.expected_log_joint(MIXTURE, FIVE, at=fit.params)
    gradient = jax.grad(lambda locs: q({**fit.params, "locs": locs}))(fit.params["locs"])
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4)


def test_single_precision(float32):
    start = {"weights": np.array([0.4, 0.6]), "scale": np.array(1.0), "locs": np.array([0.0, 9.0])}
    fit = jaxem.fit(jaxem.from_numpyro(documented), np.float32(FIVE), init=start)
    assert fit.params["locs"].dtype == np.float32
    np.testing.assert_allclose(np.sort(fit.params["locs"]), [0.5, 11.0], atol=0.05)


def test_a_scoped_site_keeps_its_name(tmp_path):
    def program(y):
        with handlers.scope(prefix="inner"):
            loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        with numpyro.plate("data", len(y)):
            z = numpyro.sample("z", dist.Categorical(jnp.array([0.5, 0.5])))
            numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)

    start = {"inner/loc": np.array([0.0, 9.0])}
    fit = jaxem.fit(jaxem.from_numpyro(program), FIVE, init=start, max_steps=2)
    fit.save(tmp_path / "fit")
    again = jaxem.load(tmp_path / "fit", fit.model)
    np.testing.assert_array_equal(again.params["inner/loc"], fit.params["inner/loc"])
