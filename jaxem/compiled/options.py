"""How XLA compiles programs: what makes it faster where it knows the options."""

import functools
from typing import Any

import jax

#: XLA's older emitters of elementwise loops need less of LLVM, and their loops are as right.
_QUICK: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}

#: LLVM optimises nothing: half the time to compile, and two or three times that to run.
_QUICKER: dict[str, Any] = {**_QUICK, "xla_backend_optimization_level": 0}


@functools.cache
def options(few: bool) -> dict[str, Any] | None:
    """Compiler options on this machine; None where they are not known.

    Args:
        few: Whether a program has so little to do that compiling it is what takes time.
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
