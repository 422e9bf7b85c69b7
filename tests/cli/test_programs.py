"""A NumPyro program of the person's own, named in a config."""

import json

import pytest

from jaxem.cli.declared import build
from jaxem.cli.loading import load
from jaxem.cli.problems import ConfigError

MODULE = """
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints


def lines(eruptions, waiting, kinds=2):
    slope = numpyro.sample("slope", dist.Normal(0.0, 30.0).expand((kinds,)).to_event(1))
    scale = numpyro.param("scale", 5.0, constraint=constraints.positive)
    with numpyro.plate("data", waiting.shape[0]):
        z = numpyro.sample("z", dist.Categorical(jnp.full(kinds, 1 / kinds)))
        numpyro.sample("waiting", dist.Normal(slope[z] * eruptions, scale), obs=waiting)
"""

CONFIG = """
[data]
source = "old_faithful"
{data}
[model]
program = "{program}"
[model.options]
{options}
[fit]
restarts = 2
"""


@pytest.fixture
def config(write):
    def _config(program="lines_of_mine:lines", options="kinds = 2", data=""):
        write("lines_of_mine.py", MODULE)
        return write("config.toml", CONFIG.format(program=program, options=options, data=data))

    return _config


def test_columns_go_by_the_names_of_the_arguments(run, config, tmp_path):
    answer = run("fit", config())
    assert answer.exit_code == 0, answer.stderr
    found = json.loads((tmp_path / "results" / "config" / "parameters.json").read_text())
    assert len(found["slope"]) == 2


def test_a_program_is_explained(run, config):
    answer = run("explain", config())
    assert "slope" in answer.stdout
    assert "Finite(2)" in answer.stdout


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"options": "kind = 2"}, ["'kind'", "did you mean 'kinds'"]),
        ({"data": 'columns = ["waiting"]'}, ["needs 'eruptions'"]),
    ],
)
def test_what_does_not_fit_is_said(run, config, changes, expected):
    answer = run("explain", config(**changes))
    assert answer.exit_code == 2
    said = " ".join(answer.stderr.split())
    assert not [words for words in expected if words not in said], said


def test_a_program_that_is_not_there(config):
    with pytest.raises(ConfigError) as caught:
        build(load(config(program="lines_of_mine:line")))
    assert "'lines'?" in caught.value.report()
    assert 'program = "lines_of_mine:line"' in caught.value.report()
