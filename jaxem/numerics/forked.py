"""Check for processes forked from one in which JAX was running.

JAX's threads do not exist in such a process, and its first program would wait for them for ever.
"""

import os
import sys

from jaxem.types import DeclarationError

_forked = False


def check_not_forked() -> None:
    """Check that programs can run in this process.

    Raises:
        DeclarationError: If it was forked from one that had run some.
    """
    if _forked:
        raise DeclarationError(
            "this process was forked from one in which JAX was running; JAX's threads are not in "
            "it, and a fit would wait for them for ever. Start workers afresh: "
            'multiprocessing.get_context("spawn"), concurrent.futures.ProcessPoolExecutor('
            'mp_context=...) with it, or joblib with its default backend, "loky". Fits and models '
            "can be pickled."
        )


def _remember() -> None:
    global _forked
    bridge = sys.modules.get("jax._src.xla_bridge")
    running = getattr(bridge, "backends_are_initialized", lambda: True)
    _forked = _forked or (bridge is not None and running())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remember)
