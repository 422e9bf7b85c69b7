"""A floor under the size of XLA's CPU worker pool.

On a machine with two cores the pool has two threads, and a compiled program that holds several
batched LAPACK calls can wait for ever: each call occupies a thread and waits for another one. With
four threads most programs get through, but eight points of a Gaussian mixture with sixteen
components in sixteen dimensions hung three times out of four; with eight or sixteen none of six
did. Sixteen slow matrix products by up to a third on two cores. XLA reads ``PJRT_NPROC`` once, when
its backend starts, so the floor has to be set before the first array is made; importing jaxem does
so.
"""

import os

_FLOOR = 16
_VARIABLES = ("PJRT_NPROC", "NPROC")


def _cores() -> int:
    """Cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ensure_worker_pool() -> None:
    """Ask XLA for at least sixteen CPU workers, unless the environment already says how many.

    Does nothing on a machine with sixteen cores or more. It has no effect once a JAX backend runs.
    """
    if _cores() >= _FLOOR or any(name in os.environ for name in _VARIABLES):
        return
    os.environ["PJRT_NPROC"] = str(_FLOOR)
