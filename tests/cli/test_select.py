"""``jaxem select`` and ``jaxem report``, end to end on one small selection."""

import csv
import json

import numpy as np
import pytest

import jaxem
from jaxem.cli import folder, running, selecting
from jaxem.cli.loading import load_members
from jaxem.cli.problems import ConfigError
from jaxem.selection import HeldOut

CONFIG = """
[data]
source = "mine.csv"
[model]
zoo = "poisson_mixture"
[fit]
restarts = 2
algorithm = "squarem"
[select]
vary = { components = "1-2" }
"""
ROWS = "count\n" + "\n".join(map(str, [0, 1, 2, 1, 0, 3, 2, 9, 11, 8, 12, 10, 1, 0, 9, 2])) + "\n"
LABELS = ["components=1", "components=2"]


@pytest.fixture
def config(write):
    write("mine.csv", ROWS)
    return write("counts.toml", CONFIG)


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_from_a_selection_to_a_report(run, config, write, tmp_path, monkeypatch):
    """Interrupted in the second model, gone on with, reported on; then the data change."""
    place = tmp_path / "results" / "counts"
    whole = running.fit

    def interrupted(job, quiet):
        if job.document["model"]["options"]["components"] == 2:
            raise KeyboardInterrupt
        return whole(job, quiet)

    monkeypatch.setattr(running, "fit", interrupted)
    answer = run("select", config)
    assert answer.exit_code == 130
    assert "not fitted to the end: components=2" in answer.stdout
    assert read(place, "selection.json")["missing"] == LABELS[1:]

    fitted = []
    monkeypatch.setattr(running, "fit", lambda *a: fitted.append(a[0]) or whole(*a))
    answer = run("select", config)
    assert answer.exit_code == 0, answer.stderr
    assert len(fitted) == 1, "the first model was there already"
    assert "taken from the run before" in answer.stdout
    assert "by bic: components=2" in answer.stdout

    found = read(place, "selection.json")
    with (place / "selection.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == list(found["models"]) == LABELS
    assert [int(row["parameters"]) for row in rows] == [1, 3]
    best = jaxem.load(place / LABELS[1] / "fit.npz")
    assert float(rows[1]["log_likelihood"]) == pytest.approx(best.log_likelihood)
    assert set(found["best"].values()) == {LABELS[1]}
    assert "SQUAREM" in best.method[0]

    answer = run("report", place)  # that of the chosen model
    assert answer.exit_code == 0, answer.stderr
    for words in (
        "sweep: weights -> rate",
        "SQUAREM",
        "optimum",
        "97.5 %",
        "EM's rate",
        "adjusted BIC",
    ):
        assert words in answer.stdout, words
    told = json.loads(run("report", place / LABELS[1], "--json").stdout)
    assert told["run"]["converged"] is True
    entries = told["standard errors"]["entries"]
    assert set(entries) == {"rate[0]", "rate[1]", "weights[0]", "weights[1]"}
    assert entries["rate[0]"]["lower"] < told["fit"]["rate"][0] < entries["rate[0]"]["upper"]
    assert told["criteria"]["bic"] == pytest.approx(float(rows[1]["bic"]))

    write("mine.csv", ROWS.replace("12", "13"))
    answer = run("report", place)
    assert answer.exit_code == 2
    assert "have changed since the fit. Fit again with jaxem select" in answer.stderr


def test_every_combination_of_every_model(write):
    write("mine.csv", ROWS)
    text = CONFIG.replace(
        'vary = { components = "1-2" }',
        'vary = { components = [1, 3] }\nmodels = [{ name = "coins", zoo = "binomial_mixture", '
        "options = { trials = 20 } }]",
    )
    _, jobs = load_members(write("both.toml", text))
    names = ["poisson_mixture, components=1", "poisson_mixture, components=3"]
    assert list(jobs) == [*names, "coins, components=1", "coins, components=3"]
    assert jobs["coins, components=3"].document["model"]["options"] == {
        "trials": 20,
        "components": 3,
    }


def test_a_folder_of_two_runs_is_not_gone_on_with(config, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXEM_CACHE_DIR", str(tmp_path / "cache"))
    _, jobs = load_members(config, ["fit.max_steps=1", "fit.algorithm=em"])
    homes = {label: tmp_path / label for label in jobs}
    for label, job in jobs.items():
        assert selecting._known(job, homes[label]) is None
        fit, given = running.fit(job, quiet=True)
        folder.write(homes[label], fit, given, job, 0.0)
        known = selecting._known(job, homes[label])
        assert known is not None and known.objective == fit.objective
    one, two = (homes[label] for label in LABELS)
    kept = (two / "fit.npz").read_bytes()
    (two / "fit.npz").write_bytes((one / "fit.npz").read_bytes())
    assert selecting._known(jobs[LABELS[1]], two) is None
    (two / "fit.npz").write_bytes(kept[:100])
    assert selecting._known(jobs[LABELS[1]], two) is None
    (two / "summary.json").write_text("[]")
    assert selecting._known(jobs[LABELS[1]], two) is None


HELD_OUT = {"log_likelihood": -1.0, "error": 0.5, "per_fold": [-1.0], "weight": [2.0]}


def test_a_cross_validation_belongs_to_its_fit(tmp_path):
    (tmp_path / "fit.npz").write_bytes(b"one")
    kept = HeldOut(**{k: np.asarray(v) if k[0] in "pw" else v for k, v in HELD_OUT.items()})
    selecting._keep_held_out(tmp_path, 2, kept)
    found = selecting._read_held_out(tmp_path, 2)
    assert found is not None and found.error == 0.5
    assert selecting._read_held_out(tmp_path, 3) is None
    (tmp_path / "fit.npz").write_bytes(b"two")
    assert selecting._read_held_out(tmp_path, 2) is None
    for text in ("[]", "{", '{"folds": 2}'):
        (tmp_path / "held_out.json").write_text(text)
        assert selecting._read_held_out(tmp_path, 2) is None


MISTAKES = {
    'vary = { components = "0-2" }': ["[select.vary] components", "at least 1"],
    'vary = { components = "few" }': ["a range of whole numbers"],
    "vary = { componets = [2] }": ["[select.vary] componets", "mean 'components'"],
    "vary = {}": ["nothing that it varies"],
    'vary = { components = [1] }\ncriterion = "held_out"': ["folds = 10"],
    'vary = { components = [1] }\ncriterion = "dic"': ["[select] criterion", "'bic'"],
    "vary = { components = [1, 1] }": ["components=1 is there twice"],
    "vary = { components = [1] }\n[select.x]\ny = 1": ["[select.x]", "no such key"],
}


@pytest.mark.parametrize("said", MISTAKES)
def test_a_mistake_is_said_before_anything_is_fitted(write, said):
    write("mine.csv", ROWS)
    path = write("wrong.toml", CONFIG.replace('vary = { components = "1-2" }', said))
    with pytest.raises(ConfigError) as caught:
        load_members(path)
    for words in MISTAKES[said]:
        assert words in caught.value.report()


@pytest.mark.parametrize(
    ("setting", "words"),
    [('fit.e_step="hard"', "need the likelihood"), ("fit.init.rate=[1.0]", "one model alone")],
)
def test_what_a_selection_cannot_use(run, config, setting, words):
    answer = run("select", config, "--set", setting)
    assert answer.exit_code == 2
    assert words in answer.stderr


def test_no_selection_and_no_run(run, configs, tmp_path):
    answer = run("select", configs / "old_faithful.toml")
    assert answer.exit_code == 2 and "[select]" in answer.stderr
    answer = run("report", tmp_path)
    assert answer.exit_code == 2 and "summary.json" in answer.stderr
