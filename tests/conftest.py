"""What every test stands on: double precision, and one BLAS thread for the peers."""

import contextlib
import gc
import os
from pathlib import Path

# Read when numpy and JAX first start: they have to be there before either is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jax
import pytest
from jaxtyping import install_import_hook

# The types and shapes that array code declares are checked at every call; where people's mistakes
# come in, jaxem's own messages are. To be said before the modules are imported.
_CHECKED = {
    "numerics": ("factorise", "lasso", "logspace", "newton", "symmetric", "ties"),
    "latent": ("columns", "links", "logarithmic", "products", "pruning", "rounds", "scaled"),
    "predict": ("readings",),
}
for _room, _modules in _CHECKED.items():  # the hook says nothing of a module that is gone
    for _module in _modules:
        assert Path(__file__).parents[1].joinpath("jaxem", _room, f"{_module}.py").exists(), _module
install_import_hook([f"jaxem.{r}.{m}" for r in _CHECKED for m in _CHECKED[r]], "beartype.beartype")

from jaxem.compiled.folder import cache_folder

jax.config.update("jax_enable_x64", True)

# What one worker or an earlier run has compiled, another need not: most of a run is compilation.
# To begin anew, delete the folder.
jax.config.update("jax_compilation_cache_dir", str(cache_folder().with_name("jaxem-tests")))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

# Their parameters share nothing, and each takes long: the workers take them one by one.
_APART = ("test_pages.py", "test_notebooks.py")


#: Folders of what everything else stands on: the part of the suite for other versions.
_CORE = ("algebra", "compiled", "latent", "model", "mstep", "numerics", "traces", "trees")


#: Tests that are left to `-m long` because of their seconds, by their ids.
_LONG = Path(__file__).with_name("long.txt")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Tests of the core have its marker, those that take long have theirs."""
    listed = {line for line in _LONG.read_text().splitlines() if not line.startswith("#")}
    for item in items:
        if Path(item.path).parent.name in _CORE:
            item.add_marker(pytest.mark.core)
        if item.nodeid in listed:
            item.add_marker(pytest.mark.long)
    if config.args == config.getini("testpaths"):
        lost = listed - {item.nodeid for item in items}
        if lost:
            raise pytest.UsageError(f"tests/long.txt lists tests that are gone: {sorted(lost)}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One worker runs what shares compiled programs: a file, or the property tests of a model."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            if file.endswith(_APART):
                return nodeid
            if "/properties/" in file and "[" in test:
                return "properties of " + test[test.index("[") :]
            return file

    return Together(config, log)


# Every compiled program keeps a few memory maps, of which Linux allows a process 65530: a worker
# that compiles thousands of programs and passes the limit crashes.
_MOST_MAPS = 20_000


@pytest.fixture(autouse=True, scope="module")
def compiled_programs():
    """Programs are forgotten between modules, once there are very many."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > _MOST_MAPS:
        jax.clear_caches()
        gc.collect()


_compiled: list[str] = []


def _listen(event, seconds, **told):
    if event.endswith("backend_compile_duration"):
        _compiled.append(told.get("fun_name", ""))


jax.monitoring.register_event_duration_secs_listener(_listen)


@pytest.fixture
def programs_compiled():
    """A context that gives the names of the programs that are compiled in it."""

    @contextlib.contextmanager
    def watch():
        before, seen = len(_compiled), []
        yield seen
        seen += _compiled[before:]

    return watch


@pytest.fixture
def float32():
    """The test runs in single precision, as a program does that never sets JAX's flag."""
    with jax.enable_x64(False):
        yield
