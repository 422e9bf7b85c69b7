"""XLA's worker pool never starts so small that batched LAPACK calls wait for one another."""

import os
import subprocess
import sys

import pytest

import jaxem.workers as workers

#: One full-covariance M-step after another on a Gaussian mixture in 16 dimensions: LU and Cholesky
#: factorisations, batched, several in one program. Without a floor under the pool this waits for
#: ever in about half of all processes on a machine with two cores.
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


@pytest.fixture
def bare(monkeypatch):
    """An environment that says nothing about the pool."""
    for name in ("PJRT_NPROC", "NPROC"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_small_machine_gets_a_floor(bare):
    bare.setattr(workers, "_cores", lambda: 2)
    workers.ensure_worker_pool()
    assert os.environ["PJRT_NPROC"] == "16"


@pytest.mark.parametrize("name", ["PJRT_NPROC", "NPROC"])
def test_a_person_s_own_choice_stays(bare, name):
    bare.setattr(workers, "_cores", lambda: 2)
    bare.setenv(name, "3")
    workers.ensure_worker_pool()
    assert {key: os.environ.get(key) for key in ("PJRT_NPROC", "NPROC")}[name] == "3"
    assert sum(key in os.environ for key in ("PJRT_NPROC", "NPROC")) == 1


def test_a_large_machine_is_left_alone(bare):
    bare.setattr(workers, "_cores", lambda: 16)
    workers.ensure_worker_pool()
    assert "PJRT_NPROC" not in os.environ


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(4))
def test_the_full_covariance_m_step_never_hangs(bare, attempt):
    """Four fresh processes, none of which sets the pool itself."""
    bare.delenv("XLA_FLAGS", raising=False)
    done = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("finished 5")
