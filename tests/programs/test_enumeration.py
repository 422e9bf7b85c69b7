"""The evidence is NumPyro's own, which sums hidden states with funsor (here an oracle only)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem

from . import annotation, chains
from .test_examples import FIVE, documented
from .twins import twins

funsor = pytest.importorskip("numpyro.contrib.funsor")

WHO, SAID = annotation.annotations()
SERIES = np.random.default_rng(0).normal(size=(3, 5))
MUSIC = np.random.default_rng(1).integers(2, size=(4, 6, 5))
EXAMPLES = {
    "documented": (documented, {"data": FIVE}),
    "multinomial": (annotation.multinomial, {"annotations": SAID}),
    "dawid-skene": (annotation.dawid_skene, {"positions": WHO, "annotations": SAID}),
    "mace": (annotation.mace, {"positions": WHO, "annotations": SAID}),
    "hierarchical": (
        annotation.hierarchical_dawid_skene,
        {"positions": WHO, "annotations": SAID},
    ),
    "dependent": (twins("dependent").program, {"y": twins("dependent").data}),
    "grouped": (twins("grouped").program, twins("grouped").data),
    "hidden markov": (twins("hidden markov").program, {"y": twins("hidden markov").data}),
    "state before the data": (chains.silent_start, {"y": SERIES[0]}),
    "datum before the scan": (chains.counts, {"y": np.arange(7)}),
    "lag and input": (chains.regimes, {"y": SERIES, "x": SERIES[::-1]}),
    "music": (chains.music, {"sequences": MUSIC, "lengths": np.array([6, 5, 6, 3])}),
}


#: The ordinary run has time for one chain.
LONG = {"hidden markov", "state before the data", "lag and input", "music"}


@pytest.mark.parametrize(
    "name", [pytest.param(e, marks=pytest.mark.long if e in LONG else ()) for e in EXAMPLES]
)
def test_the_marginal_density_is_funsors(name):
    program, data = EXAMPLES[name]
    model, rows = jaxem.from_numpyro(program).bind(data)
    rng = np.random.default_rng(5)
    params = {}
    for p in model.parameters:
        u = jnp.asarray(0.3 * rng.normal(size=p.unconstrained_shape))
        params[p.name] = p.constrain(u)
    found = jax.jit(model.log_likelihood)(params, rows) + model.log_prior(params)
    summed = funsor.enum(funsor.config_enumerate(program), first_available_dim=-4)
    said, _ = funsor.log_density(summed, (), data, params)
    assert float(found) == pytest.approx(float(said), rel=1e-10)
