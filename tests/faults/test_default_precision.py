"""A process that never sets JAX's flag: declared, planned and fitted there, all in float32."""

import subprocess
import sys

FIT = """
import jax.numpy as jnp, numpy as np, numpyro.distributions as dist
import jaxem

def log_joint(p, z, x):
    return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x)

prior = {
    "w": dist.Dirichlet(jnp.array([2.0, 3.0])),
    "loc": dist.Normal(0.0, 5.0).expand((2,)),
    "scale": dist.LogNormal(jnp.zeros(2), 1.0),
}
rows = np.concatenate([np.linspace(-1, 1, 20), np.linspace(4, 6, 20)]).astype(np.float32)
fit = jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), rows, restarts=2)
print(fit.status, fit.params["scale"].dtype)
"""


def test_priors_of_arrays_that_were_first_met_in_single_precision():
    done = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True)
    assert done.stdout.split() == ["converged", "float32"], done.stderr[-2000:]
