"""Finite latent variables: their states, and what follows from one log-partition."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem import DeclarationError, Finite

FACTORS = jnp.array([[0.3, -1.0, 2.0, 0.1], [-jnp.inf, 0.0, -jnp.inf, -3.0]])


def test_one_number_of_states():
    latent = Finite(4)
    np.testing.assert_array_equal(latent.states(), [0, 1, 2, 3])
    assert latent.size == 4 and repr(latent) == "Finite(4)"


def test_a_product_enumerates_the_first_name_slowest():
    latent = Finite(topic=3, outlier=2)
    states = latent.states()
    pairs = list(zip(states["topic"].tolist(), states["outlier"].tolist(), strict=True))
    assert pairs == list(itertools.product(range(3), range(2)))
    assert latent.size == 6 and repr(latent) == "Finite(topic=3, outlier=2)"


def test_a_single_name_is_still_a_dictionary():
    assert list(Finite(kind=2).states()) == ["kind"]


def test_marginals_are_the_gradient_of_the_log_partition():
    latent = Finite(4)
    slope = jax.grad(lambda f: latent.log_partition(f).sum())(FACTORS)
    np.testing.assert_allclose(latent.marginals(FACTORS), slope, rtol=1e-14)
    np.testing.assert_allclose(latent.marginals(FACTORS).sum(-1), 1.0, rtol=1e-14)


def test_the_mode_is_the_first_of_equals():
    latent = Finite(3)
    factors = jnp.array([[0.0, 5.0, 1.0], [2.0, 2.0, 2.0], [-jnp.inf, -1.0, -1.0]])
    np.testing.assert_array_equal(latent.mode(factors), [1, 0, 1])


def test_equal_latents_are_equal_and_can_be_keys():
    assert Finite(3) == Finite(3) and Finite(3) != Finite(kind=3)
    assert len({Finite(3), Finite(3), Finite(a=1, b=3)}) == 2


def test_numpy_integers_are_integers():
    assert Finite(np.int64(3)).size == 3


@pytest.mark.parametrize(
    ("given", "named", "words"),
    [
        ((0,), {}, "Finite.0.*at least 1"),
        ((-2,), {}, "at least 1"),
        ((2.5,), {}, "integer"),
        ((True,), {}, "integer"),
        (("3",), {}, "integer"),
        ((), {"topic": 0}, "topic=0"),
        ((), {}, "Finite.3."),
        ((2,), {"topic": 3}, "Finite.topic=5"),
    ],
)
def test_what_is_no_number_of_states_is_explained(given, named, words):
    with pytest.raises(DeclarationError, match=words):
        Finite(*given, **named)
