"""Help, version, and how long a person waits for them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxem.compiled import folder

ROOT = Path(__file__).resolve().parents[2]


def in_process(*arguments, **more):
    """A fresh interpreter, which also says whether it has imported JAX."""
    code = (
        "import sys\n"
        "from jaxem.cli.main import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    print('jax imported:', 'jax' in sys.modules)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        **more,
    )


def test_help_names_the_commands(run):
    answer = run("--help")
    assert answer.exit_code == 0
    assert "fit" in answer.stdout
    assert "explain" in answer.stdout
    assert "select" in answer.stdout
    assert "report" in answer.stdout


@pytest.mark.parametrize("command", ["fit", "explain", "select"])
def test_help_of_a_command(run, command):
    answer = run(command, "--help")
    assert answer.exit_code == 0
    assert "CONFIG.toml" in answer.stdout


def test_brackets_stay_in_the_help(run):
    assert "[select] table" in run("select", "--help").stdout
    assert "over [output] folder" in run("fit", "--help").stdout
    assert "--no[such]" in run("fit", "--no[such]").stderr


def test_version(run):
    answer = run("--version")
    assert answer.exit_code == 0
    assert answer.stdout.startswith("jaxem")


def test_no_command_shows_the_help(run):
    assert "explain" in run().output


def test_help_is_quick():
    """Best of three, since the machine may be busy."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = in_process("--help")
        seconds.append(time.perf_counter() - began)
        assert done.returncode == 0
        assert "jax imported: False" in done.stdout
    assert min(seconds) < 1


def test_mistakes_need_no_jax(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[data]\nsource = "old_faithful"\ncolumns = ["x"]\n[model]\nzoo = "z"\n')
    done = in_process("fit", path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "jax imported: False" in done.stdout


def test_where_programs_are_kept(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache/of/all")
    monkeypatch.setenv("JAXEM_CACHE_DIR", "/cache/of/jaxem")
    assert folder.cache_folder() == Path("/cache/of/jaxem")
    monkeypatch.delenv("JAXEM_CACHE_DIR")
    assert folder.cache_folder() == Path("/cache/of/all/jaxem")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folder.cache_folder() == Path.home() / ".cache" / "jaxem"


def test_a_session_is_double_and_remembers_programs(tmp_path):
    code = (
        "from jaxem.cli.session import prepare\n"
        "prepare()\n"
        "import jax, jax.numpy as jnp\n"
        "print(jax.jit(lambda x: x + 1)(jnp.ones(3)).dtype)\n"
    )
    environment = {**os.environ, "JAXEM_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.stdout.strip() == "float64"
    assert list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    code = "from jaxem.cli.session import prepare; prepare()"
    environment = {**os.environ, "JAXEM_CACHE_DIR": str(blocked / "inside")}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
