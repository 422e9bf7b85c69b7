"""``jaxem fit`` from end to end: what it prints, what it writes, how it ends."""

import contextlib
import csv
import errno
import json
import signal
import tempfile

import numpy as np
import pytest

import jaxem
from jaxem.cli import placing
from jaxem.cli.progress import Bar

COINS = """
[data]
source = "two_coins"
columns = ["heads"]
[model]
zoo = "binomial_mixture"
[model.options]
components = 2
trials = 10
weights = [0.5, 0.5]
[fit]
init = { probs = [0.6, 0.5] }
"""

FILES = {"fit.npz", "parameters.json", "summary.json", "trace.csv"}


@pytest.fixture
def coins(write):
    return write("coins.toml", COINS)


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_summary_and_folder(run, coins, tmp_path):
    answer = run("fit", coins)
    assert answer.exit_code == 0, answer.stderr
    assert "probs" in answer.stdout
    folder = tmp_path / "results" / "coins"
    assert f"written to {folder.relative_to(tmp_path)}" in answer.stdout
    assert {path.name for path in folder.iterdir()} == FILES
    summary = read(folder, "summary.json")
    assert summary["converged"] is True
    assert summary["log_likelihood"] == pytest.approx(-31.5702002359969 + 21.7732759437753)
    assert summary["config"]["fit"]["init"] == {"probs": [0.6, 0.5]}
    assert summary["restarts"]["status"] == ["CONVERGED"]
    assert set(summary["versions"]) >= {"python", "jaxem", "jax", "numpyro"}
    saved = jaxem.load(folder / "fit.npz")
    np.testing.assert_allclose(
        read(folder, "parameters.json")["probs"], saved.params["probs"], rtol=1e-15
    )


def test_the_trace_is_the_textbooks(run, coins, tmp_path):
    """Ten steps, no more and no less: 0.80 and 0.52 in Do and Batzoglou's figure."""
    settings = ("--set", "fit.tolerance=0", "--set", "fit.max_steps=10")
    answer = run("fit", coins, *settings, "--output", tmp_path / "mine")
    assert answer.exit_code == 0, answer.stderr
    with (tmp_path / "mine" / "trace.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(11))
    objective = [float(row["objective"]) for row in rows]
    assert objective[0] == pytest.approx(-33.0938625198332 + 21.7732759437753, abs=1e-8)
    assert objective == sorted(objective)
    found = read(tmp_path / "mine", "parameters.json")["probs"]
    np.testing.assert_allclose(found, [0.80, 0.52], atol=0.006)
    assert read(tmp_path / "mine", "summary.json")["status"] == "STEP_LIMIT"


def test_quiet_prints_nothing(run, coins):
    answer = run("fit", coins, "--quiet")
    assert answer.exit_code == 0
    assert answer.stdout == answer.stderr == ""


def test_the_folder_of_the_config(run, write, tmp_path):
    answer = run("fit", write("coins.toml", COINS + '[output]\nfolder = "a/b"\n'))
    assert answer.exit_code == 0, answer.stderr
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == FILES


def test_settings_are_laid_over_the_config(run, coins, tmp_path):
    run("fit", coins, "--set", "fit.init=prior_draws", "--set", "fit.restarts=3")
    summary = read(tmp_path / "results" / "coins", "summary.json")
    assert summary["restarts"]["count"] == 3
    assert len(summary["restarts"]["objective"]) == 3
    assert summary["config"]["fit"] == {"init": "prior_draws", "restarts": 3}


def test_a_seed_is_an_answer(run, coins, tmp_path):
    found = []
    for seed in (1, 1, 2):
        settings = ("fit.init=random_responsibilities", f"fit.seed={seed}", "fit.max_steps=2")
        run("fit", coins, *(word for setting in settings for word in ("--set", setting)))
        found.append(read(tmp_path / "results" / "coins", "parameters.json")["probs"])
    assert found[0] == found[1] != found[2]


def test_weights_of_the_config(run, write, tmp_path):
    """One Poisson rate: the weighted mean."""
    write("counts.csv", "count,days\n0,3\n4,1\n")
    text = """
    [data]
    source = "counts.csv"
    weights = "days"
    [model]
    zoo = "poisson_mixture"
    [model.options]
    components = 1
    """
    answer = run("fit", write("rate.toml", text))
    assert answer.exit_code == 0, answer.stderr
    assert read(tmp_path / "results" / "rate", "parameters.json")["rate"] == pytest.approx([1.0])


def test_ones_own_model_with_named_columns(run, write, tmp_path):
    write(
        "straight_lines.py",
        """
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem


def one_line():
    def log_joint(params, z, x):
        mean = params["slope"][z] * x["minutes"]
        return dist.Normal(mean, params["scale"]).log_prob(x["metres"])

    prior = {"slope": jaxem.flat((1,)), "scale": jaxem.flat((), constraints.positive)}
    return jaxem.Model(log_joint, latent=jaxem.Finite(1), prior=prior)
""",
    )
    write("walks.csv", "minutes,metres\n1,2\n2,5\n3,6\n4,8\n")
    text = """
    [data]
    source = "walks.csv"
    as = "dict"
    [model]
    declare = "straight_lines:one_line"
    """
    answer = run("fit", write("walks.toml", text))
    assert answer.exit_code == 0, answer.stderr
    found = read(tmp_path / "results" / "walks", "parameters.json")
    assert found["slope"] == pytest.approx([62 / 30], rel=1e-6)


def test_interrupted_writes_the_best_so_far(run, coins, tmp_path, monkeypatch):
    monkeypatch.setattr(Bar, "__call__", lambda *_: signal.raise_signal(signal.SIGINT))
    settings = ("--set", "fit.tolerance=0", "--set", "fit.max_steps=1000000")
    answer = run("fit", coins, *settings)
    assert answer.exit_code == 130
    folder = tmp_path / "results" / "coins"
    assert {path.name for path in folder.iterdir()} == FILES
    assert read(folder, "summary.json")["status"] == "INTERRUPTED"


def test_an_interrupt_that_was_dropped_still_counts(run, coins, monkeypatch):
    def drop(*_):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Bar, "__call__", drop)
    settings = ("--set", "fit.tolerance=0", "--set", "fit.max_steps=1000000")
    assert run("fit", coins, *settings).exit_code == 130


