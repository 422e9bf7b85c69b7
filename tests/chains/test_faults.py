"""What goes wrong with chains is told in words or by a status."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import DeclarationError, Status

from .variants import START, Y, plain


def test_sequences_pads_and_measures():
    data, lengths = jaxem.sequences([[1, 2, 3], [4]])
    np.testing.assert_array_equal(data, [[1, 2, 3], [4, 0, 0]])
    np.testing.assert_array_equal(lengths, [3, 1])
    parts = [{"y": np.ones((2, 3)), "u": np.ones(2)}, {"y": np.ones((5, 3)), "u": np.ones(5)}]
    data, lengths = jaxem.sequences(parts)
    assert data["y"].shape == (2, 5, 3) and data["u"].shape == (2, 5)
    np.testing.assert_array_equal(lengths, [2, 5])


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "no entries"),
        (np.float64(3.0), "list"),
        ([[1.0], []], "sequence 1 is empty"),
        ([np.ones((2, 3)), np.ones((2, 4))], "sequence 1 differs"),
        ([{"y": [1.0]}, {"x": [1.0]}], "sequence 1 differs"),
        ([{"y": np.ones(2), "u": np.ones(3)}], "same number"),
    ],
)
def test_sequences_that_do_not_match(parts, words):
    with pytest.raises(DeclarationError, match=words):
        jaxem.sequences(parts)


@pytest.mark.parametrize(
    ("data", "lengths", "words"),
    [
        (Y[0], None, r"sequence, time.*y\[None\]"),
        (Y, [4, 0, 3], r"lengths\[1\] is 0"),
        (Y, [4, 5, 3], "expected 1 to 4"),
        (Y, [4, 4], "one a sequence"),
        (Y, [4.0, 4.0, 4.0], "integers"),
        ({"y": Y, "u": Y[:, :3]}, None, "first two axes"),
        (Y[:0], None, "nothing to fit"),
        (np.where(Y > 0, Y, np.nan), None, "NaN"),
    ],
)
def test_data_that_are_no_sequences(data, lengths, words):
    with pytest.raises(DeclarationError, match=words):
        jaxem.fit(plain()[0], data, lengths=lengths, init=START)


def test_weights_belong_to_sequences():
    with pytest.raises(DeclarationError, match="one a sequence"):
        jaxem.fit(plain()[0], Y, weights=np.ones(12), init=START)


def test_lengths_belong_to_chains():
    model = jaxem.zoo.poisson_mixture(2)
    with pytest.raises(DeclarationError, match="independent"):
        jaxem.fit(model, np.arange(9), lengths=[9])


def test_a_step_is_called_with_the_state_before():
    with pytest.raises(DeclarationError, match=r"log_joint\(params, z_prev, z, x\)"):
        jaxem.Model(lambda p, z, x: 0.0, jaxem.Chain(2), {"loc": jaxem.flat((2,))})


def test_a_branch_that_forgets_the_start_is_explained():
    def log_joint(p, z_prev, z, x):
        return jnp.log(p["transition"])[z_prev, z].sum(1)

    model = jaxem.Model(
        log_joint, jaxem.Chain(2), {"transition": jaxem.flat((2, 2), constraints.simplex)}
    )
    with pytest.raises(DeclarationError, match=r"z_prev = None at the start|returns"):
        jaxem.fit(model, Y)


def test_an_update_that_a_person_wrote_is_refused():
    step = jaxem.EM(m_step=jaxem.ClosedForm(lambda p, x, r: p))
    with pytest.raises(DeclarationError, match="pairs of states"):
        jaxem.fit(plain()[0], Y, algorithm=step, init=START)


def test_rows_have_no_paths():
    fit = jaxem.fit(jaxem.zoo.poisson_mixture(2), np.arange(30), max_steps=2)
    with pytest.raises(DeclarationError, match="independent rows"):
        fit.viterbi(np.arange(30))


@functools.cache
def categorical():
    def log_joint(p, z_prev, z, x):
        step = jnp.log(p["initial"])[z] if z_prev is None else jnp.log(p["transition"])[z_prev, z]
        return step + jnp.log(p["emission"])[z, x]

    simplex = constraints.simplex
    return jaxem.Model(
        log_joint,
        jaxem.Chain(2),
        {
            "initial": jaxem.flat((2,), simplex),
            "transition": jaxem.flat((2, 2), simplex),
            "emission": jaxem.flat((2, 2), simplex),
        },
    )


CYCLE = {
    "initial": [1.0, 0.0],
    "transition": [[0.0, 1.0], [1.0, 0.0]],
    "emission": [[1.0, 0.0], [0.0, 1.0]],
}


def test_an_impossible_sequence_is_a_status():
    data = np.array([[0, 1, 0, 1], [0, 0, 1, 1]])
    fit = jaxem.fit(categorical(), data, init=CYCLE)
    assert fit.status == Status.IMPOSSIBLE
    with pytest.warns(UserWarning, match="1 of 2 sequences is impossible"):
        evidence = np.asarray(fit.log_density(data))
    assert evidence[0] == 0.0 and evidence[1] == -np.inf
    with pytest.warns(UserWarning, match="first sequence 1"):
        responsibilities = np.asarray(fit.responsibilities(data))
    assert np.all(np.isnan(responsibilities[1])) and np.all(np.isfinite(responsibilities[0]))


@pytest.mark.long
def test_a_long_impossible_sequence_is_a_status():
    """So long that the steps are replaced by anchors."""
    data = np.tile([0, 1], (3, 50))
    data[1, 61] = 0
    assert jaxem.fit(categorical(), data, init=CYCLE).status == Status.IMPOSSIBLE
    np.testing.assert_allclose(jaxem.fit(categorical(), data[::2], init=CYCLE).trace, 0, atol=1e-9)


@pytest.mark.long
def test_zeros_absorb():
    rng = np.random.default_rng(0)
    data = rng.integers(0, 2, size=(4, 40))
    start = {
        "initial": [1.0, 0.0],
        "transition": [[0.9, 0.1], [0.0, 1.0]],
        "emission": [[0.6, 0.4], [0.3, 0.7]],
    }
    fit = jaxem.fit(categorical(), data, init=start, tolerance=0, max_steps=10)
    assert float(fit.params["transition"][1, 0]) == 0.0
    assert float(fit.params["transition"][1, 1]) == 1.0
    absorbed = np.asarray(fit.responsibilities(data))[..., 1]
    assert np.all(np.diff(absorbed) > -1e-12) and absorbed[:, -1].min() > 0.1
    path, _ = fit.viterbi(data)
    assert np.all(np.diff(path) >= 0)
    assert float(fit.params["initial"][1]) == 0.0


@pytest.mark.long
def test_sequences_of_length_one_are_a_mixture():
    y = np.random.default_rng(1).poisson([[2.0], [9.0]], size=(2, 40)).reshape(-1, 1)

    def log_joint(p, z_prev, z, x):
        step = jnp.log(p["weights"])[z] if z_prev is None else jnp.log(0.5)
        return step + dist.Poisson(p["rate"][z]).log_prob(x)

    mixture = jaxem.zoo.poisson_mixture(2)
    chain = jaxem.Model(
        log_joint,
        jaxem.Chain(2),
        {
            "weights": jaxem.flat((2,), constraints.simplex),
            "rate": jaxem.flat((2,), constraints.positive),
        },
    )
    start = {"weights": [0.4, 0.6], "rate": [1.0, 5.0]}
    options = {"init": start, "tolerance": 0, "max_steps": 25}
    one, other = jaxem.fit(chain, y, **options), jaxem.fit(mixture, y[:, 0], **options)
    np.testing.assert_allclose(one.trace, other.trace, rtol=1e-11)
    assert one.viterbi(y)[0].shape == (80, 1)


def test_a_state_that_is_never_visited_is_noted():
    data = np.tile([0, 1, 1, 0, 1], (3, 4))
    start = {
        "initial": [1.0, 0.0],
        "transition": [[1.0, 0.0], [0.5, 0.5]],
        "emission": [[0.5, 0.5], [0.2, 0.8]],
    }
    fit = jaxem.fit(categorical(), data, init=start)
    assert any("latent state 1 is empty" in note for note in fit.notes)
    assert fit.converged
    assert all(np.all(np.isfinite(leaf)) for leaf in fit.params.values())


@pytest.mark.long
def test_hard_steps_raise_the_best_path():
    model, _, start = plain()
    y = np.random.default_rng(2).normal(size=(5, 20)) + np.repeat([[-2.0, 2.0]], 10, 1)
    fit = jaxem.fit(model, y, init=start, algorithm=jaxem.EM(jaxem.Hard()), max_steps=30)
    assert np.all(np.diff(fit.trace) > -1e-9)
    _, value = fit.viterbi(y)
    assert fit.objective == pytest.approx(float(np.sum(value)), rel=1e-10)
