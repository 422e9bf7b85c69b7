"""CSV files: what is read from them, and what is said of those that cannot be."""

import os

import numpy as np
import pytest

from jaxem.cli.schema import DataSection
from jaxem.cli.table import read_table

CONFIG = """
[data]
source = "table.csv"
{columns}
[model]
zoo = "gaussian_mixture"
[model.options]
components = 2
"""

#: id -> (the CSV file, more of [data], what the report says)
BROKEN = {
    "empty": ("", "", ["table.csv", "is empty"]),
    "only a header": ("a,b\n", "", ["no rows"]),
    "no header": ("1,2\n3,4\n", "", ["line 1", "names of the columns"]),
    "semicolons": ("a;b\n1;2\n", "", ["line 1", "commas"]),
    "a column twice": ("a,a\n1,2\n", "", ["line 1", "repeated: a"]),
    "a column without a name": ("a,\n1,2\n", "", ["line 1", "one is empty"]),
    "a short line": ("a,b\n1,2\n\n3\n", "", ["line 4", "1 cells", "2 columns"]),
    "a cell that is text": ("a,b\n1,2\n3,x\n", "", ["line 3", "'b'", "'x'"]),
    "an empty cell": ("a,b\n1,2\n3,\n", "", ["line 3", "'b' is empty"]),
    "a number of Python alone": ("a,b\n1,2\n3,1_000\n", "", ["line 3", "'b'", "'1_000'"]),
    "a number without end": ("a,b\n1,2\n3," + "9" * 5000 + "\n", "", ["line 3", "9..."]),
    "a cell without end": ("a\n" + "x" * 200_000 + "\n", "", ["field limit", "a quote"]),
    "not a number": ("a,b\n1,2\n3,nan\n", "", ["line 3", "'b'", "'nan'"]),
    "a column of text": ("a,kind\n1,cat\n2,dog\n", "", ["'kind' holds text", "'cat', 'dog'"]),
    "an open quote": ('a,b\n1,"2\n', "", ["cannot be read as CSV"]),
    "unknown column": ("width,b\n1,2\n", 'columns = ["widht"]', ["'widht'", "'width'?"]),
    "unknown weights": ("a,count\n1,2\n", 'weights = "cuont"', ["weights", "'count'?"]),
    "a column asked for twice": ("a,b\n1,2\n", 'columns = ["a", "a"]', ["named twice"]),
    "nothing but weights": ("a\n1\n", 'weights = "a"', ["no column left"]),
    "a vector of two": ("a,b\n1,2\n", 'as = "vector"', ['as = "vector"', "have 2"]),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_table_is_explained(run, write, fault):
    table, columns, expected = BROKEN[fault]
    write("table.csv", table)
    answer = run("fit", write("config.toml", CONFIG.format(columns=columns)))
    assert answer.exit_code == 2
    for words in expected:
        assert words in answer.stderr


def test_a_missing_table_is_explained(run, write):
    write("tables.csv", "a\n1\n")
    answer = run("fit", write("config.toml", CONFIG.format(columns="")))
    assert answer.exit_code == 2
    assert "no file" in answer.stderr
    assert "'tables.csv'?" in answer.stderr


def test_empty_cells_are_told_by_column(run, write):
    write("table.csv", "a,b,c\n" + "1,,NA\n2,3,4\n" * 50)
    report = run("fit", write("config.toml", CONFIG.format(columns=""))).stderr
    assert "has 2 problems" in report
    assert "line 2\n      column 'b' is empty in 50 of 100 rows, here first" in report
    assert "column 'c' has 'NA'" in report and report.count("in 50 of 100 rows") == 2
    write("table.csv", "a,b\n" + "1,\n" * 3)
    report = run("fit", write("config.toml", CONFIG.format(columns=""))).stderr
    assert "'b' is empty in every row; leave it out" in report


def test_columns_with_bad_cells_are_counted(run, write):
    names = ",".join(f"c{i}" for i in range(300))
    write("table.csv", f"{names}\n{','.join(['x'] * 300)}\n")
    report = run("fit", write("config.toml", CONFIG.format(columns=""))).stderr
    assert "and 295 more columns like these" in report and len(report.splitlines()) < 20


def test_what_is_no_file_is_no_table(run, write, tmp_path):
    os.mkfifo(tmp_path / "table.csv")
    path = write("config.toml", CONFIG.format(columns=""))
    assert "no ordinary file" in run("fit", path).stderr
    for source, words in {
        "~nobody-of-this-name/x.csv": "no path of a file",
        "x" * 300 + ".csv": "too long",
        "a\\u0000b.csv": "null",
        "/": "is a folder",
        "": "must not be empty",
    }.items():
        answer = run("fit", path, "--set", f'data.source="{source}"')
        assert answer.exit_code == 2 and words in answer.stderr


def test_many_bad_lines_are_counted(run, write):
    write("table.csv", "a,b\n0,0\n" + "x,1\n" * 20)
    report = run("fit", write("config.toml", CONFIG.format(columns=""))).stderr
    assert report.count("'a' has 'x'") == 5
    assert "15 more" in report


def read(folder, text, **data):
    (folder / "table.csv").write_text(text, encoding="utf-8-sig")
    table, wrong = read_table(DataSection(source="table.csv", **data), folder)
    assert not wrong
    return table


def test_numbers_keep_their_kind(tmp_path):
    table = read(tmp_path, "a, b\n1, 2.5\n\n 3,4e1\n")
    assert table.columns["a"].dtype == np.int64
    np.testing.assert_array_equal(table.columns["b"], [2.5, 40.0])
    np.testing.assert_array_equal(table.rows("auto", wide=False), [[1, 2.5], [3, 40]])


def test_weights_are_no_column(tmp_path):
    table = read(tmp_path, "a,count\n1,2\n3,4\n", weights="count")
    assert list(table.columns) == ["a"]
    np.testing.assert_array_equal(table.weights, [2, 4])


def test_order_of_columns_is_the_configs(tmp_path):
    table = read(tmp_path, "a,b,name\n1,2,x\n", columns=["b", "a"])
    np.testing.assert_array_equal(table.rows("matrix", wide=False), [[2, 1]])


def test_layouts_of_one_column(tmp_path):
    table = read(tmp_path, "a\n1\n2\n")
    assert table.rows("auto", wide=False).shape == (2,)
    assert table.rows("auto", wide=True).shape == (2, 1)
    assert table.rows("matrix", wide=False).shape == (2, 1)
    assert table.rows("vector", wide=True).shape == (2,)
    assert set(table.rows("dict", wide=True)) == {"a"}
