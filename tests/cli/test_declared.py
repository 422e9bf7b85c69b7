"""A model of the person's own: found beside the config, or explained why not."""

import pytest

from jaxem.cli.declared import build
from jaxem.cli.loading import load
from jaxem.cli.problems import ConfigError

MODULE = '''
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem
from jaxem.types import DeclarationError

NUMBER = 3


def rates(states=2):
    """A Poisson mixture of equal weights."""

    def log_joint(params, z, x):
        return dist.Poisson(params["rate"][z]).log_prob(x) - jnp.log(states)

    prior = {"rate": jaxem.flat((states,), constraints.positive)}
    return jaxem.Model(log_joint, latent=jaxem.Finite(states), prior=prior)


def number():
    return 3


def broken():
    return {}["rate"]


def leaving():
    raise SystemExit(0)


def refused():
    return jaxem.Model(3, latent=jaxem.Finite(2), prior={})
'''

CONFIG = """
[data]
source = "two_coins"
columns = ["heads"]
[model]
declare = "{declare}"
options = {options}
"""


def job(write, declare, options="{}", module="rates_of_mine"):
    write(f"{module}.py", MODULE)
    return load(write("config.toml", CONFIG.format(declare=declare, options=options)))


def test_a_module_beside_the_config(write):
    model = build(job(write, "rates_of_mine:rates", "{ states = 3 }"))
    assert [parameter.shape for parameter in model.parameters] == [(3,)]


@pytest.mark.parametrize(
    ("declare", "options", "expected"),
    [
        ("rates_of_nobody:rates", "{}", ["no module 'rates_of_nobody'"]),
        ("rates_of_mine:rate", "{}", ["has no 'rate'", "'rates'?"]),
        ("rates_of_mine:NUMBER", "{}", ["not a function"]),
        ("rates_of_mine:number", "{}", ["returned int", "jaxem.Model"]),
        ("rates_of_mine:broken", "{}", ["KeyError", "rates_of_mine.py, line 2"]),
        ("rates_of_mine:leaving", "{}", ["SystemExit"]),
        ("rates_of_mine:rates", "{ stats = 3 }", ["TypeError", "stats"]),
    ],
)
def test_a_wrong_function_is_explained(write, declare, options, expected):
    with pytest.raises(ConfigError) as caught:
        build(job(write, declare, options))
    for words in [f'declare = "{declare}"', *expected]:
        assert words in caught.value.report()


def test_a_module_that_does_not_compile(write):
    asked = job(write, "mistyped:rates")
    write("mistyped.py", "def rates(:\n")
    with pytest.raises(ConfigError, match="1 problem"):
        build(asked)


def test_a_module_that_imports_what_is_not_there(write):
    asked = job(write, "importing:rates")
    write("importing.py", "import no_such_library\n")
    with pytest.raises(ConfigError) as caught:
        build(asked)
    assert "no_such_library" in caught.value.report()


@pytest.mark.parametrize("taken", ["random", "numpy"])
def test_a_module_with_a_name_that_is_taken(write, taken):
    with pytest.raises(ConfigError) as caught:
        build(job(write, f"{taken}:rates", module=taken))
    assert "rename it" in caught.value.report()


def test_a_refused_declaration_ends_with_two(run, write):
    path = job(write, "rates_of_mine:refused").path
    answer = run("explain", path)
    assert answer.exit_code == 2
    assert "log_joint" in answer.stderr
