"""What every test stands on: double precision, and one BLAS thread for the peers."""

import gc
import os
from pathlib import Path

# Read when numpy and JAX first start: they have to be there before either is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jax
import pytest

jax.config.update("jax_enable_x64", True)

# Their parameters share nothing, and each takes long: the workers take them one by one.
_APART = ("test_pages", "test_notebooks")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One worker runs what shares compiled programs: a declared model's tests, or a module's."""
    for item in items:
        module = item.module.__name__
        if not module.endswith(_APART):
            study = item.callspec.params.get("study") if hasattr(item, "callspec") else None
            item.add_marker(pytest.mark.xdist_group(study or module))


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


@pytest.fixture
def float32():
    """The test runs in single precision, as a program does that never sets JAX's flag."""
    with jax.enable_x64(False):
        yield
