"""Rows that are steps of sequences: how a config says so, and what it is told when it is wrong."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem import zoo
from jaxem.cli.schema import DataSection
from jaxem.cli.table import read_table

CHAIN = """
[data]
source = "visits.csv"
{data}
[model]
zoo = "{zoo}"
[model.options]
{option} = 2
"""

#: Two people, their visits in any order.
VISITS = "who,day,pain,share\nbo,3,7,2\nann,2,1,1\nbo,1,4,2\nann,9,0,1\nbo,2,5,2\n"

BY_DAY = 'sequence = "who"\ntime = "day"\ncolumns = ["pain"]\n'

#: id -> (the CSV file, [data], the ready model, what the report says)
MISTAKES = {
    "apart without a time": (
        VISITS,
        'sequence = "who"\ncolumns = ["pain"]',
        "poisson_chain",
        ["line 4", "sequence 'bo' goes on after another began", "time ="],
    ),
    "one time twice": (
        VISITS + "ann,2,5,1\n",
        BY_DAY,
        "poisson_chain",
        ["line 7", "day = 2 is the time of line 3 too", "sequence 'ann'"],
    ),
    "one time twice in a single sequence": (
        "day,pain\n1,3\n1,4\n",
        'time = "day"',
        "poisson_chain",
        ["line 3", "in the sequence", "one row a time"],
    ),
    "a time that is none": (
        "day,pain\nMonday,3\nTuesday,4\n",
        'time = "day"',
        "poisson_chain",
        ["'day' is to be time", "dates such as"],
    ),
    "an unknown sequence": (
        VISITS,
        'sequence = "whom"\ncolumns = ["pain"]',
        "poisson_chain",
        ['sequence = "whom"', "'who'?"],
    ),
    "an unknown time": (
        VISITS,
        'sequence = "who"\ntime = "days"\ncolumns = ["pain"]',
        "poisson_chain",
        ['time = "days"', "'day'?"],
    ),
    "a row of no sequence": (
        "who,pain\nann,3\n,4\n",
        'sequence = "who"',
        "poisson_chain",
        ["line 3", "'who' is empty"],
    ),
    "weights of steps": (
        VISITS.replace("bo,2,5,2", "bo,2,5,3"),
        BY_DAY + 'weights = "share"',
        "poisson_chain",
        ['weights = "share"', "one a sequence", "'bo' has 2 and 3"],
    ),
    "sequences of a mixture": (
        VISITS,
        BY_DAY,
        "poisson_mixture",
        ['sequence = "who"', 'time = "day"', "independent"],
    ),
    "nothing left": (
        "who,day\nann,1\n",
        'sequence = "who"\ntime = "day"',
        "poisson_chain",
        ["no column left beside sequence and time"],
    ),
    "two columns for a chain of one": (
        VISITS,
        BY_DAY.replace('"pain"', '"pain", "share"'),
        "poisson_chain",
        ["one column"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained(run, write, mistake):
    table, data, name, expected = MISTAKES[mistake]
    write("visits.csv", table)
    option = "states" if name.endswith("_chain") else "components"
    answer = run("fit", write("config.toml", CHAIN.format(data=data, zoo=name, option=option)))
    assert answer.exit_code == 2
    assert answer.stdout == ""
    for words in expected:
        assert words in answer.stderr


def test_options_that_name_columns(run, write):
    write("visits.csv", VISITS)
    both = BY_DAY.replace('"pain"', '"pain", "share"')
    text = CHAIN.format(data=both, zoo="regression_chain", option="states")
    path = write("config.toml", text + 'response = "pian"\ncovariates = ["share", "day"]\n')
    report = run("explain", path).stderr
    assert 'response = "pian"' in report and "'pain'?" in report
    assert 'covariates = "day"' in report and "It sees pain, share." in report


def read(folder, text, **data):
    (folder / "visits.csv").write_text(text, encoding="utf-8")
    table, wrong = read_table(DataSection(source="visits.csv", **data), folder)
    assert table is not None and not wrong
    return table


def test_sequences_in_the_order_of_the_file_and_rows_in_that_of_time(tmp_path):
    table = read(tmp_path, VISITS, sequence="who", time="day", weights="share")
    assert list(table.columns) == ["pain"]
    assert [table.columns["pain"][rows].tolist() for rows in table.steps.rows] == [
        [4, 5, 7],
        [1, 0],
    ]


def test_dates_are_times(tmp_path):
    text = "day,pain\n2024-03-01,3\n2023-12-31,1\n2024-02-29,2\n"
    table = read(tmp_path, text, time="day")
    assert [table.columns["pain"][rows].tolist() for rows in table.steps.rows] == [[1, 2, 3]]


def test_without_a_word_all_rows_are_one_sequence(tmp_path):
    table = read(tmp_path, "pain\n3\n1\n")
    np.testing.assert_array_equal(table.steps.rows, [[0, 1]])


MODULE = """
from jaxem import zoo


