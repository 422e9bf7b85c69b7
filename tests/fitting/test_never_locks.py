"""Batched factorisations never wait for one another, however small XLA's worker pool is."""

import os
import subprocess
import sys

import pytest

#: One full-covariance M-step after another on a Gaussian mixture in 16 dimensions. Left to LAPACK
#: its factorisations wait for ever in about half of all processes with two workers.
FIT = """
import jaxem, jax, numpy as np
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

rng = np.random.default_rng(0)
K, D, n = 8, 16, 2_000
rows = rng.normal(0, 4, (K, D))[rng.integers(0, K, n)] + rng.normal(size=(n, D))

def log_joint(params, z, x):
    component = dist.MultivariateNormal(params["loc"][z], params["cov"][z])
    return jnp.log(params["weights"][z]) + component.log_prob(x)

model = jaxem.Model(
    log_joint,
    latent=jaxem.Finite(K),
    prior={
        "weights": jaxem.flat((K,), constraints.simplex),
        "loc": jaxem.flat((K, D)),
        "cov": jaxem.flat((K, D, D), constraints.positive_definite),
    },
)
start = {
    "weights": np.full(K, 1 / K),
    "loc": rows[:K],
    "cov": np.tile(np.cov(rows.T), (K, 1, 1)),
}
fit = jaxem.fit(model, rows, init=start, tolerance=0, max_steps=5)
assert np.all(np.diff(fit.trace) > 0), fit.trace
print("finished", fit.steps)
"""


@pytest.mark.long
@pytest.mark.parametrize("attempt", range(4))
def test_the_full_covariance_m_step_never_hangs(attempt):
    """Four fresh processes with two workers each."""
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "NPROC")}
    done = subprocess.run(
        [sys.executable, "-c", FIT],
        env=environment | {"PJRT_NPROC": "2"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("finished 5")
