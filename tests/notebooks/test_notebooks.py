"""The notebooks run from top to bottom, and are committed with what they show."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.readme.page import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HEAVIEST_IN_BYTES = 800_000


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def pictures(notebook) -> int:
    outputs = [out for cell in code_cells(notebook) for out in cell.outputs]
    return sum("image/png" in out.get("data", {}) for out in outputs)


def errors(notebook) -> list[str]:
    outputs = [out for cell in code_cells(notebook) for out in cell.outputs]
    return [
        out.get("ename", "stderr")
        for out in outputs
        if out.output_type == "error" or out.get("name") == "stderr"
    ]


def test_there_are_four():
    names = ["first_steps", "from_numpyro", "hidden_markov", "your_own_model"]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_with_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run it from top to bottom in a fresh kernel"
    assert pictures(notebook) >= 3
    assert not errors(notebook)
    assert path.stat().st_size < HEAVIEST_IN_BYTES


#: The ordinary run has time for two of them.
LONG = {"from_numpyro", "your_own_model"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.long if p.stem in LONG else ()) for p in NOTEBOOKS],
    ids=lambda path: path.stem,
)
def test_runs_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    shown = pictures(notebook)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    assert not errors(notebook)
    assert pictures(notebook) == shown
