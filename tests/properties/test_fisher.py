"""Fisher's identity: at the parameters of its E-step, Q is as steep as the log posterior."""

import numpy as np

from jaxem.supports import Matrices, UnitSimplex


def test_q_is_as_steep_as_the_log_posterior(study):
    expected, posterior = study.at_start.expected_slope, study.at_start.posterior_slope
    largest = max(np.abs(slope).max() for slope in posterior.values())
    for name, slope in posterior.items():
        np.testing.assert_allclose(
            expected[name], slope, rtol=0, atol=1e-12 * largest, err_msg=name
        )


def test_the_slope_is_that_of_finite_differences(study):
    """Along a random direction, with no automatic derivative on one side."""
    rng, step = np.random.default_rng(0), 1e-5
    direction = {p.name: _direction(p, study.start[p.name], rng) for p in study.model.free}
    up, down = (
        study.look({k: study.start[k] + h * move for k, move in direction.items()}).posterior
        for h in (step, -step)
    )
    slopes = study.at_start.posterior_slope
    along = sum((slopes[name] * move).sum() for name, move in direction.items())
    assert abs((up - down) / (2 * step) - along) < 1e-6 * (abs(along) + abs(up))


def _direction(p, value, rng):
    """A move that keeps to the support: relative, and the same for all of a matrix."""
    if p.support.is_real:
        return rng.normal(size=p.shape)
    matrix = isinstance(p.support, Matrices)
    move = value * rng.normal(size=(*p.shape[:-2], 1, 1) if matrix else p.shape)
    if isinstance(p.support, UnitSimplex):
        return move - value * move.sum(-1, keepdims=True)
    return move
