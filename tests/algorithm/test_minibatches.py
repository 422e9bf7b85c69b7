"""EM over minibatches: sweeps as they are taught, EM's optimum at the end, mistakes in words."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest

import jaxem
from jaxem.estep.parts import deal
from jaxem.numerics.keys import generator
from tests.fitting.problem import DATA, START, declare, mixture

SIZE, PARTS = 30, 5
ONLINE = jaxem.Online(batch_size=SIZE)
INCREMENTAL = jaxem.Incremental(batch_size=SIZE)
WEIGHTS = np.arange(len(DATA)) % 4 * 0.7


def run(algorithm, data=DATA, **options) -> jaxem.Fit:
    return jaxem.fit(mixture(), data, init=START, algorithm=algorithm, **options)


optimum = functools.cache(lambda: run(None))


class Literal:
    """The mixture by hand: the sums of rows that its M-step needs, and that M-step."""

    weights, loc, scale = START["weights"], START["shape"]["loc"], START["shape"]["scale"]

    def sums(self, rows):
        x = DATA[rows][:, None]
        joint = np.log(self.weights / self.scale) - ((x - self.loc) / self.scale) ** 2 / 2
        responsibilities = np.exp(joint - joint.max(1, keepdims=True))
        responsibilities /= responsibilities.sum(1, keepdims=True)
        return np.stack([(responsibilities * x**power).sum(0) for power in range(3)])

    def maximise(self, sums):
        count, first, second = sums
        self.weights = (count + 1) / (count.sum() + 2)  # the prior is Dirichlet(2, 2)
        self.loc = first / count
        self.scale = np.sqrt(second / count - self.loc**2)

    def agrees(self, params):
        np.testing.assert_allclose(params["weights"], self.weights, rtol=1e-10)
        np.testing.assert_allclose(params["shape"]["loc"], self.loc, rtol=1e-10)
        np.testing.assert_allclose(params["shape"]["scale"], self.scale, rtol=1e-10)


def minibatches():
    return deal(np.ones(len(DATA)), PARTS, generator(0))


def test_every_row_is_dealt_once_and_heavy_ones_apart():
    weights = np.r_[np.ones(20), np.full(3, 50.0)]
    dealt = deal(weights, 3, generator(1))
    assert sorted(dealt.ravel()) == [-1, *range(23)]
    assert np.array_equal((dealt >= 20).sum(1), [1, 1, 1])
    assert not np.array_equal(dealt, deal(weights, 3, generator(2)))


def test_incremental_sweeps_as_neal_and_hinton():
    by_hand = Literal()
    for _ in range(2):
        kept = [by_hand.sums(rows) for rows in minibatches()]
        for place, rows in enumerate(minibatches()):
            kept[place] = by_hand.sums(rows)
            by_hand.maximise(sum(kept))
    by_hand.agrees(run(INCREMENTAL, tolerance=0, max_steps=2).params)


def test_an_online_epoch_as_cappe_and_moulines():
    by_hand = Literal()
    sums = by_hand.sums(np.arange(len(DATA)))
    by_hand.maximise(sums)
    order = np.asarray(jax.random.permutation(jax.random.key(0), PARTS))
    for turn, rows in enumerate(minibatches()[order], start=1):
        size = (turn + ONLINE.delay) ** -ONLINE.exponent
        sums = (1 - size) * sums + size * PARTS * by_hand.sums(rows)
        by_hand.maximise(sums)
    by_hand.agrees(run(ONLINE, tolerance=0, max_steps=1).params)


@pytest.mark.parametrize("algorithm", [ONLINE, INCREMENTAL], ids=["online", "incremental"])
def test_the_objective_never_falls_and_ends_where_em_does(algorithm):
    fit = run(algorithm)
    assert fit.converged and fit.plan.route.path == "product"
    assert np.all(np.diff(fit.trace) >= -1e-11 * abs(fit.objective))
    assert fit.objective == pytest.approx(optimum().objective, abs=1e-8)
    assert fit.steps < optimum().steps
    programs = [p for key, p in fit.plan.programs.items() if algorithm in key]
    assert [p.forms for p in programs] == [1]


@pytest.mark.parametrize("kind", [jaxem.Online, jaxem.Incremental])
def test_one_minibatch_is_em(kind):
    whole = run(kind(batch_size=len(DATA)), tolerance=0, max_steps=6)
    np.testing.assert_allclose(whole.trace, optimum().trace[:7], rtol=1e-12)


@pytest.mark.long
def test_weights_are_respected():
    plain, fit = (run(a, weights=WEIGHTS) for a in (None, INCREMENTAL))
    assert fit.converged
    assert fit.objective == pytest.approx(plain.objective, abs=1e-8)
    np.testing.assert_allclose(fit.params["shape"]["loc"], plain.params["shape"]["loc"], rtol=1e-6)


@pytest.mark.long
def test_a_few_epochs_are_as_near_to_the_optimum_as_the_truth():
    """Twice what the truth lacks is about chi-squared, of five degrees of freedom here."""
    rng = np.random.default_rng(3)
    rows = np.where(rng.random(6000) < 0.4, rng.normal(0, 1, 6000), rng.normal(2.5, 1.5, 6000))
    start = {**START, "shape": {"loc": np.array([-3.0, 6.0]), "scale": np.full(2, 3.0)}}
    options: dict[str, Any] = {"init": start, "algorithm": jaxem.Online(batch_size=200)}
    fit = jaxem.fit(mixture(), rows, **options)
    assert fit.converged
    assert fit.objective - fit.trace[3] < 5 / 2 < fit.objective - fit.trace[1]


def heavy_tails() -> jaxem.Model:
    """Two Student-t, of which no sums are sufficient."""

    def log_joint(params, z, x):
        tails = dist.StudentT(4.0, params["loc"][z], 1.2)
        return jnp.log(params["weights"][z]) + tails.log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"weights": dist.Dirichlet(jnp.full(2, 2.0)), "loc": jaxem.flat((2,))},
    )


@pytest.mark.long
def test_gradients_where_there_are_no_statistics():
    model, start = heavy_tails(), {"weights": START["weights"], "loc": np.array([2.0, 3.0])}
    plain = jaxem.fit(model, DATA, init=start)
    fit = jaxem.fit(model, DATA, init=start, algorithm=ONLINE)
    assert fit.plan.route.path == "direct" and fit.converged
    assert fit.objective == pytest.approx(plain.objective, abs=1e-8)
    assert fit.trace[1] > plain.trace[1] + 0.1
    assert "gradient" in str(jaxem.explain(model, DATA, algorithm=ONLINE))
    with pytest.raises(jaxem.DeclarationError, match=r"has none on these data: no finite rank"):
        jaxem.fit(model, DATA, algorithm=INCREMENTAL)


@pytest.mark.long
def test_sequences_are_dealt_whole():
    chain = jaxem.zoo.poisson_chain(2)
    rng = np.random.default_rng(5)
    counts = rng.poisson(np.where(np.cumsum(rng.random((24, 9)) < 0.2, 1) % 2, 1.0, 6.0))
    moves = np.array([[0.8, 0.2], [0.3, 0.7]])
    start = {"initial": np.full(2, 0.5), "transition": moves, "rate": np.array([2.0, 4.0])}
    options: dict[str, Any] = {"init": start, "lengths": 4 + np.arange(24) % 6}
    plain = jaxem.fit(chain, counts, **options)
    fit = jaxem.fit(chain, counts, algorithm=jaxem.Incremental(batch_size=5), **options)
    assert fit.converged and fit.plan.route.path == "product" and fit.steps < plain.steps
    assert fit.objective == pytest.approx(plain.objective, abs=1e-8)
    with pytest.raises(jaxem.DeclarationError, match="24 sequences"):
        jaxem.fit(chain, counts, algorithm=jaxem.Online(batch_size=25), **options)


def test_single_precision(float32):
    narrow = DATA.astype(np.float32)
    fit = jaxem.fit(declare(), narrow, init=START, algorithm=ONLINE)
    assert fit.trace.dtype == np.float32 and fit.converged
    with jax.enable_x64(True):
        best = optimum().objective
    assert fit.objective == pytest.approx(best, abs=1e-3)


UPDATE = jaxem.EM(
    m_step={
        "weights": jaxem.ClosedForm(lambda params, data, responsibilities: responsibilities.sum(0))
    }
)


def anything(value) -> Any:
    return value


MISTAKES: dict[str, Any] = {
    "no rows": (lambda: jaxem.Online(batch_size=0), "batch_size must be an integer"),
    "too many rows": (lambda: run(jaxem.Online(batch_size=151)), "the data have 150 rows"),
    "steps too large": (lambda: jaxem.Online(batch_size=9, exponent=0.5), "above 0.5"),
    "steps too small": (lambda: jaxem.Online(batch_size=9, exponent=1.1), "at most 1"),
    "no delay": (lambda: jaxem.Online(batch_size=9, delay=-1), "delay must be at least 0"),
    "no optimiser": (lambda: jaxem.Online(batch_size=9, optimizer=anything(0.1)), r"optax\.adam"),
    "rows that are read": (lambda: jaxem.Incremental(UPDATE, batch_size=9), "ClosedForm"),
    "no EM": (lambda: jaxem.Online(anything(jaxem.Squarem()), batch_size=9), r"jaxem\.EM"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said(name):
    make, words = MISTAKES[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        make()


def test_an_optimiser_is_an_option():
    assert jaxem.Online(batch_size=9, optimizer=optax.sgd(0.1)).parts(20) == 3


def test_it_is_saved(tmp_path):
    found = run(ONLINE, tolerance=0, max_steps=1)
    found.save(tmp_path / "fit")
    assert jaxem.load(tmp_path / "fit").algorithm == ONLINE
