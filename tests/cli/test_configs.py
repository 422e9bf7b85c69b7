"""The configs of the project run as they are, on the tables that ship with it, to known answers."""

import json
import runpy

import numpy as np
import pytest

#: config -> (an objective published or computed otherwise, or None; a parameter; its sorted values)
#: That of the returns is where SciPy's BFGS ends on the filter of Hamilton (1989), from two starts.
ANSWERS = {
    "two_coins": (-31.5702002359969 + 21.7732759437753, "probs", [0.519583, 0.796789]),
    "old_faithful": (-1130.26396018474, "weights", [0.355873, 0.644127]),
    "old_faithful_map": (None, "weights", [0.356076, 0.643924]),
    "kmeans_old_faithful": (None, "loc", None),
    "death_notices": (-1989.94585988296, "rate", [1.256, 2.663]),
    "mixed_waits": (-1047.9322506675, "loc", [54.62195, 80.09142]),
    "carcinoma": (-293.70497878073, "weights", [0.181708, 0.373564, 0.444728]),
    "earthquakes": (-341.878701011765, "rate", [15.42076, 26.01822]),
    "casino": (-514.258261915179, "probs", None),
    "speed_accuracy": (-84.3417142834397, "loc", [5.51114, 6.38549]),
    "returns": (-731.3280540, "variance", [0.16250, 2.21757]),
}

#: Their models are fitted by other tests too.
LONG = {
    "old_faithful_map",
    "speed_accuracy",
    "returns",
    "earthquakes",
    "mixed_waits",
    "casino",
}
CONFIGS = [pytest.param(c, marks=pytest.mark.long if c in LONG else ()) for c in ANSWERS]


def test_every_config_has_an_answer(configs):
    assert {path.stem for path in configs.glob("*.toml")} == set(ANSWERS)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_runs(run, configs, tmp_path, name):
    objective, parameter, values = ANSWERS[name]
    settings = [] if name in ("two_coins", "casino") else ["--set", "fit.restarts=4"]
    answer = run("fit", configs / f"{name}.toml", *settings)
    assert answer.exit_code == 0, answer.stderr
    folder = tmp_path / "results" / name
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "CONVERGED"
    if objective is not None:
        assert summary["objective"] == pytest.approx(objective, abs=1e-4)
    found = np.asarray(json.loads((folder / "parameters.json").read_text())[parameter])
    if values is not None:
        np.testing.assert_allclose(np.sort(found.ravel()), values, atol=2e-3)


def test_k_means_is_lloyds(run, configs, tmp_path):
    """Its centres are the means of the rows nearest to them; its objective the sum of squares."""
    from jaxem import datasets

    run("fit", configs / "kmeans_old_faithful.toml", "--set", "fit.restarts=4")
    folder = tmp_path / "results" / "kmeans_old_faithful"
    loc = np.asarray(json.loads((folder / "parameters.json").read_text())["loc"])
    rows = datasets.old_faithful().matrix
    scale = rows.std(axis=0)
    squares = (((rows[:, None] - loc) / scale) ** 2).sum(axis=-1)
    nearest = squares.argmin(axis=1)
    means = [rows[nearest == k].mean(axis=0) for k in range(2)]
    np.testing.assert_allclose(loc, means, rtol=1e-12)
    constant = -len(rows) * (np.log(2) + np.log(2 * np.pi) + np.log(scale).sum())
    objective = json.loads((folder / "summary.json").read_text())["objective"]
    assert objective == pytest.approx(constant - squares.min(axis=1).sum() / 2, abs=1e-8)


def test_the_returns_are_those_that_their_script_makes(configs):
    made = runpy.run_path(str(configs / "returns.py"))["lines"]()
    assert (configs / "returns.csv").read_text().splitlines() == made


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_explained(run, configs, name):
    answer = run("explain", configs / f"{name}.toml")
    assert answer.exit_code == 0, answer.stderr
    assert ANSWERS[name][1] in answer.stdout
