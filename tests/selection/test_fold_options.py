"""What is asked of folds is checked, and their sizes may differ."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem

ROWS = np.random.default_rng(0).normal(size=60)
MODEL = jaxem.Model(
    lambda p, z, x: jnp.zeros(()) + dist.Normal(p["loc"], 1.0).log_prob(x),
    jaxem.Finite(1),
    {"loc": jaxem.flat(())},
)


@pytest.mark.parametrize(
    "options",
    [{"restarts": 0}, {"restarts": 2.5}, {"max_steps": -2}, {"tolerance": np.nan}],
    ids=str,
)
def test_options_are_those_of_a_fit(options):
    with pytest.raises(jaxem.DeclarationError, match=next(iter(options))):
        jaxem.cross_validate(MODEL, ROWS, **options)


def test_a_label_that_is_missing_is_told():
    folds = np.arange(60) % 5 + 0.0
    folds[3] = np.nan
    with pytest.raises(jaxem.DeclarationError, match="NaN"):
        jaxem.cross_validate(MODEL, ROWS, folds=folds)


def test_the_size_of_a_fold_is_no_error():
    """By hand: the total of each fold less its share of the whole."""
    folds = np.repeat([0, 1, 2, 3], [30, 10, 10, 10])
    held = jaxem.cross_validate(MODEL, ROWS, folds=folds)
    each = []
    for k in range(4):
        loc = ROWS[folds != k].mean()
        each.append(np.sum(-0.5 * np.log(2 * np.pi) - 0.5 * (ROWS[folds == k] - loc) ** 2))
    apart = np.asarray(each) - np.bincount(folds) * np.sum(each) / 60
    assert held.log_likelihood == pytest.approx(np.sum(each), abs=1e-5)
    assert held.error == pytest.approx(np.sqrt(4 / 3 * np.sum(apart**2)), rel=1e-3)


def test_select_reads_folds_before_it_fits():
    def family(size):
        return MODEL

    with pytest.raises(jaxem.DeclarationError, match="folds"):
        jaxem.select(family, [1], ROWS, folds=1.5, restarts=0)  # restarts would be told by the fit


def test_labels_of_two_axes_are_told_by_their_shape():
    with pytest.raises(jaxem.DeclarationError, match=r"shape \(60, 2\)"):
        jaxem.cross_validate(MODEL, ROWS, folds=np.zeros((60, 2), int))


def test_an_impossible_fold_is_named():
    """A level that no other fold has is fitted with probability zero."""
    level = np.repeat([0, 1, 2], [20, 20, 10])
    categorical = jaxem.Model(
        lambda p, z, x: jnp.log(p["probs"][x]),
        jaxem.Finite(1),
        {"probs": jaxem.flat((3,), dist.constraints.simplex)},
    )
    held = jaxem.cross_validate(categorical, level, folds=np.r_[np.arange(40) % 2, np.full(10, 2)])
    assert held.per_fold[2] == -np.inf
    assert "folds [2]" in str(held)
