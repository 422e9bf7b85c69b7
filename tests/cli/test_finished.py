"""Finished runs read back: whole, moved, mixed, changed, or of somebody else."""

import json
import shutil

import jax
import pytest
from typer.testing import CliRunner

import jaxem
from jaxem.cli.finished import read_finished
from jaxem.cli.main import app
from jaxem.cli.problems import ConfigError

MODULE = """
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem
from shapes_of_{number} import shape


def rates():
    def log_joint(params, z, x):
        return dist.Poisson(params["rate"][z]).log_prob(x) - jnp.log(2)

    return jaxem.Model(
        log_joint, jaxem.Finite(2), {{"rate": jaxem.flat(shape(), constraints.positive)}}
    )
"""

CONFIG = """
[data]
source = "{source}"
[model]
declare = "rates_of_{number}:rates"
[fit]
max_steps = 2
restarts = {restarts}
"""

ROWS = "count\n1\n2\n9\n11\n"


def a_project(folder, number, source="data/counts.csv", restarts=1):
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "counts.csv").write_text(ROWS)
    (folder / f"rates_of_{number}.py").write_text(MODULE.format(number=number))
    (folder / f"shapes_of_{number}.py").write_text("def shape():\n    return (2,)\n")
    text = CONFIG.format(source=source, number=number, restarts=restarts)
    (folder / "rates.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Two projects with the results of their fits, the second with absolute paths; and a cache."""
    home = tmp_path_factory.mktemp("finished")
    one = a_project(home / "one", 1)
    two = a_project(home / "two", 2, source=home / "two" / "data" / "counts.csv", restarts=2)
    before = jax.config.values["jax_compilation_cache_dir"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXEM_CACHE_DIR", str(home / "cache"))
        for project, where in ((one, "results/rates"), (two, home / "far")):
            patch.chdir(project)
            answer = CliRunner().invoke(
                app, ["fit", "rates.toml", "--quiet", "--output", str(where)]
            )
            assert answer.exit_code == 0, answer.stderr
    jax.config.update("jax_compilation_cache_dir", before)
    return home


@pytest.fixture
def home(fitted, tmp_path, monkeypatch):
    """The two projects, as they were, at the same place; the cache as it was."""
    kept = tmp_path / "kept"
    shutil.copytree(fitted, kept)
    monkeypatch.setenv("JAXEM_CACHE_DIR", str(fitted / "cache"))
    monkeypatch.chdir(tmp_path)
    yield fitted
    monkeypatch.undo()
    shutil.rmtree(fitted)
    shutil.copytree(kept, fitted)


def refused(*given, **more):
    with pytest.raises(ConfigError) as caught:
        read_finished(*given, **more)
    return caught.value.report()


def test_a_run_is_read_where_it_was_written(home):
    for folder in (home / "one" / "results" / "rates", home / "far"):
        found = read_finished(folder)
        assert found.notes == () and list(found.job.table.columns) == ["count"]


def test_a_summary_has_no_absolute_path(home):
    for folder in (home / "one" / "results" / "rates", home / "far"):
        text = (folder / "summary.json").read_text()
        assert str(home) not in text
        told = json.loads(text)
        assert set(told["files"]) == {"fit.npz", "parameters.json", "trace.csv"}
        number = 1 if folder.name == "rates" else 2
        assert set(told["fingerprint"]["modules"]) == {f"rates_of_{number}", f"shapes_of_{number}"}
    assert json.loads(text)["config"]["data"]["source"] == "data/counts.csv"


def test_a_mixture_of_two_runs_is_refused(home):
    one, two = home / "one" / "results" / "rates", home / "far"
    shutil.copy(two / "fit.npz", one / "fit.npz")
    assert "is not the fit of which the summary" in refused(one)
    for path in (one, one / "fit.npz"):
        with pytest.raises(jaxem.DeclarationError, match="of different runs"):
            jaxem.load(path)
    assert jaxem.load(two).restarts.best in (0, 1)


def test_a_file_that_is_only_looked_at_is_told(home):
    folder = home / "one" / "results" / "rates"
    (folder / "trace.csv").write_text("step\n")
    assert read_finished(folder).notes == ("trace.csv is not as the fit wrote it",)


def test_a_moved_project_finds_its_data_and_is_not_trusted(home):
    (home / "one").rename(home / "moved")
    folder = home / "moved" / "results" / "rates"
    said = refused(folder)
    assert "rates_of_1" in said and "--trust" in said
    assert read_finished(folder, trust=True).job.path == home / "moved" / "rates.toml"


def test_a_copied_folder_is_not_trusted(home):
    shutil.copytree(home / "far", home / "two" / "elsewhere")
    assert "--trust" in refused(home / "two" / "elsewhere")


def test_a_changed_summary_is_not_trusted(home):
    summary = home / "far" / "summary.json"
    summary.write_text(summary.read_text().replace('"seconds"', '"more": 1,\n  "seconds"'))
    shutil.copy(home / "two" / "data" / "counts.csv", home)
    shutil.copytree(home / "two", home, dirs_exist_ok=True)
    assert "--trust" in refused(home / "far")


def test_data_that_were_moved_are_named(home):
    data = home / "one" / "data" / "counts.csv"
    data.rename(home / "counts of mine.csv")
    folder = home / "one" / "results" / "rates"
    assert "--data FILE" in refused(folder)
    assert read_finished(folder, home / "counts of mine.csv").job.table is not None
    (home / "counts of mine.csv").write_text(ROWS + "3\n")
    assert "have changed since the fit" in refused(folder, home / "counts of mine.csv")
    assert "there is no file" in refused(folder, home / "none.csv")


@pytest.mark.parametrize("module", ["rates_of_1", "shapes_of_1"])
def test_no_module_runs_before_its_digest_agrees(home, module):
    """That of the model, and those beside it."""
    mark = home / "it ran"
    path = home / "one" / f"{module}.py"
    path.write_text(path.read_text() + f"\nopen({str(mark)!r}, 'w').close()\n")
    said = refused(home / "one" / "results" / "rates", trust=True)
    assert f"{module}.py has changed since the fit" in said
    path.unlink()
    assert f"no module '{module}'" in refused(home / "one" / "results" / "rates", trust=True)
    assert not mark.exists()


BROKEN = {
    "no JSON": ("summary.json", "{", "cannot be read"),
    "a list": ("summary.json", "[]", "as this version of jaxem writes it"),
    "another table": ("summary.json", '{"config": 3}', "has no config"),
    "no config": ("summary.json", None, "is not there"),
    "no fit": ("fit.npz", None, "is not there"),
    "a fit cut short": ("fit.npz", "PK", "is not the fit"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_folder_is_explained(home, case):
    name, text, words = BROKEN[case]
    path = home / "far" / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert words in refused(home / "far")


@pytest.mark.parametrize("folder", ["..", ".", "../rates", ""])
def test_a_selection_names_folders_in_it_alone(tmp_path, folder):
    told = {"criterion": "bic", "best": {"bic": "a"}, "folders": {"a": folder}, "fits": {"a": ""}}
    (tmp_path / "selection.json").write_text(json.dumps(told))
    assert "chose no model" in refused(tmp_path)


def test_a_selection_with_another_fit_is_refused(home):
    told = {
        "criterion": "bic",
        "best": {"bic": "a"},
        "folders": {"a": "far"},
        "fits": {"a": "0" * 64},
    }
    (home / "selection.json").write_text(json.dumps(told))
    assert "was made with another fit of a" in refused(home)


def test_a_file_is_no_folder(home):
    assert "is a file" in refused(home / "one" / "rates.toml")
