"""Classification EM: the most probable state alone; k-means falls out."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import jaxem

_rng = np.random.default_rng(0)
POINTS = np.concatenate([_rng.normal(c, 1.0, size=(20, 2)) for c in ([0, 0], [5, 0], [2, 5])])
SEEDS = POINTS[[0, 25, 50]]


def lloyd(points, centres, count):
    """Lloyd's algorithm as it is taught, and the sum of squares at every centre."""
    inertia = []
    for _ in range(count + 1):
        distances = ((points[:, None] - centres) ** 2).sum(-1)
        inertia.append(distances.min(1).sum())
        owner, last = distances.argmin(1), centres
        centres = np.stack([points[owner == k].mean(0) for k in range(len(centres))])
    return last, owner, np.array(inertia)


def spheres():
    """Equal weights and unit spheres, known: only the centres are free."""
    return jaxem.Model(
        lambda params, z, x: -jnp.log(3.0) + dist.Normal(params["loc"][z], 1.0).log_prob(x).sum(),
        latent=jaxem.Finite(3),
        prior={"loc": jaxem.flat((3, 2))},
    )


def test_equal_spheres_are_k_means():
    hard = jaxem.EM(e_step=jaxem.Hard())
    fit = jaxem.fit(
        spheres(), POINTS, init={"loc": SEEDS}, algorithm=hard, tolerance=0, max_steps=5
    )
    centres, owner, inertia = lloyd(POINTS, SEEDS, 5)
    np.testing.assert_allclose(fit.params["loc"], centres, rtol=1e-12)
    np.testing.assert_array_equal(fit.predict(POINTS), owner)
    constant = -60 * (np.log(3.0) + np.log(2 * np.pi))
    np.testing.assert_allclose(fit.trace, constant - inertia / 2, rtol=1e-12)
    responsibilities = np.asarray(fit.responsibilities(POINTS))
    np.testing.assert_array_equal(responsibilities, owner[:, None] == np.arange(3))


def test_it_converges_and_calls_its_objective_by_name():
    fit = jaxem.fit(spheres(), POINTS, algorithm=jaxem.EM(e_step=jaxem.Hard()), restarts=3, key=0)
    assert fit.converged
    assert "classification log likelihood" in fit.summary()
    for trace in fit.restarts.traces:
        assert np.all(np.diff(trace) >= -1e-12 * np.abs(trace[1:]))
