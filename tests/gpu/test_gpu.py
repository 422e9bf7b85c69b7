"""Answers on a GPU: those of the processor, in both precisions."""

import jax
import numpy as np
import pytest

import jaxem
from jaxem import Status

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(jax.default_backend() != "gpu", reason="no GPU is here"),
]


def on_the_processor(function):
    """What a function returns on the processor of the same process."""
    with jax.default_device(jax.devices("cpu")[0]):
        return function()


def rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(-2, 1, (150, 2)), rng.normal(2, 0.7, (100, 2))])


def counts():
    rng = np.random.default_rng(1)
    return rng.poisson(np.repeat([2.0, 9.0, 2.0], 40), size=(3, 120))


FITS = {
    "Gaussians": lambda: jaxem.fit(jaxem.zoo.gaussian_mixture(2, 2), rows(), restarts=8),
    "counts": lambda: jaxem.fit(jaxem.zoo.poisson_mixture(2), counts().ravel(), restarts=8),
    "classes": lambda: jaxem.fit(
        jaxem.zoo.latent_classes(2, [3, 3]), counts().reshape(-1, 2) % 3, restarts=8
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_double_precision(name):
    here, there = FITS[name](), on_the_processor(FITS[name])
    assert here.status == Status.CONVERGED
    np.testing.assert_allclose(here.objective, there.objective, rtol=1e-9)


@pytest.mark.parametrize("name", FITS)
def test_single_precision(name, float32):
    here = FITS[name]()
    assert here.status.usable
    with jax.enable_x64(True):
        there = on_the_processor(FITS[name])
    np.testing.assert_allclose(here.objective, there.objective, rtol=1e-5)


def test_standard_errors():
    here = FITS["Gaussians"]()
    there = on_the_processor(lambda: here.errors(rows()))
    table = here.errors(rows()).se
    for ours, theirs in zip(jax.tree.leaves(table), jax.tree.leaves(there.se), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
