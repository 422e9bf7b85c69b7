"""Rows with another number of entries are refused; one entry is not broadcast against many."""

import numpy as np
import pytest

import jaxem

RNG = np.random.default_rng(0)
MODELS = [
    (jaxem.zoo.gaussian_mixture(2, 2), RNG.normal(size=50)),
    (jaxem.zoo.gaussian_mixture(2, 2, "diagonal"), RNG.normal(size=(50, 1))),
    (jaxem.zoo.gaussian_mixture(2, 2, "tied"), RNG.normal(size=(50, 3))),
    (jaxem.zoo.k_means(2, 3), RNG.normal(size=(50, 1))),
    (jaxem.zoo.latent_classes(2, [2, 2, 2]), RNG.integers(0, 2, (50, 1))),
    (jaxem.zoo.gaussian_chain(2, 2), RNG.normal(size=(5, 10, 1))),
]


@pytest.mark.parametrize(("model", "rows"), MODELS, ids=lambda given: type(given).__name__)
def test_a_row_of_another_width_is_refused(model, rows):
    with pytest.raises(jaxem.DeclarationError, match="was declared for"):
        jaxem.fit(model, rows)


def test_a_single_feature_may_be_a_number():
    rows = np.r_[RNG.normal(size=30), RNG.normal(6, 1, 30)]
    model = jaxem.zoo.gaussian_mixture(2, 1, "diagonal")
    plain, column = (jaxem.fit(model, data, restarts=2) for data in (rows, rows[:, None]))
    assert plain.objective == pytest.approx(column.objective, abs=1e-8)


def test_select_and_remember_name_what_they_take():
    with pytest.raises(jaxem.DeclarationError, match="function from a member"):
        jaxem.select(jaxem.zoo.k_means(2, 1), [1], RNG.normal(size=20))
    with pytest.raises(jaxem.DeclarationError, match="no option 'restart'"):
        jaxem.select(lambda k: jaxem.zoo.k_means(k, 1), [1], RNG.normal(size=20), restart=3)
    with pytest.raises(jaxem.DeclarationError, match="must be a path"):
        jaxem.remember(3)  # pyright: ignore[reportArgumentType]
