"""The reader by pyarrow and the reader without it say the same of any file."""

import random

import numpy as np
import pytest

from jaxem.cli import quickcsv
from jaxem.cli.csvfile import read_header
from jaxem.cli.schema import DataSection
from jaxem.cli.table import read_table

PLAIN = (
    '1,2.5,-3,1e3, 4,5 ,+6,,NA,nan,inf,0x1F,1_0,"7",x,1e400,9223372036854775808,00012,.5,1.,-0,'
    "1e-400,٣,\t7,True,2020-01-01,  ,\x1c9,1d5,Infinity,-nan,1e,4\u00a0"
)
CELLS = [*PLAIN.split(","), '"8,9"', '"a""b"', '"x\ny"', 'a"b']


def both(folder, text, monkeypatch, **data):
    """What each reader says: columns, lines, sequences and times; or problems."""
    (folder / "t.csv").write_text(text, encoding="utf-8", newline="")
    found = []
    for worth in (0, 2**60):
        monkeypatch.setattr(quickcsv, "WORTH", worth)
        table, wrong = read_table(DataSection(source="t.csv", **data), folder)
        if table is None:
            found.append(wrong)
        else:
            columns = {k: (v.dtype.str, v.tolist()) for k, v in table.columns.items()}
            steps = table.steps
            found.append((columns, table.lines.tolist(), list(steps.names), steps.times))
    return found


def test_of_files_at_random(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    draw, quick = random.Random(1), 0
    for _ in range(400):
        width = draw.randint(1, 4)
        odd = draw.sample(CELLS, draw.randint(1, 3)) if draw.random() < 0.7 else ["3.5"]
        rows = [
            ",".join(draw.choice(odd if draw.random() < 0.3 else "127") for _ in range(width))
            for _ in range(draw.randint(1, 6))
        ]
        if draw.random() < 0.2:
            rows.append(draw.choice(["", ",", "1,2,3,4,5"]))
            draw.shuffle(rows)
        end = draw.choice(["\n", "\n", "\r\n", "\r"])
        text = end.join([",".join("abcd"[:width]), *rows]) + draw.choice(["", end, end * 2])
        chain = {"sequence": "b", "columns": ["a"]} if width > 1 and draw.random() < 0.4 else {}
        if width > 2 and chain and draw.random() < 0.5:
            chain["time"] = "c"
        one, other = both(tmp_path, text, monkeypatch, **chain)
        assert one == other, text
        monkeypatch.setattr(quickcsv, "WORTH", 0)
        header, _ = read_header(tmp_path / "t.csv")
        assert header is not None
        quick += quickcsv.read(tmp_path / "t.csv", header.names, 1, ["a"], []) is not None
    assert quick > 100


def test_of_a_plain_file(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    text = 'id,"x",who\r\n1,0.5,"ann"\r\n2,1e3,bo\r\n'
    one, other = both(tmp_path, text, monkeypatch, sequence="who")
    assert one == other
    assert one == (
        {"id": ("<i8", [1, 2]), "x": ("<f8", [0.5, 1000.0])},
        [2, 3],
        ["ann", "bo"],
        None,
    )


def test_without_pyarrow_every_file_is_read(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(quickcsv.importlib, "import_module", missing)
    one, other = both(tmp_path, "x\n1\n2\n", monkeypatch)
    assert one == other == ({"x": ("<i8", [1, 2])}, [2, 3], ["", ""], None)


def test_long_files_come_in_chunks(tmp_path, monkeypatch):
    """A column that ceases to be whole far down is float64 from its first row."""
    monkeypatch.setattr("jaxem.cli.csvfile._CELLS", 7)
    text = "x,y\n" + "".join(f"{i},{i}\n" for i in range(50)) + "50.5,50\n"
    (tmp_path / "t.csv").write_text(text)
    table, _ = read_table(DataSection(source="t.csv"), tmp_path)
    assert table is not None
    assert table.columns["x"].dtype == float and table.columns["y"].dtype == np.int64
    np.testing.assert_array_equal(table.columns["x"], [*range(50), 50.5])
    np.testing.assert_array_equal(table.lines, np.arange(2, 53))