def test_interrupted_before_the_first_step(run, coins, tmp_path, monkeypatch):
    monkeypatch.setattr(Bar, "__enter__", lambda _: signal.raise_signal(signal.SIGINT))
    answer = run("fit", coins)
    assert answer.exit_code == 130
    assert "nothing was written" in answer.stderr
    assert not (tmp_path / "results").exists()


def test_a_disk_that_fills_during_the_fit_costs_no_results(run, coins, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "spare").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spare"))
    monkeypatch.setattr(placing, "_at_once", full)
    answer = run("fit", coins)
    assert answer.exit_code == 2
    (spare,) = (tmp_path / "spare").iterdir()
    assert "No space left on device" in answer.stderr and str(spare) in answer.stderr
    assert {path.name for path in spare.iterdir()} == FILES
    assert "probs" in answer.stdout and "written to" not in answer.stdout
    assert not list((tmp_path / "results").iterdir())

    monkeypatch.setattr(
        placing, "_other_folder", lambda *_: placing.Placed(None, "could not be written")
    )
    answer = run("fit", coins, "--quiet")
    assert answer.exit_code == 2
    assert json.loads(answer.stdout)["probs"][1] < 0.6  # the parameters, where all else fails


def test_no_usable_answer_ends_with_one(run, write, tmp_path):
    """Four points, two of them equal, under two free variances: one collapses onto the pair."""
    write("pair.csv", "x\n0.0\n0.0\n1.0\n7.0\n")
    text = """
    [data]
    source = "pair.csv"
    [model]
    zoo = "gaussian_mixture"
    [model.options]
    components = 2
    [fit]
    init = { weights = [0.5, 0.5], loc = [[0.0], [4.0]], cov = [[[0.001]], [[9.0]]] }
    """
    answer = run("fit", write("pair.toml", text))
    assert answer.exit_code == 1
    summary = read(tmp_path / "results" / "pair", "summary.json")
    assert summary["status"] in {"DEGENERATE", "NON_FINITE"}
    assert summary["converged"] is False


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("fit.init={probs=[0.6,0.5,0.4]}", ["probs"]),
        ("fit.init={prob=[0.6,0.5]}", ["prob"]),
        ("model.options.weights=[0.5,0.6]", ["add up to 1"]),
        ("model.options.trials=3", ["support"]),
    ],
)
def test_what_the_library_refuses_ends_with_two(run, coins, setting, words):
    answer = run("fit", coins, "--set", setting)
    assert answer.exit_code == 2
    assert "Traceback" not in answer.stderr
    for word in words:
        assert word in answer.stderr


@pytest.mark.long
def test_acceleration_is_asked_for_in_the_config(run, write, tmp_path):
    config = write(
        "fast.toml",
        COINS.replace("init = { probs = [0.6, 0.5] }", "")
        + 'algorithm = "anderson"\nfinish = "newton"\nrestarts = 4\n'
        + "race = { keep = 1, after = 2 }\n",
    )
    answer = run("fit", config)
    assert answer.exit_code == 0, answer.stderr
    status = read(tmp_path / "results" / "fast", "summary.json")["restarts"]["status"]
    assert sorted(status) == ["CONVERGED", "DROPPED", "DROPPED", "DROPPED"]
    saved = jaxem.load(tmp_path / "results" / "fast" / "fit.npz")
    assert saved.algorithm == jaxem.Anderson()


def test_what_cannot_be_accelerated_is_a_mistake_of_the_config(run, coins):
    answer = run("fit", coins, "--set", "fit.algorithm=squarem", "--set", "fit.e_step=hard")
    assert answer.exit_code == 2
    assert "moves in jumps" in answer.stderr


def test_minibatches_are_asked_for_in_the_config(run, write, tmp_path):
    config = write("parts.toml", COINS + 'algorithm = "online"\nbatch_size = 3\n')
    answer = run("fit", config)
    assert answer.exit_code == 0, answer.stderr
    saved = jaxem.load(tmp_path / "results" / "parts" / "fit.npz")
    assert saved.algorithm == jaxem.Online(batch_size=3) and saved.converged
    without = run("fit", write("whole.toml", COINS + 'algorithm = "incremental"\n'))
    assert without.exit_code == 2 and "needs the rows of a minibatch" in without.stderr
    idle = run("fit", write("idle.toml", COINS + "batch_size = 3\n"))
    assert idle.exit_code == 2 and 'is for algorithm = "online"' in idle.stderr


def test_annealing_is_asked_for_in_the_config(run, write, tmp_path):
    config = write("warm.toml", COINS + "anneal = [0.3, 0.6]\n")
    answer = run("fit", config)
    assert answer.exit_code == 0, answer.stderr
    saved = jaxem.load(tmp_path / "results" / "warm" / "fit.npz")
    assert saved.algorithm == jaxem.Annealed((0.3, 0.6)) and saved.warm_up_steps == 40
    both = run("fit", config, "--set", "fit.stochastic.steps=3")
    assert both.exit_code == 2 and "goes before jaxem.EM" in both.stderr
