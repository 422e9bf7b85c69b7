"""When to stop: by the remaining gain, never on a plateau, never for NaN."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.optimise.stopping import has_converged, relative_change, remaining_gain


def ask(gain, last, change, tolerance=1e-8, noise=1e-12):
    values = (jnp.asarray(v, float) for v in (gain, last, change, noise, tolerance))
    return bool(has_converged(*values))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.99])
def test_aitken_sums_a_geometric_series(rate):
    gains = 3.0 * rate ** np.arange(2000)
    remaining, estimated = remaining_gain(jnp.asarray(gains[4]), jnp.asarray(gains[3]))
    np.testing.assert_allclose(estimated, rate, rtol=1e-12)
    np.testing.assert_allclose(remaining, gains[5:].sum(), rtol=1e-7)


def test_gains_that_grow_leave_no_end():
    remaining, _ = remaining_gain(jnp.asarray(2e-9), jnp.asarray(1e-9))
    assert remaining == np.inf
    assert not ask(2e-9, 1e-9, 1e-9)


def test_a_plateau_is_not_the_end():
    """Gains of 1e-9 that shrink by a hundredth of a per cent add up to a thousand times as much."""
    assert not ask(1e-9, 1e-9 / 0.9999, 1e-12)
    assert ask(1e-9, 1e-8, 1e-9)


def test_parameters_must_have_come_to_rest_too():
    assert not ask(1e-11, 1e-10, 1e-2)
    assert ask(1e-11, 1e-10, 1e-8)


def test_nan_is_never_convergence():
    for gain, last, change in ((np.nan, 1e-9, 0.0), (1e-12, np.nan, np.nan), (1e-12, 1e-9, np.nan)):
        assert not ask(gain, last, change)


def test_no_tolerance_never_stops():
    assert not ask(0.0, 0.0, 0.0, tolerance=0.0)


def test_a_first_step_cannot_converge():
    assert not ask(np.inf, np.inf, 1.0)


def test_change_is_relative_to_the_leaf_and_the_worst_leaf_counts():
    old = {"a": jnp.array([100.0, 1.0]), "b": jnp.array(1e-6)}
    new = {"a": jnp.array([100.0, 1.1]), "b": jnp.array(1.5e-6)}
    np.testing.assert_allclose(relative_change(new, old), 1 / 3, rtol=1e-9)
