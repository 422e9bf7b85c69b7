"""The README and the pages of docs/ run, and print what they say."""

import shlex
import tomllib

import pytest

from jaxem.status import Status
from tests.readme.page import ROOT, agree, blocks, run

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_holds(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    run(path)


def commands() -> list[str]:
    """The lines of the README that a person pastes into a shell."""
    return [b.text.strip() for b in blocks(README) if b.language == "bash"]


def test_two_commands_of_one_line_each():
    first, second = commands()
    assert "\n" not in first + second
    assert first.endswith("jaxem fit configs/old_faithful.toml")
    assert (ROOT / shlex.split(first)[-1]).is_file()
    assert "pytest" in second


def test_continuous_integration_runs_the_readme_s_command():
    _, tests = commands()
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_extras_and_script_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"plot", "tables", "test"} == set(project["optional-dependencies"])
    assert project["scripts"] == {"jaxem": "jaxem.cli.start:main"}


def test_every_status_has_its_paragraph():
    page = (ROOT / "docs" / "statuses.md").read_text(encoding="utf-8")
    assert not [s.name for s in Status if f"## {s}\n" not in page]
    assert not [s.name for s in Status if s.sentence not in " ".join(page.split())]


@pytest.mark.parametrize(
    ("stated", "printed", "holds"),
    [
        ("a 1.23", "a   1.2345", True),
        ("a 1.23", "a 1.25", False),
        ("64 starts", "63 starts", False),
        ("first ... last 2.0", "first, then others\nlast 1.999", True),
        ("first ... last", "first and lost", False),
        ("loc | 1.0e-03", "loc|1.04e-03", True),
        ("log likelihood -1,130.26", "log likelihood -1130.264", True),
        ("a b", "a", False),
    ],
)
def test_what_agreement_means(stated, printed, holds):
    assert agree(stated, printed) is holds
