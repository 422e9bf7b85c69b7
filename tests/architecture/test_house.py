"""Rules of the house that are read off the source: sizes, names, where programs are compiled."""

import re

import pytest

from tests.architecture.source import PACKAGE, ROOT, kept_files, loaded, modules, names_used

COMPILERS = {"jit", "pjit", "filter_jit", "pmap", "filter_pmap"}
#: Of JAX, what reads, writes or differentiates traced programs.
OF_TRACES = ("jax.extend", "jax.interpreters", "jax._src")

DRAWERS = {"utils", "util", "helpers", "common", "misc"}
LONGEST = 300

#: Places on one machine, and people that a finished text does not have.
FOREIGN = re.compile(
    r"(?<![\w.:/-])/(work|root|home|tmp|Users)/\w|\b(AI|coding) (agent|assistant)\b"
)

PYTHON = [path for path in kept_files() if path.suffix == ".py"]
TEXTS = {".py", ".md", ".toml", ".ipynb", ".csv", ".json", ".txt", ".yml", ".yaml", ""}


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_enough_to_read_at_once(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_no_module_is_a_drawer():
    assert not [p for p in PYTHON if DRAWERS & {part.removesuffix(".py") for part in p.parts}]


@pytest.mark.parametrize("module", list(modules()))
def test_programs_are_compiled_in_one_place(module):
    used = COMPILERS & names_used(modules()[module])
    assert module.startswith("jaxem.compiled.") or not used, f"{module} uses {used}"


@pytest.mark.parametrize("module", list(modules()))
def test_one_room_touches_traced_programs(module):
    used = [name for name in loaded(modules()[module]) if name.startswith(OF_TRACES)]
    assert module.startswith("jaxem.traces.") or not used, f"{module} imports {used}"


def test_the_package_ships_its_types_and_tables():
    assert (PACKAGE / "py.typed").is_file()
    assert list((PACKAGE / "datasets").rglob("*.csv"))


def test_no_file_names_a_place_on_one_machine():
    found = []
    for path in kept_files():
        if path.suffix in TEXTS:
            hit = FOREIGN.search(path.read_text(encoding="utf-8"))
            if hit:
                found.append(f"{path.relative_to(ROOT)}: {hit.group()}")
    assert not found
