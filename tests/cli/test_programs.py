"""A NumPyro program of the person's own, named in a config."""

import csv
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


CHAIN = """
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan
from numpyro.distributions import constraints


def calls(count):
    transition = numpyro.sample("transition", dist.Dirichlet(jnp.ones((2, 2))).to_event(1))
    rate = numpyro.param("rate", jnp.ones(2), constraint=constraints.positive)

    def step(carry, now):
        before, t = carry
        with numpyro.plate("caller", count.shape[0]):
            chances = jnp.where(t == 0, jnp.array([0.5, 0.5]), transition[before])
            z = numpyro.sample("z", dist.Categorical(chances))
            numpyro.sample("count", dist.Poisson(rate[z]), obs=now)
        return (z, t + 1), None

    scan(step, (jnp.zeros(count.shape[0], int), 0), count.T)
"""

CALLS = """
[data]
source = "calls.csv"
columns = ["count"]
sequence = "caller"
time = "hour"
[model]
program = "calls_of_mine:calls"
[output]
hidden_states = true
"""


def test_a_program_takes_sequences_of_unequal_lengths(run, write, tmp_path):
    """Quiet, then busy; the rows of the file are in no order."""
    counts = {"ann": [1, 0, 2, 1, 9, 8, 11], "bob": [0, 1, 10, 9, 12]}
    rows = [f"{name},{t},{c}" for name, line in counts.items() for t, c in enumerate(line)]
    write("calls.csv", "\n".join(["caller,hour,count", *rows[::-1]]) + "\n")
    write("calls_of_mine.py", CHAIN)
    answer = run("fit", write("calls.toml", CALLS))
    assert answer.exit_code == 0, answer.stderr
    folder = tmp_path / "results" / "calls"
    assert json.loads((folder / "summary.json").read_text())["sequences"] == 2
    with (folder / "states.csv").open(newline="") as file:
        found = {(r["caller"], int(r["hour"])): r["state"] for r in csv.DictReader(file)}
    states = [[found[name, t] for t in range(len(line))] for name, line in counts.items()]
    quiet, busy = states[0][0], states[0][-1]
    assert states == [[quiet] * 4 + [busy] * 3, [quiet] * 2 + [busy] * 3] and quiet != busy
