"""What no memory holds, and names that cannot be folders: refused at once, in words."""

import time

import pytest

from jaxem.cli.limits import too_large
from jaxem.cli.loading import load, load_members
from jaxem.cli.members import folder_name
from jaxem.cli.problems import ConfigError

CONFIG = """
[data]
source = "mine.csv"
{columns}
[model]
zoo = "{zoo}"
[model.options]
{options}
[fit]
restarts = {restarts}
"""


def config(zoo="poisson_mixture", options="components = 2", restarts=1, columns="", more=""):
    text = CONFIG.format(zoo=zoo, options=options, restarts=restarts, columns=columns)
    return text + more


def wide(count):
    return f"{','.join(f'c{i}' for i in range(count))}\n{','.join('1' * count)}\n"


#: id -> (config, table, what the report says)
TOO_LARGE = {
    "restarts": (config(restarts=10_000_000), "x\n1\n", ["restarts = 10000000", "1,000,000"]),
    "restarts of many digits": (config(restarts="1" + "0" * 200), "x\n1\n", ["at most 1,000,000"]),
    "restarts of a large model": (
        config(options="components = 50000", restarts=1_000_000),
        "x\n1\n",
        ["restarts = 1000000", "a model of 100,000 numbers needs about", "GiB"],
    ),
    "components": (
        config("gaussian_mixture", "components = 2000000000"),
        "x,y\n1,2\n",
        ["[model.options]", "GiB", "a smaller model"],
    ),
    "no 32 bits": (config(options="components = 99999999999"), "x\n1\n", ["at most 2,147,483,647"]),
    "states of a chain": (
        config("gaussian_chain", "states = 1000000"),
        "x\n1\n",
        ["[model.options]", "GiB"],
    ),
    "columns": (config("gaussian_mixture"), wide(200_000), ["200,000 columns", "100,000"]),
    "covariances": (config("gaussian_mixture"), wide(30_000), ["GiB", "a smaller model"]),
    "a seed": (config(more=f"seed = {2**64}"), "x\n1\n", ["seed", "at most"]),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_is_too_large_is_refused_at_once(write, case):
    text, table, words = TOO_LARGE[case]
    write("mine.csv", table)
    path = write("mine.toml", text)
    began = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert time.perf_counter() - began < 30  # a second on a machine that does nothing else
    for word in words:
        assert word in caught.value.report()


def test_one_column_of_very_many(write):
    write("mine.csv", wide(150_000))
    job = load(write("mine.toml", config(columns='columns = ["c149999"]')))
    assert list(job.table.columns) == ["c149999"]


def test_what_fits_is_not_refused():
    assert not too_large(10_000, 100) and not too_large(1, 1_000_000)


VARIED = {
    'vary = { components = "1-100000000" }': "asks for 100,000,000 models; 1,000 are the most",
    f'vary = {{ components = "1-{"9" * 5000}" }}': "a range of whole numbers",
    'vary = { components = "1-900", trials = "1-900" }': "810,000 models",
    'vary = { components = "6-1" }': "a range of whole numbers",
}


@pytest.mark.parametrize("said", VARIED, ids=range(len(VARIED)))
def test_a_selection_of_very_many_models_is_refused_at_once(write, said):
    write("mine.csv", "x\n1\n")
    path = write("mine.toml", config(more=f"[select]\n{said}\n"))
    with pytest.raises(ConfigError) as caught:
        load_members(path)
    assert VARIED[said] in caught.value.report()


NAMES = {
    "..": "cannot have this name",
    "...": "cannot have this name",
    "": None,  # then the name is that of the ready model, which is there twice
    "Selection.json": "the name of a file of results",
    "fit.npz": "the name of a file of results",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_folder_is_refused(write, name):
    write("mine.csv", "x\n1\n")
    text = config(more=f'[select]\nmodels = [{{ name = "{name}", zoo = "poisson_mixture" }}]\n')
    with pytest.raises(ConfigError) as caught:
        load_members(write("mine.toml", text))
    assert (NAMES[name] or "is there twice") in caught.value.report()


@pytest.mark.parametrize(
    "pair", [("A", "a"), ("A", "A."), ("a b", "a_b"), ("a/b", "a:b"), ("ﬁ", "fi"), ("a", ".a")]
)
def test_names_that_share_a_folder_are_refused(write, pair):
    write("mine.csv", "x\n1\n")
    models = ", ".join(
        f'{{ name = "{name}", zoo = "poisson_mixture", options = {{ components = 1 }} }}'
        for name in pair
    )
    with pytest.raises(ConfigError) as caught:
        load_members(write("mine.toml", config(more=f"[select]\nmodels = [{models}]\n")))
    assert "would share a folder" in caught.value.report()


def test_long_labels_have_folders_of_their_own():
    long = [f"covariates=[{', '.join(['a column of mine'] * 40)}, {last}]" for last in "xy"]
    homes = [folder_name(label) for label in long]
    assert len(set(homes)) == 2 and all(len(home.encode()) <= 200 for home in homes)
