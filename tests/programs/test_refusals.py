"""What cannot be fitted is refused in words: what was met, what was expected, what to do."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers

import jaxem

from . import annotation

Y = np.random.default_rng(0).normal(size=12)
WEIGHTS = jnp.array([0.4, 0.6])


def _hidden(name="z", probs=WEIGHTS):
    return numpyro.sample(name, dist.Categorical(probs))


def infinite(y):
    rate = numpyro.sample("rate", dist.Gamma(1.0, 1.0))
    with numpyro.plate("data", len(y)):
        count = numpyro.sample("count", dist.Poisson(rate))
        numpyro.sample("y", dist.Normal(count, 1.0), obs=y)


def no_plate(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    z = _hidden()
    with numpyro.plate("data", len(y)):
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)


def apart(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("other", 3):
        a = _hidden("a")
    with numpyro.plate("data", len(y)):
        b = _hidden("b")
        numpyro.sample("y", dist.Normal(loc[b] + a.sum(), 1.0), obs=y)


def large(y):
    chance = numpyro.sample("chance", dist.Beta(1.0, 1.0))
    with numpyro.plate("data", len(y), dim=-2):
        a = _hidden("a")
        with numpyro.plate("switch", 13):
            on = numpyro.sample("on", dist.Bernoulli(chance))
            numpyro.sample("y", dist.Normal(a + on, 1.0), obs=y[:, None])


def branching_on_all(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("data", len(y)):
        numpyro.sample("y", dist.Normal(loc[0] if _hidden() == 0 else loc[1], 1.0), obs=y)


def branching(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[0] if z[0] == 0 else loc[1], 1.0), obs=y)


def random_effect(y):
    scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        effect = numpyro.sample("effect", dist.Normal(z, scale))
        numpyro.sample("y", dist.Normal(effect, 1.0), obs=y)


def nothing_hidden(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0))
    with numpyro.plate("data", len(y)):
        _hidden()
        numpyro.sample("y", dist.Normal(loc, 1.0), obs=y)


def nothing_observed(y):
    with numpyro.plate("data", len(y)):
        _hidden()


def scaled(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("data", len(y)), handlers.scale(scale=2.0):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)


def moving_support(y):
    width = numpyro.sample("width", dist.Gamma(1.0, 1.0))
    loc = numpyro.sample("loc", dist.Uniform(0.0, width).expand((2,)))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)


class Formless(dist.Distribution):
    """A density with no support."""

    support = None

    def sample(self, key, sample_shape=()):
        return jnp.zeros(sample_shape)

    def log_prob(self, value):
        return -jnp.abs(value)


def formless(y):
    loc = numpyro.sample("loc", Formless())
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc + z, 1.0), obs=y)


def entangled(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)
    numpyro.factor("balance", -jnp.square(z.mean() - 0.5))


def outside(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=jnp.asarray(Y))


def centred(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y - jnp.mean(y))


def traced_size(y, label):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((int(jnp.max(label)) + 1,)))
    with numpyro.plate("data", len(y)):
        z = _hidden()
        numpyro.sample("y", dist.Normal(loc[label] + z, 1.0), obs=y)


def many_entries(y):
    chance = numpyro.sample("chance", dist.Beta(1.0, 1.0))
    with numpyro.plate("data", len(y)):
        pair = numpyro.sample("pair", dist.Bernoulli(chance).expand((2,)).to_event(1))
        numpyro.sample("y", dist.Normal(pair.sum(-1), 1.0), obs=y)


def nothing_to_fit(y):
    with numpyro.plate("data", len(y)):
        numpyro.sample("y", dist.Normal(_hidden(), 1.0), obs=y)


def failing(y):
    raise RuntimeError("this program is not finished")


LABELLED = {"y": Y, "label": np.arange(12) % 3}

REFUSALS = {
    infinite: ["'count'", "(Poisson", "finite list of values", "dist.Categorical"],
    no_plate: ["'z'", "in no plate", "numpyro.plate('data', len(x))"],
    apart: ["no plate in common", "'a' in 'other'", "'b' in 'data'"],
    large: ["16,384 joint hidden states", "'a' has 2 states", "'on' has 2 states in each of 13"],
    branching_on_all: ["whether an array is true", "jnp.where"],
    branching: ["asks what a hidden value", "'z'", "jnp.where"],
    random_effect: ["'effect'", "Normal", "12 data", "random effect"],
    nothing_hidden: ["no hidden discrete site", "'loc'", "dist.MixtureSameFamily"],
    nothing_observed: ["no observed site", "obs="],
    scaled: ["'z'", "handlers.scale", "weights="],
    moving_support: ["support of 'loc'", "'width'"],
    formless: ["'loc'", "neither a support nor a prior", "constraint="],
    entangled: ["'balance'", "depends on the hidden state 'z'", "Move it into the plate"],
    outside: ["one datum at a time", "has to be an argument"],
    centred: ["one datum at a time", "among all data", "computed before"],
    traced_size: ["a size from data with numpy", "Abstract tracer"],
    many_entries: ["'pair'", "one site an entry"],
    nothing_to_fit: ["no continuous site", "nothing to estimate"],
    failing: ["'failing'", "RuntimeError", "not finished"],
}


@pytest.mark.parametrize("program", REFUSALS, ids=lambda program: program.__name__)
def test_a_program_is_refused_in_words(program):
    data = LABELLED if program is traced_size else {"y": Y}
    with pytest.raises(jaxem.DeclarationError) as caught:
        jaxem.fit(jaxem.from_numpyro(program), data)
    assert not [words for words in REFUSALS[program] if words not in str(caught.value)], str(
        caught.value
    )


def test_a_difficulty_of_each_item_is_a_random_effect():
    _, said = annotation.annotations()
    with pytest.raises(jaxem.DeclarationError, match=r"'theta_decentered'.*30 data.*random effect"):
        jaxem.explain(jaxem.from_numpyro(annotation.item_difficulty), said)


def two(y, label, components=2):
    """Never run: its data do not fit its arguments."""


@pytest.mark.parametrize(
    ("constants", "data", "expected"),
    [
        ({}, {"y": Y, "lable": Y}, ["'lable'", "did you mean 'label'", "'components'"]),
        ({}, {"y": Y}, ["needs 'label'"]),
        ({}, Y, ["2 arguments", "'y', 'label'"]),
        ({"component": 3}, {"y": Y, "label": Y}, ["'component'", "'components'"]),
        ({"components": 3}, {"y": Y, "label": Y, "components": 2}, ["'components'", "once"]),
        ({}, {"y": np.array(["a"] * 12), "label": Y}, ["argument 'y'", "not numbers"]),
    ],
)
def test_data_go_by_the_names_of_the_arguments(constants, data, expected):
    with pytest.raises(jaxem.DeclarationError) as caught:
        jaxem.from_numpyro(two, **constants).bind(data)
    assert not [words for words in expected if words not in str(caught.value)], str(caught.value)


def test_what_is_no_program():
    with pytest.raises(jaxem.DeclarationError, match=r"with numpyro\.sample"):
        jaxem.from_numpyro(3)  # pyright: ignore
    with pytest.raises(jaxem.DeclarationError, match=r"expected a jaxem\.Model.*from_numpyro"):
        jaxem.fit(no_plate, Y)  # pyright: ignore


def test_no_array_along_the_plate():
    def program(count):
        loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
        with numpyro.plate("data", count):
            numpyro.sample("y", dist.Normal(loc[_hidden()], 1.0), obs=jnp.asarray(Y))

    with pytest.raises(jaxem.DeclarationError, match=r"no argument .* 'data' of size 12"):
        jaxem.from_numpyro(program).bind({"count": 12})


def test_missing_numbers_are_named():
    def program(y):
        loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand((2,)))
        with numpyro.plate("data", len(y)):
            numpyro.sample("y", dist.Normal(loc[_hidden()], 1.0), obs=y)

    with pytest.raises(jaxem.DeclarationError, match=r"data\['y'\] is NaN or infinite in 1 of 12"):
        jaxem.fit(jaxem.from_numpyro(program), np.where(np.arange(12) == 3, np.nan, Y))
