"""Whether a program for fewer restarts is worth its compilation."""

from typing import Any

import numpy as np


class Clock:
    """A clock of the chunks of one program, which tells when a program for fewer restarts pays.

    The time that stopped restarts have wasted is compared with the time that a program took to
    compile, which is how much longer its first chunk took than the second. So at most twice the
    least possible time is lost.

    Args:
        compiled: Seconds that compiling took, by algorithm, path, rows and restarts.
        key: Those of the program that runs.
    """

    def __init__(self, compiled: dict[Any, float], key: Any):
        self._compiled, self._key = compiled, key
        self._first = None if key in compiled else np.inf
        self._wasted = 0.0

    def chunk(self, seconds: float, active: float) -> None:
        """Record the seconds of a chunk, and the share of restarts that ran at its beginning."""
        if self._first == np.inf:
            self._first = seconds
            self._compiled[self._key] = seconds
            return
        if self._first is not None:
            self._compiled[self._key] = max(self._first - seconds, 0.0)
            self._first = None
        self._wasted += seconds * (1 - active)

    def pays(self, smaller: Any) -> bool:
        """Whether to go on with a smaller program, given by its key."""
        return smaller in self._compiled or self._wasted > max(self._compiled.values(), default=0.0)
