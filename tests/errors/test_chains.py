"""Standard errors of sequences: second derivatives through the recursions over time."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxem

LENGTHS = np.random.default_rng(0).integers(20, 61, 20)


def counts():
    """Counts of a two-state chain, in sequences of unequal length."""
    rng = np.random.default_rng(1)
    z = np.empty((20, 60), int)
    z[:, 0] = rng.random(20) < 0.4
    for t in range(1, 60):
        z[:, t] = rng.random(20) < np.where(z[:, t - 1] == 0, 0.15, 0.75)
    return rng.poisson(np.array([1.5, 7.0])[z])


def test_the_information_is_that_of_differences():
    data, model = counts()[:, : LENGTHS.max()], jaxem.zoo.poisson_chain(2)
    start = {"initial": [0.6, 0.4], "transition": [[0.8, 0.2], [0.3, 0.7]], "rate": [1.5, 7.0]}
    fit = jaxem.fit(model, data, lengths=LENGTHS, init=start)
    at = np.array([fit.params["initial"][1], *fit.params["transition"][:, 1], *fit.params["rate"]])

    def of(u):
        pair = jnp.stack([1 - u[:3], u[:3]], -1)
        return {"initial": pair[0], "transition": pair[1:], "rate": u[3:]}

    value = jax.jit(lambda u: model.log_likelihood(of(u), data, lengths=LENGTHS))
    step = 1e-3 * np.eye(5)
    hessian = [
        [
            value(at + a + b) - value(at + a - b) - value(at - a + b) + value(at - a - b)
            for a in step
        ]
        for b in step
    ]
    expected = np.sqrt(np.diag(np.linalg.inv(-np.array(hessian) / 4e-6)))
    se = fit.errors(data, lengths=LENGTHS).se
    found = [se["initial"][1], *se["transition"][:, 1], *se["rate"]]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
