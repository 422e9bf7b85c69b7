"""Mistakes in a config: all at once, each with its place, its value and what would be right."""

import os

import pytest

GOOD = """
[data]
source = "old_faithful"
[model]
zoo = "gaussian_mixture"
[model.options]
components = 2
"""

#: id -> (text of the config, settings, what the report says)
MISTAKES = {
    "misspelt key": (GOOD + "[fit]\nrestrats = 200\n", [], ["[fit] restrats = 200", "'restarts'?"]),
    "misspelt table": (GOOD + "[fitt]\nseed = 1\n", [], ["[fitt]", "'fit'?"]),
    "key outside its table": ("restarts = 3\n" + GOOD, [], ["restarts = 3", "belongs under [fit]"]),
    "key of another table": (GOOD + "[fit]\nsource = 1\n", [], ["belongs under [data]"]),
    "wrong type": (GOOD + '[fit]\nrestarts = "many"\n', [], ['"many"', "a whole number"]),
    "a number that is no count": (GOOD + "[fit]\nrestarts = 1.5\n", [], ["1.5", "whole"]),
    "out of range": (GOOD + "[fit]\ntolerance = -1\n", [], ["tolerance = -1", "at least 0"]),
    "not finite": (GOOD + "[fit]\ntime_limit = inf\n", [], ["time_limit", "finite"]),
    "wrong choice": (GOOD + '[fit]\ne_step = "hrad"\n', [], ['"hrad"', "'hard'?"]),
    "wrong algorithm": (GOOD + '[fit]\nalgorithm = "sqarem"\n', [], ["'squarem'?"]),
    "wrong race": (GOOD + "[fit]\nrace = { kept = 2 }\n", [], ["kept", "'keep'?"]),
    "wrong draws": (GOOD + "[fit]\nstochastic = { drawn = 2 }\n", [], ["drawn", "'draws'?"]),
    "a cold start": (GOOD + "[fit]\nanneal = [0.0]\n", [], ["anneal", "0.0"]),
    "wrong initialiser": (GOOD + '[fit]\ninit = "kmeans"\n', [], ["'kmeans_plus_plus'?"]),
    "wrong ready model": (
        GOOD.replace("gaussian_mixture", "gausian_mixture"),
        [],
        ['zoo = "gausian_mixture"', "'gaussian_mixture'?"],
    ),
    "no model": ('[data]\nsource = "old_faithful"\n[model]\n', [], ["[model]", "zoo", "declare"]),
    "two models": (
        GOOD.replace("[model.options]", 'declare = "a:b"\n[model.options]'),
        [],
        ["has zoo and declare", "give one of"],
    ),
    "program without a function": (
        '[data]\nsource = "old_faithful"\n[model]\nprogram = "mine"\n',
        [],
        ['program = "mine"', "module:function"],
    ),
    "no table at all": ("", [], ["data", "model", "is required, and missing"]),
    "table that is none": ("data = 3\n", [], ["data = 3", "expected a table"]),
    "declare without a function": (
        '[data]\nsource = "old_faithful"\n[model]\ndeclare = "mine"\n',
        [],
        ['declare = "mine"', "module:function"],
    ),
    "missing option": (GOOD.replace("components = 2", ""), [], ["components", "is required"]),
    "misspelt option": (GOOD + 'covarience = "full"\n', [], ["'covariance'?"]),
    "wrong entry of a list": (
        GOOD + "weights_concentration = [1, -2]\n",
        [],
        ["weights_concentration[1] = -2", "more than 0"],
    ),
    "misspelt key of the prior": (
        GOOD + "[model.options.conjugate]\nkapa = 1\n",
        [],
        ["[model.options.conjugate] kapa = 1", "'kappa'?", "scale"],
    ),
    "features against columns": (GOOD + "features = 3\n", [], ["features = 3", "2 columns"]),
    "setting without a value": (GOOD, ["fit.restarts"], ["--set fit.restarts", "table.key=value"]),
    "setting without a table": (GOOD, ["restarts=3"], ["--set restarts=3", "table.key=value"]),
    "setting inside a value": (GOOD, ["data.source.x=3"], ["data.source is a value"]),
    "setting of the wrong type": (GOOD, ["fit.restarts=few"], ['restarts = "few"', "whole number"]),
    "unknown dataset": (
        GOOD.replace("old_faithful", "old_fathful"),
        [],
        ['source = "old_fathful"', "'old_faithful'?", "carcinoma"],
    ),
    "levels against columns": (
        '[data]\nsource = "carcinoma"\n[model]\nzoo = "latent_classes"\n'
        "[model.options]\nclasses = 2\nlevels = [2, 2]\n",
        [],
        ["levels = [2, 2]", "7 columns"],
    ),
    "two columns for a model of one": (
        '[data]\nsource = "two_coins"\n[model]\nzoo = "poisson_mixture"\n'
        "[model.options]\ncomponents = 2\n",
        [],
        ["[data] columns", "one column"],
    ),
}


@pytest.mark.parametrize("command", ["fit", "explain"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained(run, write, command, mistake):
    text, settings, expected = MISTAKES[mistake]
    path = write("config.toml", text)
    answer = run(command, path, *(word for setting in settings for word in ("--set", setting)))
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith(f"{path} has ")
    for words in expected:
        assert words in answer.stderr


def test_all_mistakes_at_once(run, write):
    path = write(
        "config.toml",
        """
        [data]
        source = "old_faithful"
        columns = ["eruption"]
        [model]
        zoo = "gaussian_mixture"
        [model.options]
        components = 0
        [fit]
        restrats = 2
        seed = "x"
        """,
    )
    report = run("fit", path, "--set", "fit.max_steps=-1", "--set", "what").stderr
    assert "has 6 problems" in report
    for place in (
        "--set what",
        'columns[0] = "eruption"',
        "components = 0",
        "restrats = 2",
        'seed = "x"',
        "max_steps = -1",
    ):
        assert place in report


def test_missing_config(run, write):
    write("coins.toml", GOOD)
    answer = run("fit", "coin.toml")
    assert answer.exit_code == 2
    assert "no such file" in answer.stderr
    assert "'coins.toml'?" in answer.stderr


def test_a_folder_is_no_config(run, tmp_path):
    answer = run("fit", tmp_path)
    assert answer.exit_code == 2
    assert "folder" in answer.stderr


def test_not_toml(run, write):
    answer = run("fit", write("config.toml", "[data]\nsource = old_faithful\n"))
    assert answer.exit_code == 2
    assert "line 2" in answer.stderr


def test_not_text(run, tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")
    answer = run("fit", path)
    assert answer.exit_code == 2
    assert "UTF-8" in answer.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 20_000, "too deep"),
        ("a = " + "9" * 5000, "not valid TOML"),
        ("[data]\nsource = 1\n[data]\n", "twice"),
    ],
)
def test_toml_that_python_chokes_on(run, write, text, words):
    answer = run("fit", write("config.toml", text))
    assert answer.exit_code == 2 and words in answer.stderr


def test_what_is_no_file_is_no_config(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", "/dev/zero"):
        answer = run("fit", path)
        assert answer.exit_code == 2 and "is no config" in answer.stderr
    assert "too long" in run("fit", "x" * 300).stderr


def test_a_setting_is_one_value(run, write):
    path = write("config.toml", GOOD)
    for setting in ("fit.seed=1\nother=2", "fit.seed=" + "[" * 20_000, "fit.seed="):
        answer = run("fit", path, "--set", setting)
        assert answer.exit_code == 2 and "whole number" in answer.stderr
