"""Paired timings against other libraries, one program a file: `python -m benchmarks.gaussian`."""

import os

# Both are read once, when numpy and JAX start: one BLAS thread keeps numpy's peers comparable and
# keeps OpenBLAS from fighting XLA for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jax

jax.config.update("jax_enable_x64", True)
