"""Every way to end is reached by a fit that was built to end so."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from jaxem import Status
from jaxem.fitting.judge import _best as best_of

from .mixtures import ANSWERS, TWO, centres, choices, normals, normals_start

START = {"weights": np.array([0.5, 0.5]), "loc": np.array([0.0, 5.0])}
model = functools.cache(centres)


def classes(table):
    return {"weights": np.array([0.4, 0.6]), "answer": np.broadcast_to(table, (2, 2, 3))}


def update_with(change):
    """EM whose M-step is a person's, and sets the centres to ``change(centres)``."""
    step = jaxem.ClosedForm(lambda params, data, responsibilities: {"loc": change(params["loc"])})
    return jaxem.EM(m_step=step)


def converged():
    return jaxem.fit(model(), TWO, init=START)


def step_limit():
    return jaxem.fit(model(), TWO, init=START, max_steps=2)


def time_limit():
    return jaxem.fit(model(), TWO, init=START, tolerance=0, time_limit=1e-9)


def interrupted():
    def stop(report):
        raise KeyboardInterrupt

    return jaxem.fit(model(), TWO, init=START, tolerance=0, progress=stop)


def non_finite():
    return jaxem.fit(model(), TWO, init=START, algorithm=update_with(lambda loc: loc * jnp.nan))


def objective_fell():
    return jaxem.fit(model(), TWO, init=START, algorithm=update_with(lambda loc: loc + 1.0))


def degenerate():
    return jaxem.fit(normals(), TWO, init=normals_start([2.0, TWO[7]], [2.0, 1e-3]))


def impossible():
    """Only the start says that nobody ever gives the third answer."""
    return jaxem.fit(choices(), ANSWERS, init=classes(np.array([0.5, 0.5, 0.0])))


def saddle():
    return jaxem.fit(model(), TWO, init=START | {"loc": np.array([1.75, 1.75])})


def no_interior_mode():
    """A prior that is infinite where an answer is never given, and a class that gives none."""
    data = np.where(np.arange(40)[:, None] < 8, 2, ANSWERS % 2)
    start = classes(np.array([[[0.2, 0.3, 0.5]], [[0.5, 0.49, 0.01]]]))
    return jaxem.fit(choices(concentration=0.1), data, init=start)


def sampled():
    return jaxem.fit(model(), TWO, init=START, algorithm=jaxem.Stochastic(3))


def stalled():
    """An update that does not move is at rest, and not at the top."""
    return jaxem.fit(model(), TWO, init=START, algorithm=update_with(lambda loc: loc))


def separated():
    """The logarithm of a rate that is rightly zero."""
    single = jaxem.Model(
        lambda p, z, x: dist.Poisson(jnp.exp(p["log_rate"])).log_prob(x),
        jaxem.Finite(1),
        {"log_rate": jaxem.flat(())},
    )
    return jaxem.fit(single, np.zeros(10, int), init={"log_rate": 0.0})


def unreliable():
    """Far from the rows the truncation is a difference of two ones."""

    def truncated(p, z, x):
        density = dist.Normal(p["loc"], 1.0)
        return density.log_prob(x) - jnp.log(density.cdf(9.0) - density.cdf(0.0))

    single = jaxem.Model(truncated, jaxem.Finite(1), {"loc": jaxem.flat(())})
    still = jaxem.ClosedForm(lambda params, data, responsibilities: {"loc": params["loc"]})
    return jaxem.fit(single, TWO[TWO > 0], init={"loc": -8.2}, algorithm=jaxem.EM(m_step=still))


ENDS = {
    Status.SEPARATED: separated,
    Status.UNRELIABLE: unreliable,
    Status.SAMPLED: sampled,
    Status.CONVERGED: converged,
    Status.STEP_LIMIT: step_limit,
    Status.TIME_LIMIT: time_limit,
    Status.INTERRUPTED: interrupted,
    Status.NON_FINITE: non_finite,
    Status.OBJECTIVE_FELL: objective_fell,
    Status.DEGENERATE: degenerate,
    Status.IMPOSSIBLE: impossible,
    Status.SADDLE: saddle,
    Status.NO_INTERIOR_MODE: no_interior_mode,
    Status.STALLED: stalled,
}


def test_no_status_is_forgotten():
    # The best of a race is never one that was left behind; tests/algorithm has those.
    assert set(ENDS) | {Status.RUNNING, Status.DROPPED} == set(Status)


@pytest.mark.parametrize("status", ENDS, ids=lambda status: status.name.lower())
def test_every_status_is_reached(status):
    fit = ENDS[status]()
    assert fit.status == status
    assert fit.restarts.status == [status]
    assert fit.converged == (status == Status.CONVERGED)
    assert status.sentence in fit.summary()
    assert all(np.all(np.isfinite(value)) for value in fit.params.values())


def test_the_page_begins_with_it_when_nothing_converged():
    assert str(step_limit()).startswith("no restart converged: 1 step limit")
    assert "no restart converged" not in str(converged())


def test_what_stalled_higher_does_not_win_and_is_told():
    """A step that stays where it is, at a better place than the first start converges to."""
    still = jaxem.ClosedForm(lambda params, data, responsibilities: {"loc": params["loc"]})
    objective = np.array([-5.0, -1.0, -7.0, -9.0])
    status = [Status.CONVERGED, Status.STALLED, Status.SEPARATED, Status.UNRELIABLE]
    assert best_of(status, objective) == 0
    assert best_of(status[1:], objective[1:]) == 1
    assert best_of([Status.STALLED, Status.UNRELIABLE], np.array([-2.0, -1.0])) == 0
    fit = jaxem.fit(model(), TWO, init=START, algorithm=jaxem.EM(m_step=still), restarts=1)
    assert "still rises" in str(fit)


def test_a_run_is_running_until_it_has_ended():
    active = []
    jaxem.fit(
        model(),
        TWO,
        init=START,
        tolerance=0,
        max_steps=60,
        progress=lambda r: active.append(r.active),
    )
    assert active == [1, 1, 0]


def test_sentences_and_names_are_all_different():
    assert len({status.sentence for status in Status}) == len(Status)
    assert len({str(status) for status in Status}) == len(Status)
