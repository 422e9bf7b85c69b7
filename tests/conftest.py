"""What every test stands on: double precision, and one BLAS thread for the peers."""

import os

# Read when numpy and JAX first start: they have to be there before either is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jax
import pytest

jax.config.update("jax_enable_x64", True)


@pytest.fixture
def float32():
    """The test runs in single precision, as a program does that never sets JAX's flag."""
    with jax.enable_x64(False):
        yield
