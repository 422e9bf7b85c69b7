"""The E-step against a slow sum over all states, and against the derivative that it is."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

ROWS = 2


def states_of(latent):
    """Every joint state, the first name slowest."""
    names = [name for name, _ in latent.sizes]
    for state in itertools.product(*(range(size) for _, size in latent.sizes)):
        yield state[0] if names == [""] else dict(zip(names, state, strict=True))


def test_evidence_is_the_sum_over_all_states(study):
    params = jax.tree.map(jnp.asarray, study.case.start)
    for i in range(ROWS):
        row = jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), study.case.data)
        states = states_of(study.model.latent)
        joint = [float(study.model.log_joint(params, z, row)) for z in states]
        total = math.fsum(math.exp(f) for f in joint)
        np.testing.assert_allclose(study.at_start.table[i], joint, rtol=1e-12, atol=1e-13)
        assert math.isclose(study.at_start.evidence[i], math.log(total), rel_tol=1e-11)
        responsibilities = [math.exp(f) / total for f in joint]
        np.testing.assert_allclose(
            study.at_start.marginals[i], responsibilities, rtol=1e-10, atol=1e-15
        )


def test_responsibilities_sum_to_one(study):
    for responsibilities in (
        study.at_start.marginals,
        study.fitted.responsibilities(study.case.data),
    ):
        assert np.all(np.asarray(responsibilities) >= 0)
        np.testing.assert_allclose(np.sum(responsibilities, axis=1), 1.0, rtol=0, atol=1e-14)


def test_marginals_are_the_gradient_of_the_evidence(study):
    np.testing.assert_allclose(
        study.at_start.marginals, study.at_start.evidence_slope, rtol=1e-13, atol=1e-15
    )
