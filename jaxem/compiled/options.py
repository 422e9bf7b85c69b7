"""Compiler options of XLA that shorten compilation, where XLA has them."""

import functools
from typing import Any

import jax

#: XLA's older emitters of elementwise loops take less time of LLVM, with equal results.
_QUICK: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}

#: No optimisation by LLVM: half the time to compile, and two or three times the time to run.
_QUICKER: dict[str, Any] = {**_QUICK, "xla_backend_optimization_level": 0}


@functools.cache
def options(few: bool) -> dict[str, Any] | None:
    """Compiler options on this machine; None if XLA has none of them.

    Args:
        few: Whether a program has so little to compute that its compilation takes longer.
    """
    if jax.default_backend() != "cpu":
        return None
    for chosen in (_QUICKER, _QUICK) if few else (_QUICK,):
        try:
            jax.jit(lambda x: x, compiler_options=chosen)(0.0)
        except jax.errors.JaxRuntimeError:
            continue
        return chosen
    return None
