"""The command line, called in this process, in a folder of its own."""

from pathlib import Path

import jax
import pytest
from typer.testing import CliRunner

from jaxem.cli.main import app

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call ``jaxem`` with arguments; the answer has exit_code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAXEM_CACHE_DIR", str(tmp_path / "cache"))
    before = jax.config.values["jax_compilation_cache_dir"]
    yield lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.fixture
def write(tmp_path):
    """Write a file into the folder of the test; returns its path."""

    def _write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def configs():
    """The folder of the configs that come with the project."""
    return CONFIGS
