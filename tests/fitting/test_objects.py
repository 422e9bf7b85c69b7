"""Fits and models as objects: copied, pickled, kept; and where a fit cannot run."""

import copy
import functools
import multiprocessing
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import DeclarationError
from jaxem.compiled import programs as compiled
from jaxem.compiled.programs import Programs

COUNTS = np.r_[np.full(20, 1), np.full(20, 9), np.arange(10)]


@functools.cache
def fitted():
    return jaxem.fit(jaxem.zoo.poisson_mixture(2), COUNTS)


def halves(p, z, x):
    return jnp.log(0.5) + dist.Normal(p["loc"][z], p["scale"]).log_prob(x)


def own_model(scale=1.0):
    prior = {"loc": jaxem.flat((2,)), "scale": dist.Delta(jnp.asarray(scale))}
    return jaxem.Model(halves, jaxem.Finite(2), prior)


WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_fit_survives(way):
    fit = fitted()
    other = WAYS[way](fit)
    np.testing.assert_array_equal(other.predict(COUNTS), fit.predict(COUNTS))
    assert str(other) == str(fit) and other.restarts.status == fit.restarts.status
    if way == "deepcopy":
        other.params["rate"][0] = 7.0
        assert fit.params["rate"][0] != 7.0
    if way == "pickle":
        assert other.plan is None


@pytest.mark.parametrize("way", WAYS)
def test_a_model_survives(way):
    model = own_model()
    model.log_likelihood({"loc": jnp.zeros(2), "scale": 1.0}, jnp.zeros(3))
    other = WAYS[way](model)
    assert repr(other) == repr(model) and not other.known
    values = {"loc": jnp.array([0.0, 2.0]), "scale": 1.0}
    assert other.log_likelihood(values, COUNTS) == model.log_likelihood(values, COUNTS)


def two_normals(y):
    loc = numpyro.param("loc", jnp.array([0.0, 1.0]))
    with numpyro.plate("data", len(y)):
        z = numpyro.sample("z", dist.Categorical(jnp.full(2, 0.5)))
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)


@pytest.mark.long
def test_a_fit_of_a_program_is_pickled():
    data = np.r_[np.zeros(5), np.full(5, 4.0)] + np.arange(10) / 10
    fit = jaxem.fit(jaxem.from_numpyro(two_normals), data, init={"loc": [0.0, 4.0]})
    other = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(other.predict(data), fit.predict(data))


def test_a_process_keeps_few_programs(monkeypatch):
    monkeypatch.setattr(compiled, "MOST", 4 + sum(map(_forms, list(compiled._every.values()))))
    kept = [Programs() for _ in range(12)]
    for number, programs in enumerate(kept):
        assert float(programs.compiled("add", lambda x, n=number: x + n)(1.0)) == 1 + number
    assert sum(map(_forms, kept)) <= compiled.MOST + 1
    assert "add" in kept[-1]
    assert float(kept[0].compiled("add", lambda x: x + 0)(1.0)) == 1.0


def test_a_program_of_very_many_shapes_forgets_them(monkeypatch):
    monkeypatch.setattr(compiled, "MOST", 3)
    programs = Programs()
    for size in range(1, 9):
        found = programs.compiled("sum", lambda x: x.sum())(np.ones(size))
        assert float(found) == size
    assert _forms(programs) <= 5


def _forms(programs):
    return sum(program.forms for program in programs.values())


TRACED = {
    "data": lambda s: jaxem.fit(own_model(), s * COUNTS).objective,
    "weights": lambda s: jaxem.fit(own_model(), 1.0 * COUNTS, weights=s + 0 * COUNTS).objective,
    "init": lambda s: jaxem.fit(own_model(), COUNTS, init={"loc": s * jnp.ones(2)}).objective,
    "log joint": lambda s: (
        jaxem.fit(
            jaxem.Model(
                lambda p, z, x: halves({**p, "scale": s}, z, x),
                jaxem.Finite(2),
                {"loc": jaxem.flat(2)},
            ),
            COUNTS,
        ).objective
    ),
    "prior": lambda s: (
        jaxem.fit(
            jaxem.Model(
                lambda p, z, x: halves({**p, "scale": 1.0}, z, x),
                jaxem.Finite(2),
                {"loc": lambda p: dist.Normal(0.0, s).expand([2])},
            ),
            COUNTS,
        ).objective
    ),
}


@pytest.mark.parametrize("name", TRACED)
def test_a_fit_of_traced_values_is_refused(name):
    with pytest.raises(DeclarationError, match="JAX transforms"):
        jax.grad(TRACED[name])(1.0)


@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.vmap(f)])
def test_a_fit_inside_a_transformation_is_refused(transform):
    with pytest.raises(DeclarationError, match="JAX transforms"):
        transform(lambda s: jaxem.fit(own_model(), s * COUNTS).objective)(jnp.ones(1))
    with pytest.raises(DeclarationError, match="JAX transforms"):
        jax.jit(lambda s: jaxem.fit(own_model(), COUNTS).objective + s)(1.0)


def test_a_support_without_coordinates_is_refused():
    for prior in (jaxem.flat((3,), constraints.sphere), dist.ProjectedNormal(jnp.ones(3))):
        with pytest.raises(DeclarationError, match="no transformation"):
            jaxem.Model(lambda p, z, x: p["u"][z] * x, jaxem.Finite(2), {"u": prior})


def _in_child(queue):
    try:
        jaxem.fit(own_model(), COUNTS)
        queue.put("fitted")
    except DeclarationError as error:
        queue.put(str(error))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:.*fork:DeprecationWarning")
def test_a_fit_in_a_forked_process_is_refused():
    jnp.zeros(1).block_until_ready()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    assert "forked" in queue.get()
    child.join(60)


@pytest.mark.long
def test_processes_of_joblib_fit_and_send_their_fits_back():
    """Models of lambdas go by value; programs and plans stay where they were compiled."""
    joblib = pytest.importorskip("joblib")
    x = np.concatenate([np.linspace(-1, 1, 40), np.linspace(4, 6, 40)])
    model = jaxem.Model(
        lambda p, z, x: jnp.log(p["w"][z]) - 0.5 * (x - p["m"][z]) ** 2,
        jaxem.Finite(2),
        {"w": jaxem.flat((2,), constraints.simplex), "m": jaxem.flat((2,))},
    )
    here = jaxem.fit(model, x, restarts=2)

    def there(model, x, key):
        jax.config.update("jax_enable_x64", True)
        return jaxem.fit(model, x, key=key, restarts=2)

    fits = joblib.Parallel(n_jobs=2)(joblib.delayed(there)(model, x, key) for key in (0, 1))
    for fit in fits:
        assert fit.converged and fit.objective == pytest.approx(here.objective, abs=1e-8)
        np.testing.assert_array_equal(np.sort(fit.predict(x)), np.sort(here.predict(x)))
