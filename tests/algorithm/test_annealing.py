"""Annealing leads from a bad start to the better optimum, and says what it did."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.estep.warming import Warmed
from tests.algorithm.warm_ups import (
    BAD,
    FAR,
    SAME,
    best,
    centres,
    fit,
    log_likelihood,
    small_links,
    traced,
)
from tests.chains.variants import CHANCES, NORMAL, START, plain

WARM = jaxem.Annealed((0.003, 0.01, 0.05, 0.3))


@pytest.fixture(scope="module")
def annealed():
    return fit(FAR, init={"loc": np.stack([BAD["loc"], SAME["loc"]])}, algorithm=WARM)


def test_a_better_optimum_than_plain_em_finds(annealed):
    stuck = fit(FAR, init=BAD)
    assert stuck.converged and stuck.objective < best(FAR).objective - 20
    assert annealed.restarts.status[0] == jaxem.Status.CONVERGED
    assert annealed.restarts.objective[0] == pytest.approx(best(FAR).objective, abs=1e-7)


def test_equal_states_come_apart(annealed):
    assert fit(FAR, init=SAME).status == jaxem.Status.SADDLE
    assert annealed.restarts.status[1] == jaxem.Status.CONVERGED
    assert annealed.restarts.objective[1] == pytest.approx(best(FAR).objective, abs=1e-7)


def test_the_objective_is_always_the_log_likelihood(annealed):
    assert annealed.objective == pytest.approx(
        log_likelihood(FAR, annealed.params["loc"]), abs=1e-9
    )
    assert annealed.trace[0] == pytest.approx(log_likelihood(FAR, BAD["loc"]), abs=1e-9)
    short = fit(FAR, init=BAD, algorithm=WARM, max_steps=30)
    assert short.status == jaxem.Status.STEP_LIMIT and short.steps == 30
    assert short.objective == short.trace[-1]
    assert short.objective == pytest.approx(log_likelihood(FAR, short.params["loc"]), abs=1e-9)


def test_which_part_was_annealing(annealed):
    assert annealed.warm_up_steps == 80
    assert len(annealed.trace) == annealed.steps + 1 > 81
    assert np.diff(annealed.trace[:80]).min() < -1
    assert np.diff(annealed.trace[80:]).min() > -1e-9
    assert "inverse temperature of 0.003, 0.01, 0.05, 0.3" in annealed.summary()


def test_other_temperatures_compile_nothing(annealed):
    before = len(traced)
    other = jaxem.Annealed(np.array([0.1, 0.3, 0.6]), steps=7)
    again = fit(FAR, init=BAD, algorithm=other)
    assert again.warm_up_steps == 21 and len(traced) == before


@pytest.mark.parametrize("kind", ["dense", pytest.param("split", marks=pytest.mark.long)])
def test_a_chain_is_warmed_as_a_whole(kind):
    latent, links = jaxem.Chain(2), small_links(kind)
    evidence, responsibilities = jax.jit(Warmed(jnp.asarray(0.3)).posterior, static_argnums=0)(
        latent, links
    )
    np.testing.assert_allclose(evidence, latent.log_partition(links), rtol=1e-12)
    tempered = jaxem.Tempered(0.3).posterior(latent, links)[1]
    for a, b in zip(jax.tree.leaves(responsibilities), jax.tree.leaves(tempered), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("way", [jaxem.Annealed((0.3,), steps=5), jaxem.Stochastic(5, polish=True)])
@pytest.mark.parametrize("latent", [jaxem.Chain(2), jaxem.Tree((-1, 0, 0, 1), 2)])
def test_chains_and_trees(latent, way):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(40, 4)) + 3 * (rng.random((40, 1)) < 0.4)
    model = jaxem.Model(plain()[0].log_joint, latent, {**CHANCES, **NORMAL})
    found = jaxem.fit(model, data, init=START, algorithm=way, restarts=2, max_steps=20)
    assert found.warm_up_steps == 5
    assert np.diff(found.trace[5:]).min() > -1e-9
    exact = float(model.log_likelihood(found.params, data))
    assert found.objective == pytest.approx(exact, abs=1e-9)


def test_saved_and_loaded(annealed, tmp_path):
    annealed.save(tmp_path / "fit")
    loaded = jaxem.load(tmp_path / "fit", centres())
    assert loaded.algorithm == WARM and loaded.warm_up_steps == 80
    assert loaded.notes == annealed.notes


MISTAKES: dict[str, Any] = {
    "no number": (lambda: jaxem.Annealed((0.2, "warm")), "got 'warm'"),  # pyright: ignore
    "none at all": (lambda: jaxem.Annealed(()), "got none"),
    "one number": (lambda: jaxem.Annealed(0.2), r"as \(0.2, 0.5, 0.8\); got 0.2"),  # pyright: ignore
    "zero": (lambda: jaxem.Annealed((0.0, 1.0)), "got 0.0"),
    "no steps": (lambda: jaxem.Annealed((0.5,), steps=0), "steps must be an integer"),
    "another goal": (
        lambda: jaxem.Annealed((0.5,), algorithm=jaxem.EM(jaxem.Hard())),
        r"needs e_step=jaxem\.Exact\(\)",
    ),
    "two of them": (
        lambda: jaxem.Annealed((0.5,), algorithm=jaxem.Stochastic()),
        r"goes before jaxem\.EM",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said(name):
    make, words = MISTAKES[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        make()


def test_cross_validation_says_that_it_does_not_anneal():
    with pytest.raises(jaxem.DeclarationError, match=r"jaxem\.fit alone"):
        jaxem.cross_validate(centres(), np.arange(9.0), folds=3, algorithm=WARM)


@pytest.mark.long
def test_single_precision_is_annealed_too(float32):
    low = fit(FAR.astype(np.float32), init=BAD, algorithm=WARM)
    assert low.params["loc"].dtype == np.float32
    np.testing.assert_allclose(np.sort(low.params["loc"]), [-20, 0, 20], atol=0.6)
