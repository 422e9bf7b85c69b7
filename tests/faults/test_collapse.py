"""A component that sits on a few equal rows gains without end, and that is no answer."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import Status

from .mixtures import TWO, normals, positive, weights

#: Rows of which three are the same, among the others.
LINE = np.concatenate([TWO[:37], [1.5, 1.5, 1.5]])
PLANE = np.column_stack([LINE, np.cos(7.0 * LINE)])
#: Rows of which the last five lie on a line, and are not equal.
SLOPE = np.array([0.5, 1.0])
FLAT = np.concatenate([PLANE[:35], np.linspace(-1.0, 1.0, 5)[:, None] * SLOPE + [2.0, 0.0]])

#: Centres of a start that collapses and of one that does not.
LOC = np.array([[0.5, 1.5], [0.0, 3.5]])
BOTH = np.stack([LOC, np.zeros((2, 2))], axis=-1)
BOTH[0, 1] = PLANE[-1]
NARROW = np.array([[1.0, 1e-3], [1.0, 1.0]])


def start(loc, **spread):
    return {"weights": np.full((2, 2), 0.5), "loc": loc, **spread}


def mixture(log_density, loc, **prior):
    def log_joint(params, z, x):
        return jnp.log(params["weights"][z]) + log_density(params, z, x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"weights": weights(2), "loc": jaxem.flat(loc), **prior},
    )


def scales():
    return normals(), LINE, start(LOC, scale=NARROW)


def precisions():
    model = mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], p["precision"][z] ** -0.5).log_prob(x),
        (2,),
        precision=positive(2),
    )
    return model, LINE, start(LOC, precision=NARROW**-2)


def of_reals(scale, real):
    """Scales that are a function of real numbers, and the numbers of the starts."""
    model = mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], scale(p["real"][z])).log_prob(x),
        (2,),
        real=jaxem.flat((2,)),
    )
    return model, LINE, start(LOC, real=real)


def log_scales():
    return of_reals(jnp.exp, np.log(NARROW))


def softplus_scales():
    return of_reals(lambda u: jnp.logaddexp(u, 0.0), np.log(np.expm1(NARROW)))


def absolute_scales():
    return of_reals(jnp.abs, NARROW * [[1, -1], [1, 1]])


def squared_scales():
    return of_reals(jnp.square, np.sqrt(NARROW))


def scales_of_an_interval():
    model = mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x),
        (2,),
        scale=dist.Uniform(0.0, 10.0).expand((2,)),
    )
    return model, LINE, start(LOC, scale=NARROW)


def shapes_and_rates():
    """Neither the shape nor the rate alone can move."""
    model = mixture(
        lambda p, z, x: dist.Gamma(p["loc"][z], p["rate"][z]).log_prob(x),
        (2,),
        rate=positive(2),
    )
    model = jaxem.Model(
        model.log_joint,
        jaxem.Finite(2),
        {"weights": weights(2), "loc": positive(2), "rate": positive(2)},
    )
    rows = np.concatenate([np.linspace(0.5, 4.0, 37), [6.0, 6.0, 6.0]])
    shapes = np.array([[3.0, 6e4], [3.0, 8.0]])
    return model, rows, start(shapes, rate=shapes / [[2.0, 6.0], [1.5, 3.0]])


def natural_parameters():
    model = mixture(
        lambda p, z, x: (
            p["loc"][z] * x
            - p["half"][z] * x**2
            + 0.5 * jnp.log(p["half"][z] / jnp.pi)
            - p["loc"][z] ** 2 / (4 * p["half"][z])
        ),
        (2,),
        half=positive(2),
    )
    return model, LINE, start(LOC / NARROW**2, half=0.5 / NARROW**2)


def free_scale_of_a_prior():
    """The prior of the centres is infinite where all are alike."""
    prior = {
        "weights": weights(2),
        "middle": jaxem.flat(()),
        "log_spread": jaxem.flat(()),
        "loc": lambda p: dist.Normal(p["middle"], jnp.exp(p["log_spread"])).expand((2,)),
    }
    model = jaxem.Model(
        lambda p, z, x: jnp.log(p["weights"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x),
        jaxem.Finite(2),
        prior,
    )
    start = {
        "weights": np.full((2, 2), 0.5),
        "middle": np.full(2, 2.0),
        "log_spread": np.array([-6.0, 1.0]),
        "loc": np.array([[2.0, 2.0], [0.0, 4.0]]),
    }
    return model, TWO, start


def diagonal():
    model = mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x).sum(),
        (2, 2),
        scale=positive(2, 2),
    )
    return model, PLANE, start(BOTH, scale=np.stack([NARROW, NARROW], axis=-1))


def matrices(widths):
    """Spherical covariance matrices of these widths, (..., 2, 2)."""
    return widths[..., None, None] ** 2 * np.eye(2)


def covariances():
    model = mixture(
        lambda p, z, x: dist.MultivariateNormal(p["loc"][z], p["cov"][z]).log_prob(x),
        (2, 2),
        cov=jaxem.flat((2, 2, 2), constraints.positive_definite),
    )
    return model, PLANE, start(BOTH.copy(), cov=matrices(NARROW))


def covariances_along_a_line():
    """The rows are not equal, and have no width across."""
    model, _, starts = covariances()
    starts["loc"][0, 1] = [2.0, 0.0]
    starts["cov"][0, 1] = np.outer(SLOPE, SLOPE) + 1e-6 * np.eye(2)
    return model, FLAT, starts


def factors():
    model = mixture(
        lambda p, z, x: dist.MultivariateNormal(p["loc"][z], scale_tril=p["tril"][z]).log_prob(x),
        (2, 2),
        tril=jaxem.flat((2, 2, 2), constraints.lower_cholesky),
    )
    return model, PLANE, start(BOTH, tril=np.sqrt(matrices(NARROW)))


FORMS = [scales, precisions, covariances, covariances_along_a_line, factors]
FORMS += [log_scales, absolute_scales, shapes_and_rates]
RARER = [softplus_scales, squared_scales, scales_of_an_interval, natural_parameters]


@pytest.mark.parametrize(
    "form",
    [*FORMS, *(pytest.param(form, marks=pytest.mark.long) for form in RARER)],
    ids=lambda form: form.__name__,
)
def test_a_collapse_is_told_and_never_wins(form):
    """The first start has a narrow component on the equal rows, the second has none."""
    model, data, starts = form()
    fit = jaxem.fit(model, data, init=starts, restarts=2)
    assert fit.restarts.status[0] == Status.DEGENERATE, fit.restarts.status
    assert fit.restarts.best == 1
    assert fit.status.usable
    assert Status.DEGENERATE.sentence in fit.summary()
    for value in fit.restarts.params.values():
        assert np.all(np.isfinite(value))


def test_a_free_scale_of_a_prior_collapses_as_any_other():
    model, data, starts = free_scale_of_a_prior()
    fit = jaxem.fit(model, data, init=starts, restarts=2)
    assert Status.DEGENERATE in fit.restarts.status
    assert all(s in (Status.DEGENERATE, Status.CONVERGED) for s in fit.restarts.status)
    if fit.converged:
        assert fit.gradient_norm < 1e-3


@pytest.mark.parametrize("form", [scales], ids=lambda form: form.__name__)
def test_a_collapse_that_is_stopped_on_its_way_does_not_win(form):
    model, data, starts = form()
    fit = jaxem.fit(model, data, init=starts, restarts=2, max_steps=4)
    assert fit.restarts.objective[0] > fit.restarts.objective[1]
    assert fit.restarts.best == 1


def test_a_constant_column_is_a_collapse_of_all():
    model, data, _ = diagonal()
    data = np.column_stack([data[:, 0], np.full(40, 3.0)])
    fit = jaxem.fit(model, data, restarts=3)
    assert fit.restarts.status == [Status.DEGENERATE] * 3


def test_a_rate_near_zero_is_no_collapse():
    """A Poisson component that explains the rows that are zero has a rate of zero, rightly."""
    model = jaxem.Model(
        lambda params, z, x: (
            jnp.log(params["weights"][z]) + dist.Poisson(params["rate"][z]).log_prob(x)
        ),
        latent=jaxem.Finite(2),
        prior={"weights": weights(2), "rate": positive(2)},
    )
    calls = np.concatenate([np.zeros(20, int), np.random.default_rng(0).poisson(12.0, 20)])
    start = {"weights": np.full(2, 0.5), "rate": np.array([0.1, 9.0])}
    fit = jaxem.fit(model, calls, init=start)
    assert fit.status == Status.CONVERGED
    assert fit.params["rate"][0] < 1e-6


def test_a_prior_keeps_components_from_collapsing():
    model = mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], jnp.sqrt(p["variance"][z])).log_prob(x),
        (2,),
        variance=dist.InverseGamma(2.0, 1.0).expand([2]),
    )
    fit = jaxem.fit(model, LINE, init=start(LOC, variance=NARROW**2), restarts=2)
    assert all(status == Status.CONVERGED for status in fit.restarts.status)
    assert fit.restarts.params["variance"].min() > 0.05