def steps(states):
    return zoo.poisson_chain(states)


def rows(components):
    return zoo.poisson_mixture(components)
"""

DECLARED = """
[data]
source = "visits.csv"
sequence = "who"
time = "day"
columns = ["pain"]
weights = "share"
[model]
declare = "visits_of_mine:{function}"
options = {{ {option} = 2 }}
[fit]
tolerance = 0.0
max_steps = 2
init = {{ initial = [0.5, 0.5], transition = [[0.9, 0.1], [0.2, 0.8]], rate = [1.0, 5.0] }}
[output]
hidden_states = true
"""


def test_ones_own_chain_from_end_to_end(run, write, tmp_path):
    write("visits.csv", VISITS)
    write("visits_of_mine.py", MODULE)
    path = write("visits.toml", DECLARED.format(function="steps", option="states"))
    answer = run("fit", path)
    assert answer.exit_code == 0, answer.stderr
    folder = tmp_path / "results" / "visits"
    data, lengths = jaxem.sequences([np.array([4, 5, 7]), np.array([1, 0])])
    start = {"initial": [0.5, 0.5], "transition": [[0.9, 0.1], [0.2, 0.8]], "rate": [1.0, 5.0]}
    fit = jaxem.fit(
        zoo.poisson_chain(2),
        data,
        lengths=lengths,
        weights=[2, 1],
        init=start,
        tolerance=0,
        max_steps=2,
    )
    found = json.loads((folder / "parameters.json").read_text())
    np.testing.assert_allclose(found["rate"], fit.params["rate"], rtol=1e-12)
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["rows"], summary["sequences"]) == (5, 2)
    with (folder / "states.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["who"], row["day"]) for row in rows] == [
        ("2", "bo", "3"),
        ("3", "ann", "2"),
        ("4", "bo", "1"),
        ("5", "ann", "9"),
        ("6", "bo", "2"),
    ]
    places = jnp.array([0, 1, 0, 1, 0]), jnp.array([2, 0, 0, 1, 1])
    responsibilities = fit.responsibilities(data, lengths=lengths)[places]
    written = [[float(row["p_0"]), float(row["p_1"])] for row in rows]
    np.testing.assert_allclose(written, responsibilities, rtol=1e-5, atol=1e-12)
    path = fit.predict(data, lengths=lengths)[places]
    assert [int(row["state"]) for row in rows] == path.tolist()


def test_ones_own_mixture_has_no_sequences(run, write):
    write("visits.csv", VISITS)
    write("visits_of_mine.py", MODULE)
    answer = run(
        "explain", write("visits.toml", DECLARED.format(function="rows", option="components"))
    )
    assert answer.exit_code == 2
    assert 'sequence = "who"' in answer.stderr and "independent" in answer.stderr


def test_states_of_independent_rows(run, write, tmp_path):
    """Named parts of a product have a column each."""
    module = """
import jax.numpy as jnp
import numpyro.distributions as dist
import jaxem
def product():
    def log_joint(params, z, x):
        return dist.Normal(params["up"] * z["a"] + 10.0 * z["b"], 1.0).log_prob(x) - jnp.log(6)
    return jaxem.Model(log_joint, jaxem.Finite(a=2, b=3), {"up": jaxem.flat()})
"""
    write("parts.py", module)
    write("rows.csv", "x\n0.0\n23.0\n13.0\n10.0\n")
    text = '[data]\nsource = "rows.csv"\n[model]\ndeclare = "parts:product"\n'
    text += "[fit]\ninit = { up = 3.0 }\n[output]\nhidden_states = true\n"
    answer = run("fit", write("rows.toml", text))
    assert answer.exit_code == 0, answer.stderr
    with (tmp_path / "results" / "rows" / "states.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["a"], row["b"]) for row in rows] == [
        ("2", "0", "0"),
        ("3", "1", "2"),
        ("4", "1", "1"),
        ("5", "0", "1"),
    ]
    assert list(rows[0])[3:] == ["p_0_0", "p_0_1", "p_0_2", "p_1_0", "p_1_1", "p_1_2"]
    chances = [[float(row[key]) for key in list(row)[3:]] for row in rows]
    np.testing.assert_allclose(np.sum(chances, 1), 1.0, rtol=1e-5)
