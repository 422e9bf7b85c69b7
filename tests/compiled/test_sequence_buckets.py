"""Numbers of sequences are filled up, so that another number compiles nothing."""

import jax
import numpy as np
import pytest

import jaxem
from jaxem.compiled.buckets import bucket_of_sequences


@pytest.mark.parametrize(
    ("sequences", "steps", "size"),
    [(1, 10**6, 1), (5, 60, 8), (100, 30, 128), (100, 1000, 112), (5, 1000, 5), (9, 1000, 10)],
)
def test_a_bucket_costs_at_most_a_quarter_where_steps_are_many(sequences, steps, size):
    assert bucket_of_sequences(sequences, steps) == size


def test_another_number_of_sequences_compiles_nothing_and_changes_nothing():
    rng = np.random.default_rng(0)
    state = rng.integers(0, 2, (7, 40)).cumsum(1) // 20 % 2
    data = (4.0 * state + rng.normal(size=(7, 40)))[..., None]
    model = jaxem.zoo.gaussian_chain(2, 1)
    jaxem.fit(model, data, restarts=2)
    compiled: list[str] = []

    def listen(event: str, _: float, **told: object) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(str(told.get("fun_name", "")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    fit = jaxem.fit(model, data[:5], restarts=2)
    assert not compiled
    density = float(model.log_likelihood(fit.params, data[:5]))
    assert fit.log_likelihood == pytest.approx(density, abs=1e-8)
    weighed = jaxem.fit(model, data, restarts=2, weights=np.r_[np.ones(5), 0, 0])
    assert weighed.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
